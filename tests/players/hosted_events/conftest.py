"""A host with attendees at a running training, as a game server reports it."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from players.hosted_events import awarding
from players.models import HostedEvent
from players.moderation.actors import officer
from players.moderation.command import ActionResult, Command
from tests.players.discipline.conftest import make
from tests.shared_clock import clock_at

HOST, CO_HOST, CHIEF = 901, 902, 903
MEMBERS = (1, 2, 3)


class Training:
    """One event of a game server of `nexus`, which reports it over HTTP."""

    def __init__(self, api_key: str, host: int = HOST, kind: str = "training") -> None:
        self.client = Client(headers={"x-grps-api-key": api_key})
        self.id, self.host, self.kind = str(uuid.uuid4()), host, kind
        self.started, self.revision = timezone.now(), 0

    def attendee(self, user_id: int, since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        return {
            "userId": user_id,
            "username": f"player_{user_id}",
            "seconds": int((until - since).total_seconds()),
            "firstSeenAt": since.isoformat(),
            "lastSeenAt": until.isoformat(),
        }

    def report(self, minute: float, *user_ids: int, **changes: Any) -> dict[str, Any]:
        """Report at so many minutes after the start that these people were there all the time."""
        self.revision += 1
        at = self.started + dt.timedelta(minutes=minute)
        body = {
            "id": self.id,
            "revision": self.revision,
            "kind": self.kind,
            "hostUserId": self.host,
            "placeId": 1,
            "jobId": "job",
            "startedAt": self.started.isoformat(),
            "attendees": [self.attendee(user_id, self.started, at) for user_id in user_ids],
        }
        with clock_at(at):
            return self.post(body | changes)

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(
            "/roblox/hosted-events", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, minute: float) -> dict[str, Any]:
        return {"endedAt": (self.started + dt.timedelta(minutes=minute)).isoformat()}

    def run(self, *user_ids: int, minutes: int = 12) -> dict[str, Any]:
        """Start it, report it once a few minutes, and end it."""
        for minute in range(0, minutes, 3):
            self.report(minute, *user_ids)
        return self.report(minutes, *user_ids, **self.ended(minutes))

    @property
    def event(self) -> HostedEvent:
        return HostedEvent.objects.get(game_id=self.id)

    def award(self, by: int = HOST, **changes: Any) -> ActionResult:
        command = Command(by=officer(by), reason="well done", now=timezone.now())
        return awarding.award(self.event.pk, command)


@pytest.fixture
def crowd(bootstrapped: None) -> None:
    """Create three members, a general and a stormmarshal who host, and a supreme commander."""
    for user_id in MEMBERS:
        make(user_id, "Captain I", days=1)
    make(HOST, "Brigadier General", days=1)
    make(CO_HOST, "Stormmarshal", days=1)
    make(CHIEF, "Supreme Command", days=1)


@pytest.fixture
def training(api_key: str, crowd: None) -> Training:
    return Training(api_key)


@pytest.fixture
def began(api_key: str, crowd: None) -> Callable[..., Training]:
    """Return a function that makes another event."""
    return lambda **options: Training(api_key, **options)
