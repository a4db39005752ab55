"""An import is one event for each step to endpoints, however many players it changes."""

from audits.models import AuditEvent
from tests.players.imports.conftest import applied, previewed, undone
from tests.players.mass_adjustments.conftest import make_people
from tests.webhooks.conftest import Office
from tests.webhooks.receivers import Receiver
from webhooks.models import WebhookDelivery


def test_an_import_is_summed_up_for_endpoints(office: Office, receiver: Receiver) -> None:
    make_people(range(1, 6))
    endpoint = office.endpoint(receiver, events=["*"])
    office.fan_out()
    before = WebhookDelivery.objects.count()
    first = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True)[0]
    lines = [f"{user_id},{user_id}0,Captain I,2" for user_id in range(1, 6)]
    job = applied(previewed("userId,points,rank,warnings", *lines))
    office.fan_out()
    sent = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("pk")[before:]
    # The start, the preview and the end; not the chunk, five ranks and ten warnings.
    assert [one.action for one in sent] == ["import.begun", "import.previewed", "import.applied"]
    new = AuditEvent.objects.filter(pk__gt=first)
    assert new.filter(action="rank.set").count() == 5
    assert new.filter(action="player.warned").count() == 10
    end = AuditEvent.objects.get(pk=sent[2].event_id).details
    assert (end["done"], end["count"], end["ranks"], end["warnings"]) == (True, 5, 5, 10)
    undone(job)
    office.fan_out()
    sent = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("pk")[before + 3 :]
    assert [one.action for one in sent] == ["import.begun", "import.previewed", "import.applied"]
    assert new.filter(action="player.pardoned").count() == 10
