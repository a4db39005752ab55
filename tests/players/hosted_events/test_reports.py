"""What game servers report: repeats, crashes, and a stolen key."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from audits.models import AuditEvent
from players.hosted_events import ending, own
from players.models import Approval, HostedEvent, Player, Quarantine
from players.moderation import approvals
from players.moderation.actors import officer
from tests.players.discipline.conftest import make
from tests.players.hosted_events.conftest import HOST, MEMBERS, Training
from tests.players.hosted_events.test_award import points
from tests.race.together import at_once, lost, won

AWARD = {"award": {"byUserId": HOST, "reason": "well done"}}


def test_repeats_and_older_reports_change_nothing(training: Training) -> None:
    training.report(0, 1)
    training.report(5, 1)
    training.revision = 0
    assert training.report(1, 1, 2)["state"] == "running"
    assert HostedEvent.objects.count() == 1
    assert training.event.attendances.count() == 1
    assert AuditEvent.objects.filter(action="hosted_event.started").count() == 1


def test_a_game_awards_what_grps_saw(training: Training) -> None:
    training.run(1, 2)
    training.revision += 1
    answer = training.report(12, 1, 2, **training.ended(12), **AWARD)
    assert answer["state"] == "awarded", answer
    assert {row["userId"]: row["elsewhere"] for row in answer["players"]} == {
        1: 15,
        2: 15,
        HOST: 15,
    }
    again = training.report(12, 1, 2, **training.ended(12), **AWARD)
    assert (again["state"], points(1)) == ("awarded", 15)
    found = own.events_of(Player.objects.get(user_id=1))
    assert [(one.hosted, one.minutes) for one in found] == [(False, 12)]


def test_a_stolen_key_cannot_claim_an_hour_at_once(training: Training) -> None:
    training.started -= dt.timedelta(hours=1)
    answer = training.report(60, *MEMBERS, **training.ended(60), **AWARD)
    assert (answer["state"], points(1)) == ("waiting", 0)
    approval = Approval.objects.get()
    assert (approval.cause, approval.experience) == ("experience", "nexus")
    approvals.approve(approval.pk, by=officer(HOST), reason="I was there", now=timezone.now())
    assert points(1) == 15


def test_a_silent_hour_is_no_presence_that_grps_saw(training: Training) -> None:
    training.report(0, *MEMBERS)
    answer = training.report(60, *MEMBERS, **training.ended(60), **AWARD)
    assert (answer["state"], points(1)) == ("waiting", 0)


def test_a_key_awards_within_the_bounds_only(training: Training) -> None:
    many = range(100, 125)
    for user_id in many:
        make(user_id, "Initiate")
    training.run(*many)
    answer = training.report(12, *many, **training.ended(12), **AWARD)
    assert answer["state"] == "waiting"
    assert "20 people" in answer["detail"]
    assert points(100) == 0


@pytest.mark.parametrize("host", [1, 999])
def test_nobody_hosts_without_the_rank(began: Callable[..., Training], host: int) -> None:
    answer = began(host=host).report(0, 2)
    assert (answer["state"], HostedEvent.objects.count()) == ("refused", 0)


def test_a_quarantined_key_waits_for_the_owners(training: Training) -> None:
    training.report(0, 1)
    held = Quarantine.objects.create(
        experience="nexus",
        source="queue:nexus",
        cause={},
        event=1,
        status="open",
        opened_at=timezone.now(),
    )
    HostedEvent.objects.update(quarantine=held)
    training.run(1)
    answer = training.report(12, 1, **training.ended(12), **AWARD)
    assert "quarantine" in answer["detail"]
    assert points(1) == 0


def test_a_vanished_server_leaves_its_event_to_the_host(training: Training) -> None:
    for minute in (0, 6, 12):
        training.report(minute, 1)
    late = training.started + dt.timedelta(minutes=23)
    assert ending.end_by_themselves(late) == 1
    event = training.event
    assert (event.status, event.ended_by) == ("ended", "silence")
    assert event.attendances.get().attended
    assert training.report(24, 1)["state"] == "running"  # its server is back


@pytest.mark.django_db(transaction=True)
def test_two_awards_at_once_are_one(training: Training) -> None:
    training.run(1, 2)
    outcomes = at_once(training.award, training.award)
    assert len(won(outcomes)) == 1
    assert "already" in lost(outcomes)[0]
    assert [points(user_id) for user_id in (1, 2, HOST)] == [15, 15, 15]
    connection.close()
