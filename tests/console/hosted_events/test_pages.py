"""The pages of events with a host."""

import datetime as dt

from django.test import Client
from django.utils import timezone

from players.models import HostedEvent, HostedEventSeries
from tests.console.people import client_as
from tests.players.discipline.conftest import make


def test_an_officer_plans_an_event_and_a_series(bootstrapped: None, owner: Client) -> None:
    general = make(901, "Brigadier General", days=1)
    client = client_as(general)
    starts = (timezone.now() + dt.timedelta(days=2)).strftime("%Y-%m-%dT19:30")
    form = {"kind": "training", "experience": "nexus", "starts_at": starts, "minutes": 60}
    answer = client.post("/admin/events/new/", form | {"zone": "Europe/Berlin"}, follow=True)
    event = HostedEvent.objects.get()
    assert answer.status_code == 200, answer.content
    assert (event.status, event.host) == ("planned", general)
    assert event.starts_at is not None
    assert event.starts_at.minute == 30
    assert (
        f"BEGIN:VEVENT\r\nUID:hosted-event-{event.pk}@grps"
        in client.get("/admin/events/calendar.ics").content.decode()
    )
    client.post("/admin/events/new/", form | {"zone": "UTC", "every_days": 7})
    assert HostedEventSeries.objects.count() == 1
    assert HostedEvent.objects.exclude(series=None).count() == 4
    assert b"Training" in client.get("/admin/events/").content
    client.post(f"/admin/events/{event.pk}/cancel/", {"reason": "nobody comes"})
    event.refresh_from_db()
    assert event.status == "cancelled"
    assert client.get(f"/admin/events/{event.pk}/").status_code == 200
