"""Hosted events are public: what a listed player attended or hosted, and what is to come."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from players.models import HostedEvent, HostedEventAttendance, HostedEventHost, Player
from tests.players.public.conftest import get, make

NOW = timezone.now().replace(microsecond=0)
HOUR = dt.timedelta(hours=1)


def event(host: Player, status: str, hours: float, **fields: Any) -> HostedEvent:
    """Create an event that starts or started so many hours from now."""
    at = NOW + hours * HOUR
    if status in {"ended", "awarded"}:
        fields |= {"started_at": at, "ended_at": at + HOUR}
    fields |= {"award_event": 1} if status == "awarded" else {}
    given = {"kind": "training", "experience": "nexus", "starts_at": at} | fields
    return HostedEvent.objects.create(host=host, status=status, **given)


@pytest.fixture
def people(bootstrapped: None) -> tuple[Player, Player]:
    return make(1, 10), make(2, 20, username="Host_2", display_name="Hosty")


def test_what_a_player_attended_and_hosted(people: tuple[Player, Player]) -> None:
    guest, host = people
    for status, struck in (("awarded", ""), ("ended", "player:2"), ("running", "")):
        held = event(host, status, -3)
        HostedEventHost.objects.create(event=held, player=host)
        HostedEventAttendance.objects.create(
            event=held, player=guest, attended=True, struck_by=struck, seconds=900
        )
    (attended,) = get("/players/1/hosted-events")["events"]
    started = (NOW - 3 * HOUR).isoformat().replace("+00:00", "Z")
    assert attended | {"id": ""} == {
        "id": "",
        "kind": "training",
        "title": "Training",
        "experience": "Nexus",
        "startedAt": started,
        "hosted": False,
    }
    assert [one["hosted"] for one in get("/players/2/hosted-events")["events"]] == [True, True]
    Player.objects.filter(user_id=1).update(listed=False)
    assert Client().get("/players/1/hosted-events?n=1").status_code == 404


def test_what_is_to_come(people: tuple[Player, Player]) -> None:
    _, host = people
    event(host, "cancelled", 1)
    event(host, "planned", -2)  # nobody started it
    event(host, "planned", 48, title="Finals", description="Bring friends.")
    event(host, "planned", 24, kind="retired_kind")
    event(host, "running", 0, started_at=NOW)
    found = get("/hosted-events")["events"]
    assert [(one["title"], one["running"]) for one in found] == [
        ("Training", True),
        ("retired_kind", False),
        ("Finals", False),
    ]
    assert found[2]["description"] == "Bring friends."
    assert found[2]["host"] == {
        "userId": 2,
        "userIdString": "2",
        "username": "Host_2",
        "displayName": "Hosty",
    }
    Player.objects.filter(user_id=2).update(listed=False)
    assert [one["host"] for one in get("/hosted-events?limit=5")["events"]] == [None] * 3
