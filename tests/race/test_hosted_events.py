"""Races of hosted events: one ends, is awarded and is undone once."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from players.actions import undo
from players.hosted_events import awarding, ending
from players.models import HostedEvent, HostedEventAttendance, HostedEventHost, LedgerEntry
from players.moderation.actors import officer
from players.points import consistency
from tests import first_start
from tests.players.discipline.conftest import COMMAND
from tests.race.together import at_once, lost, won
from tests.race.world import GENERAL, TARGET, acting, ago, player, populate, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event() -> HostedEvent:
    """Return a training of the general that runs, and whose server vanished."""
    first_start.bootstrap()
    populate()
    made = HostedEvent.objects.create(
        kind="training",
        experience="nexus",
        host=player(GENERAL),
        status="running",
        started_at=ago(minutes=40),
        last_report_at=ago(minutes=20),
        game_id=uuid.uuid4(),
    )
    HostedEventHost.objects.create(event=made, player=player(GENERAL))
    HostedEventAttendance.objects.create(
        event=made,
        player=player(TARGET),
        seconds=1200,
        first_seen_at=ago(minutes=40),
        last_seen_at=ago(minutes=20),
        reported_at=ago(minutes=40),
    )
    return made


def both(act: Callable[..., Any], row: int) -> list[Callable[[], Any]]:
    """Return an attempt of the host and one of an officer above."""
    return [acting(act, row, by=officer(user_id)) for user_id in (GENERAL, COMMAND)]


def test_two_ends_end_an_event_once(event: HostedEvent) -> None:
    found = at_once(*both(ending.end, event.pk))
    assert len(won(found)) == 1
    assert "cannot be ended" in lost(found)[0]
    assert told("hosted_event.ended") == 1


def test_an_end_by_itself_and_one_by_the_host_are_one(event: HostedEvent) -> None:
    attempts = [
        lambda: ending.end_by_themselves(timezone.now()),
        lambda: ending.end_by_themselves(timezone.now()),
        acting(ending.end, event.pk, by=officer(GENERAL)),
    ]
    at_once(*attempts)
    assert told("hosted_event.ended") == 1
    event.refresh_from_db()
    assert event.status == "ended"
    assert event.attendances.filter(attended=True).count() == 1


def test_two_awards_and_two_undos_count_once(event: HostedEvent) -> None:
    acting(ending.end, event.pk, by=officer(GENERAL))()
    found = at_once(*both(awarding.award, event.pk))
    assert len(won(found)) == 1
    assert "awarded already" in lost(found)[0]
    assert (told("hosted_event.awarded"), player().points) == (1, 15)
    event.refresh_from_db()
    assert event.award_event is not None
    found = at_once(*both(undo.revert, event.award_event))
    assert len(won(found)) == 1
    assert "taken back" in lost(found)[0]
    assert (told("hosted_event.undone"), player().points) == (1, 0)
    assert LedgerEntry.objects.filter(type="training").count() == 4
    assert consistency.verify() == []
