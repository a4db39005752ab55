"""An event is undone once, by any person and through any entry point."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from audits.models import AuditEvent, Reversal
from common.errors import Refused
from players.actions import undo
from players.actions.registry import INVERSES
from players.bulk import previews, row_executor
from players.bulk.row_executor import BULK_JOBS
from players.discipline import notes, sanctions
from players.leave import decisions as leave_decisions
from players.leave import requests
from players.models import Approval, BulkJob, QuotaExemption, Recommendation, Sanction
from players.moderation import approvals
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.policy.leave import DAY, LeaveDays
from players.quotas import exemptions
from players.ranks import decisions, locks
from tests import first_start
from tests.players.discipline.conftest import ADMIRAL, COMMAND
from tests.race.together import at_once, lost, won
from tests.race.world import (
    TARGET,
    acting,
    adjusted,
    approve,
    call,
    held_undo,
    last,
    order,
    owner,
    player,
    populate,
    shell,
    staff,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _people() -> None:
    first_start.bootstrap()
    populate()


def _warned() -> None:
    sanctions.warn(TARGET, Command(**order(shell())))


def _pardoned() -> None:
    _warned()
    sanctions.pardon(Sanction.objects.get().pk, Command(**order(shell())))


def _suspended() -> None:
    sanctions.suspend(TARGET, Command(**order(shell())))


def _reinstated() -> None:
    _suspended()
    sanctions.lift(TARGET, Command(**order(shell())))


def _banned() -> None:
    sanctions.ban(TARGET, Command(**order(shell())))


def _unbanned() -> None:
    _banned()
    sanctions.unban(TARGET, Command(**order(shell())))


def _rejected() -> None:
    decision = decisions.propose(TARGET, "Captain II", Command(**order(staff(ADMIRAL)[0])))
    decisions.reject(decision.pk, **order(staff(COMMAND)[0]))


def _recommended() -> None:
    recommendations.recommend(TARGET, Command(**order(staff(ADMIRAL)[0])))


def _unlocked() -> None:
    locks.lock_promotions(TARGET, None, Command(**order(shell())))
    locks.unlock_promotions(TARGET, Command(**order(shell())))


def _allowed() -> None:
    locks.deny_rank(TARGET, "Captain II", Command(**order(shell())))
    locks.allow_rank(TARGET, "Captain II", Command(**order(shell())))


def _exempted() -> None:
    exemptions.exempt(TARGET, Command(**order(shell())))


def _exemption_ended() -> None:
    _exempted()
    exemptions.end(QuotaExemption.objects.get().pk, Command(**order(shell())))


def _on_leave() -> None:
    today = timezone.now().date()
    days = LeaveDays(today, today + 5 * DAY)
    leave_decisions.grant(TARGET, days, Command(**order(shell())))


def _leave_extended() -> None:
    _on_leave()
    last = timezone.now().date() + 7 * DAY
    leave_decisions.extend(TARGET, last, Command(**order(shell())))


def _leave_ended() -> None:
    _on_leave()
    leave_decisions.end(TARGET, Command(**order(shell())))


def _leave_turned_down() -> None:
    wish = requests.Wish(requests.from_today(3, timezone.now()), "exams")
    asked = requests.ask(TARGET, wish, now=timezone.now())
    leave_decisions.turn_down(asked.pk, Command(**order(shell())))


DONE: dict[str, Callable[[], object]] = {
    "points.adjusted": adjusted,
    "player.warned": _warned,
    "player.pardoned": _pardoned,
    "player.suspended": _suspended,
    "player.reinstated": _reinstated,
    "player.banned": _banned,
    "player.unbanned": _unbanned,
    "rank.set": lambda: decisions.set_rank(TARGET, "Captain II", Command(**order(shell()))),
    "decision.rejected": _rejected,
    "player.noted": lambda: notes.write(
        TARGET, "watch them", Command(by=shell(), now=timezone.now())
    ),
    "player.recommended": _recommended,
    "promotions.locked": lambda: locks.lock_promotions(TARGET, None, Command(**order(shell()))),
    "promotions.unlocked": _unlocked,
    "rank.denied": lambda: locks.deny_rank(TARGET, "Captain II", Command(**order(shell()))),
    "rank.allowed": _allowed,
    "player.exempted": _exempted,
    "exemption.ended": _exemption_ended,
    "leave.granted": _on_leave,
    "leave.extended": _leave_extended,
    "leave.ended": _leave_ended,
    "leave.turned_down": _leave_turned_down,
}


def test_every_event_that_can_be_taken_back_is_raced() -> None:
    assert set(INVERSES) - set(DONE) == {"rank.promoted", "rank.demoted"}  # as rank.set


@pytest.mark.parametrize("action", DONE)
def test_of_four_who_take_an_event_back_at_once_one_does(action: str) -> None:
    DONE[action]()
    event = last(action)
    found = at_once(*[acting(undo.revert, event, by=shell()) for _ in range(4)])
    assert len(won(found)) == 1, found
    assert all(
        "back already" in said or "not in force" in said or "by now" in said for said in lost(found)
    ), found
    assert AuditEvent.objects.filter(reverts=event).count() == 1
    assert Reversal.objects.get(event_id=event).by_event == AuditEvent.objects.get(reverts=event).pk


def test_two_officers_leave_an_adjustment_undone_once() -> None:
    event = adjusted()
    found = at_once(*[acting(undo.revert, event, by=by) for by in staff(ADMIRAL, COMMAND)])
    assert (len(won(found)), player().adjusted) == (1, 0)


def test_a_held_and_a_direct_undo_act_once() -> None:
    event = adjusted()
    admiral, command = staff(ADMIRAL, COMMAND)
    held = held_undo(event, admiral)
    undo.revert(event, Command(**order(command)))
    with pytest.raises(Refused, match="taken back already"):
        approvals.approve(held.pk, **order(command))
    assert player().adjusted == 0
    approvals.reject(held.pk, **order(command))
    assert Approval.objects.get(pk=held.pk).status == "rejected"


def test_an_undo_and_an_approval_at_once_act_once() -> None:
    event = adjusted()
    admiral, command = staff(ADMIRAL, COMMAND)
    held = held_undo(event, admiral)
    found = at_once(approve(held, command), acting(undo.revert, event, by=shell()))
    assert (len(won(found)), player().adjusted) == (1, 0)
    assert "back already" in lost(found)[0]


def test_two_approvals_of_one_undo_act_once() -> None:
    event = adjusted()
    admiral, command = staff(ADMIRAL, COMMAND)
    both = [held_undo(event, admiral), held_undo(event, command)]
    found = at_once(
        *[approve(held, owner(name)) for held, name in zip(both, ("olga", "sven"), strict=True)]
    )
    assert (len(won(found)), player().adjusted) == (1, 0)
    assert "back already" in lost(found)[0]


def test_a_mass_undo_and_a_single_one_take_it_back_once() -> None:
    event = adjusted()
    span = (order(shell())["now"].replace(year=2000), order(shell())["now"].replace(year=2100))
    job = previews.preview_revert(
        ((shell().actor.kind, shell().actor.id),), span, Command(**order(owner()))
    )
    assert job.changing == 1
    BULK_JOBS.start(job.pk, by=owner(), now=timezone.now())
    at_once(lambda: row_executor.run(job.pk), acting(undo.revert, event, by=shell()))
    row_executor.run(job.pk)
    assert player().adjusted == 0
    assert AuditEvent.objects.filter(reverts=event).count() == 1
    assert BulkJob.objects.get().status == "done"


def test_an_undo_is_itself_undone_once() -> None:
    undone = undo.revert(adjusted(), Command(**order(shell()))).event
    assert undone is not None
    found = at_once(*[acting(undo.revert, undone, by=shell()) for _ in range(3)])
    assert (len(won(found)), player().adjusted) == (1, 10)


def test_a_held_rank_change_is_undone_once_approved() -> None:
    decisions.set_rank(TARGET, "Captain II", Command(**order(shell())))
    event = last("rank.set")
    admiral, command = staff(ADMIRAL, COMMAND)
    from players.moderation import velocity_limit

    velocity_limit.record_acts(admiral, timezone.now(), acts=20)
    decision = undo.revert(event, Command(**order(admiral))).decision
    assert decision is not None
    assert (decision.status, Reversal.objects.count()) == ("proposed", 0)
    found = at_once(
        call(decisions.approve, decision.pk, by=command), acting(undo.revert, event, by=shell())
    )
    assert len(won(found)) == 1, found
    assert player().rank.name == "Captain I"
    assert AuditEvent.objects.filter(reverts=event).count() == 1


def test_a_recommendation_is_undone_by_its_own_event() -> None:
    admiral = staff(ADMIRAL)[0]
    recommendations.recommend(TARGET, Command(**order(admiral)))
    first = last("player.recommended")
    decisions.set_rank(TARGET, "Captain II", Command(**order(shell())))
    recommendations.recommend(TARGET, Command(**order(admiral)))
    undo.revert(first, Command(**order(admiral)))
    assert Recommendation.objects.get().rank.name == "Captain II"


def test_an_undo_does_not_lift_a_later_suspension() -> None:
    sanctions.suspend(TARGET, Command(**order(shell())))
    event, admiral = last("player.suspended"), staff(ADMIRAL)[0]
    held = held_undo(event, admiral)
    sanctions.lift(TARGET, Command(**order(shell())))
    sanctions.suspend(TARGET, Command(**order(shell())))
    with pytest.raises(Refused, match="Reject it"):
        approvals.approve(held.pk, **order(owner()))
    assert player().rank.name == "Suspended"


def test_people_adjust_refuses_an_event_that_was_taken_back() -> None:
    event = adjusted()
    undo.revert(event, Command(**order(shell())))
    with pytest.raises(Refused, match="taken back already"):
        adjustments.adjust(TARGET, -10_00, Command(reverts=event, **order(shell())))
