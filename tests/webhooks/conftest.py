import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audits.actions import Action
from audits.chain.sealing import seal_pending
from audits.record import Actor, Target, record
from players.models import Player, Rank
from tests import first_start
from tests.webhooks.receivers import Receiver
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outbound import fan_out, worker

OLGA = Actor("staff", "1", "Olga", "staff:1")
PATHS = {
    "standard": "hooks/grps",
    "discord": "api/webhooks/1/token",
    "slack": "services/T1/B1/token",
}


@pytest.fixture(autouse=True)
def _this_machine_may_be_called(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Office:
    """Events and endpoints, step by step: record, seal, fan out and deliver."""

    def endpoint(
        self, receiver: Receiver, kind: str = "standard", /, **changes: Any
    ) -> WebhookEndpoint:
        name = changes.pop("name", kind)
        wanted = {"address": receiver.url + PATHS[kind], "events": ["*"]} | changes
        return services.create(EndpointInput(name=name, kind=kind, **wanted), actor=OLGA)[0]

    def player(self, user_id: int = 156, username: str = "Nia") -> Player:
        now = timezone.now()
        rank = Rank.objects.get(name="Initiate")
        return Player.objects.create(
            user_id=user_id, username=username, rank=rank, rank_since=now, named_at=now
        )

    def ban(self, player: Player, reason: str = "exploiting") -> int:
        target = Target("player", str(player.pk), player.username, player.subject)
        after = {"sanction": 1, "until": "2027-01-01T00:00:00+00:00"}
        with transaction.atomic():
            return record(
                Action.PLAYER_BANNED, actor=OLGA, target=target, reason=reason, after=after
            )

    def happen(self, action: Action = Action.POLICY_ACTIVATED, **changes: Any) -> int:
        with transaction.atomic():
            return record(action, actor=OLGA, **changes)

    def fan_out(self) -> int:
        while seal_pending():
            pass
        return fan_out.run()

    def deliver(self) -> int:
        """Fan out and deliver everything that is due. Returns the number of calls."""
        self.fan_out()
        return worker.run(60)

    def pass_time(self, **span: float) -> None:
        """Make waiting deliveries due earlier, as if this time had passed."""
        earlier = dt.timedelta(**span)
        for row in WebhookDelivery.objects.filter(status="pending"):
            WebhookDelivery.objects.filter(pk=row.pk).update(retry_at=row.retry_at - earlier)
        for endpoint in WebhookEndpoint.objects.all():
            moments = {
                name: value - earlier
                for name in (
                    "failing_since",
                    "failing_told_at",
                    "paused_until",
                    "next_call_at",
                    "exhausted_told_at",
                )
                if (value := getattr(endpoint, name)) is not None
            }
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**moments)


@pytest.fixture
def office(transactional_db: None) -> Office:
    first_start.bootstrap()
    office = Office()
    office.fan_out()
    return office


Answer = Callable[[Any], tuple[int, dict[str, str], bytes]]


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Return a receiver's answer to every request."""
    return lambda request: (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        body,
    )
