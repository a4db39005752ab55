"""Undo of each kind of event: once, linked in both directions, judged like any act."""

import datetime as dt
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from audits.queries import events_by_id
from common.errors import NotAllowed, Refused
from players.actions import undo
from players.actions.inverses import UndoOption
from players.discipline import notes, sanctions
from players.models import Approval, Decision, Note, Player, Recommendation, Sanction
from players.moderation import approvals
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.ranks import decisions
from tests.console.conftest import Make
from tests.console.people import client_as
from tests.players.conftest import OWNER


def last(action: str) -> AuditEvent:
    found = AuditEvent.objects.filter(action=action).order_by("-pk").first()
    assert found is not None, action
    return found


def take_back(event: AuditEvent, by: Staff = OWNER) -> Any:
    return undo.revert(event.pk, Command(by=by, reason="a mistake", now=timezone.now()))


def standing(user_id: int = 1) -> tuple[str, bool, str, int]:
    found = Player.objects.select_related("rank").get(user_id=user_id)
    active = Sanction.objects.filter(player=found, kind="warning", lifted_at=None).count()
    return found.rank.name, found.banned, str(found.points), active


def offered(event: AuditEvent) -> UndoOption:
    return undo.options(events_by_id([event.pk]).values())[event.pk]


ACTS = {
    "player.warned": lambda now: sanctions.warn(1, Command(by=OWNER, reason="seen", now=now)),
    "player.suspended": lambda now: sanctions.suspend(1, Command(by=OWNER, reason="seen", now=now)),
    "player.banned": lambda now: sanctions.ban(1, Command(by=OWNER, reason="seen", now=now)),
    "points.adjusted": lambda now: adjustments.adjust(
        1, 1250, Command(by=OWNER, reason="seen", now=now)
    ),
    "rank.set": lambda now: decisions.set_rank(
        1, "Captain I", Command(by=OWNER, reason="seen", now=now)
    ),
}


@pytest.mark.parametrize("action", ACTS)
def test_an_act_and_its_undo_leave_things_as_they_were(player: Make, action: str) -> None:
    player(1)
    before = standing()
    ACTS[action](timezone.now())
    event = last(action)
    assert standing() != before
    assert offered(event).possible
    take_back(event)
    assert standing() == before
    inverse = AuditEvent.objects.get(reverts=event.pk)
    assert undo.reverted_by([event.pk]) == {event.pk: inverse.pk}
    assert not offered(event).possible
    with pytest.raises(Refused, match=r"already|not in force"):
        take_back(event)
    assert standing() == before


def test_what_ended_early_can_begin_again_until_its_former_end(player: Make) -> None:
    player(1)
    now = timezone.now()
    until = now + dt.timedelta(days=5)
    sanctions.suspend(1, Command(by=OWNER, reason="seen", now=now), until=until)
    sanctions.lift(1, Command(by=OWNER, reason="cleared", now=now))
    take_back(last("player.reinstated"))
    assert standing()[0] == "Suspended"
    again = Sanction.objects.order_by("-pk")[0]
    assert again.ends_at == until


def test_what_ended_by_itself_does_not_begin_again(player: Make) -> None:
    player(1)
    now = timezone.now()
    sanctions.suspend(
        1, Command(by=OWNER, reason="seen", now=now), until=now + dt.timedelta(days=1)
    )
    sanctions.end_due(now + dt.timedelta(days=2))
    assert not offered(last("player.reinstated")).possible


def test_undoing_a_ban_waits_for_a_second_person_too(player: Make) -> None:
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="seen", now=timezone.now()))
    olga = Staff(OWNER.actor, rank=None)
    done = take_back(last("player.banned"), olga)
    assert done.approval is not None
    assert standing()[1]
    approvals.approve(done.approval.pk, by=at_the_shell(), reason="agreed", now=timezone.now())
    assert not standing()[1]
    assert AuditEvent.objects.filter(reverts=last("player.banned").pk).exists()


def test_a_pardon_is_taken_back_by_a_new_warning(player: Make) -> None:
    player(1)
    now = timezone.now()
    sanctions.warn(1, Command(by=OWNER, reason="seen", now=now))
    sanctions.pardon(Sanction.objects.get().pk, Command(by=OWNER, reason="wrong person", now=now))
    take_back(last("player.pardoned"))
    assert standing()[3] == 1


def test_a_note_a_recommendation_and_a_rejection_come_back(player: Make) -> None:
    player(1)
    major = officer(player(2, rank="Tempest Major").user_id)
    now = timezone.now()
    notes.write(1, "watch them", Command(by=OWNER, now=now))
    take_back(last("player.noted"))
    assert Note.objects.get().withdrawn_at is not None
    before = standing()
    recommendations.recommend(1, Command(by=major, reason="led well", now=now))
    take_back(last("player.recommended"), major)
    assert standing() == before
    assert not Recommendation.objects.exists()
    decision = decisions.propose(1, "Captain I", Command(by=major, reason="does the work", now=now))
    decisions.reject(decision.pk, by=OWNER, reason="not yet", now=now)
    take_back(last("decision.rejected"))
    assert Decision.objects.filter(status="proposed").count() == 1


def test_a_rank_that_changed_since_is_not_taken_back_over_it(player: Make) -> None:
    player(1)
    decisions.set_rank(1, "Captain I", Command(by=OWNER, reason="seen", now=timezone.now()))
    event = last("rank.set")
    decisions.set_rank(1, "Captain II", Command(by=OWNER, reason="again", now=timezone.now()))
    assert "by now" in offered(event).sentence
    with pytest.raises(Refused, match="by now"):
        take_back(event)


def test_undo_is_bound_by_rank_like_every_act(player: Make) -> None:
    player(1, rank="Brigadier General")
    major = officer(player(2, rank="Tempest Major").user_id)
    sanctions.warn(1, Command(by=OWNER, reason="seen", now=timezone.now()))
    with pytest.raises(NotAllowed):
        take_back(last("player.warned"), major)
    assert standing()[3] == 1


def test_what_only_tells_cannot_be_taken_back(player: Make) -> None:
    player(1)
    assert not offered(last("policy.activated")).possible
    with pytest.raises(Refused):
        take_back(last("policy.activated"))
    with pytest.raises(Refused, match="no event"):
        undo.revert(10**12, Command(by=OWNER, reason="x", now=timezone.now()))


def test_revert_in_the_console_says_what_it_does_and_does_it(owner: Client, player: Make) -> None:
    player(1)
    sanctions.warn(1, Command(by=OWNER, reason="seen", now=timezone.now()))
    pk = last("player.warned").pk
    assert f"/admin/revert/{pk}/" in owner.get("/admin/players/1/").content.decode()
    assert "Pardons the warning" in unescape(owner.get(f"/admin/revert/{pk}/").content.decode())
    owner.post(f"/admin/revert/{pk}/", {"reason": "it was somebody else"})
    assert standing()[3] == 0
    assert f"/admin/revert/{pk}/" not in owner.get("/admin/players/1/").content.decode()


def test_whoever_may_not_warn_sees_no_revert(player: Make) -> None:
    player(1)
    sanctions.warn(1, Command(by=OWNER, reason="seen", now=timezone.now()))
    captain = client_as(player(3, rank="Captain I"))
    assert captain.get(f"/admin/revert/{last('player.warned').pk}/").status_code == 403
    assert not Approval.objects.exists()


def test_a_large_undo_waits_for_a_second_person(player: Make) -> None:
    player(1, points=0)
    imperator = client_as(player(2, rank="Imperator", points=50_000))
    adjustments.adjust(
        1, 5_000_00, Command(by=at_the_shell(), reason="a prize", now=timezone.now())
    )  # the operator needs no second person
    imperator.post(f"/admin/revert/{last('points.adjusted').pk}/", {"reason": "a slip of the pen"})
    assert (standing()[2], Approval.objects.get().status) == ("5000.00", "waiting")
    council = client_as(player(3, rank="Supreme Council", points=20_000))
    council.post(
        f"/admin/approvals/{Approval.objects.get().pk}/", {"verb": "approve", "words": "I looked"}
    )
    assert standing()[2] == "0.00"
