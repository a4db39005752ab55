"""The award of a hosted event: once, under caps, undone as a whole."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from players.actions import undo
from players.hosted_events import attendance
from players.models import DailyPoints, HostedEvent, HostedEventAttendance, LedgerEntry, Player
from players.moderation import approvals
from players.moderation.actors import officer
from players.moderation.command import Command
from players.points import consistency
from tests.players.conftest import Game
from tests.players.discipline.conftest import make
from tests.players.hosted_events.conftest import CHIEF, CO_HOST, HOST, Training


def points(user_id: int) -> float:
    return float(Player.objects.get(user_id=user_id).points)


def test_everybody_who_stayed_is_awarded_once(training: Training) -> None:
    training.run(1, 2, 3)
    done = training.award()
    assert [points(user_id) for user_id in (1, 2, 3, HOST)] == [15, 15, 15, 15]
    event = AuditEvent.objects.get(action="hosted_event.awarded")
    assert (done.event, event.details["count"], event.details["sum"]) == (event.pk, 3, "60.00")
    with pytest.raises(Refused, match="awarded already"):
        training.award()
    assert LedgerEntry.objects.filter(batch=event.pk, type="training").count() == 4
    assert consistency.verify() == []


def test_an_award_is_undone_as_a_whole_and_given_again(training: Training) -> None:
    training.run(1, 2)
    first = training.award().event
    assert first is not None
    command = Command(by=officer(HOST), reason="wrong list", now=timezone.now())
    undo.revert(first, command)
    assert [points(user_id) for user_id in (1, 2, HOST)] == [0, 0, 0]
    assert set(DailyPoints.objects.values_list("awarded", flat=True)) == {Decimal(0)}
    with pytest.raises(Refused, match="taken back"):
        undo.revert(first, command)
    assert consistency.verify() == []
    training.award()
    assert points(1) == 15
    assert consistency.verify() == []


def test_a_repeated_report_does_not_give_again_what_was_taken_back(training: Training) -> None:
    order = {"award": {"byUserId": HOST, "reason": "well done"}}
    training.run(1, 2)
    assert training.report(12, 1, 2, **training.ended(12), **order)["state"] == "awarded"
    event = training.event.award_event
    assert event is not None
    undo.revert(event, Command(by=officer(HOST), reason="wrong list", now=timezone.now()))
    assert training.report(12, 1, 2, **training.ended(12), **order)["state"] == "ended"
    assert [points(user_id) for user_id in (1, 2, HOST)] == [0, 0, 0]


def test_caps_cut_an_award(training: Training, game: Game) -> None:
    game.send(game.event(1, awarded=490, total=490, type="training", magnitude=40))
    training.run(1, 2)
    training.award()
    assert (points(1), points(2)) == (500, 15)
    assert consistency.verify() == []


def test_who_left_was_struck_or_stands_above_gets_nothing(training: Training) -> None:
    make(4, "Supreme Command", days=1)
    training.report(0, 1, 2, 3, 4)
    training.run(1, 2, 4)
    command = Command(by=officer(HOST), reason="slept", now=timezone.now())
    attendance.strike(training.event.pk, 2, command)
    training.award()
    assert [points(user_id) for user_id in (1, 2, 3, 4)] == [15, 0, 0, 0]
    assert "above" in HostedEventAttendance.objects.get(player__user_id=4).note


def test_only_its_hosts_and_officers_above_award(training: Training) -> None:
    make(5, "Tempest Major", days=1)
    training.run(1)
    with pytest.raises(NotAllowed, match="hosts"):
        training.award(by=5)
    with pytest.raises(NotAllowed, match="rank"):
        training.award(by=2)
    assert training.award(by=CHIEF).event
    assert points(CHIEF) == 0


def test_a_rank_without_adjustments_needs_a_second_person(
    began: object, api_key: str, crowd: None
) -> None:
    make(5, "Tempest Major", days=1)
    training = Training(api_key, host=5)
    training.run(1)
    held = training.award(by=5)
    assert held.approval is not None
    assert points(1) == 0
    approvals.approve(held.approval.pk, by=officer(CHIEF), reason="fine", now=timezone.now())
    assert (points(1), points(5)) == (15, 15)
    assert training.event.status == HostedEvent.Status.AWARDED


def test_a_co_host_is_no_attendee(training: Training) -> None:
    training.report(0, 1, coHostUserIds=[CO_HOST, 2])
    training.run(1, CO_HOST, 2)
    training.award()
    assert [points(one) for one in (1, 2, CO_HOST)] == [15, 15, 15]
    assert not HostedEventAttendance.objects.filter(player__user_id=CO_HOST).exists()


def test_the_operator_plans_and_awards(training: Training, capsys: Any) -> None:
    training.run(1)
    tomorrow = (timezone.now() + dt.timedelta(days=1)).isoformat()
    call_command("hosted_event", "plan", "training", "nexus", str(HOST), tomorrow)
    call_command("hosted_event", "list")
    assert "player_901" in capsys.readouterr().out
    call_command("hosted_event", "award", str(training.event.pk), "--reason", "well done")
    assert points(1) == 15
    with pytest.raises(CommandError, match="awarded already"):
        call_command("hosted_event", "award", str(training.event.pk), "--reason", "again")


def test_an_undo_past_ones_limit_waits_for_a_second_person(training: Training) -> None:
    for user_id in range(10, 50):
        make(user_id, "Captain I", days=1)
    training.run(*range(10, 50))
    first = training.award(by=CHIEF).event
    assert first is not None
    command = Command(by=officer(HOST), reason="wrong list", now=timezone.now())
    asked = undo.revert(first, command).approval
    assert asked is not None
    assert points(10) == 15
    with pytest.raises(Refused, match="asked for already"):
        undo.revert(first, command)
    with pytest.raises(NotAllowed, match="second person"):
        approvals.approve(asked.pk, by=officer(HOST), reason="fine", now=timezone.now())
    with pytest.raises(NotAllowed, match="own limit"):
        approvals.approve(asked.pk, by=officer(CO_HOST), reason="fine", now=timezone.now())
    approvals.approve(asked.pk, by=officer(CHIEF), reason="fine", now=timezone.now())
    assert [points(user_id) for user_id in (10, 49, HOST)] == [0, 0, 0]
    undone = AuditEvent.objects.get(action="hosted_event.undone")
    assert undo.reverted_by([first]) == {first: undone.pk}
    assert undone.actor_id == officer(HOST).actor.id
    assert training.event.status == HostedEvent.Status.ENDED
    assert consistency.verify() == []


def test_a_request_to_undo_ends_with_the_award(training: Training) -> None:
    for user_id in range(10, 50):
        make(user_id, "Captain I", days=1)
    training.run(*range(10, 50))
    first = training.award(by=CHIEF).event
    assert first is not None
    command = Command(by=officer(HOST), reason="wrong list", now=timezone.now())
    asked = undo.revert(first, command).approval
    assert asked is not None
    undo.revert(first, Command(by=officer(CHIEF), reason="mine", now=timezone.now()))
    again = training.award(by=CHIEF).event
    with pytest.raises(Refused, match="Reject it"):
        approvals.approve(asked.pk, by=officer(CHIEF), reason="fine", now=timezone.now())
    assert (training.event.award_event, points(10)) == (again, 15)
