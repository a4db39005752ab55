"""An act that needs two people happens when the second one agrees, and not before."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from players.discipline import sanctions
from players.models import Approval, GuardTrip, Player, Rank, Sanction
from players.moderation import approvals, velocity_limit
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from tests.players.discipline.conftest import (
    ADMIRAL,
    COMMAND,
    MAJOR,
    MARSHAL,
    OPERATOR,
    OWNER,
    make,
    order,
    player,
)

Officers = Callable[[int], Staff]


@pytest.fixture
def asked(people: Officers) -> Approval:
    """Request a ban by the Admiral."""
    approval = sanctions.ban(
        1, Command(**order(people(ADMIRAL))), evidence=["https://example.com/clip"]
    ).approval
    assert approval is not None
    return approval


def test_a_ban_waits_for_a_second_person(people: Officers, asked: Approval) -> None:
    assert not player().banned
    approvals.approve(asked.pk, **order(people(COMMAND)))
    ban = Sanction.objects.get()
    assert (player().banned, ban.issued_by, ban.evidence) == (
        True,
        people(ADMIRAL).name,
        ["https://example.com/clip"],
    )
    asked.refresh_from_db()
    assert (asked.status, asked.carried_out) == ("approved", ban.event)
    with pytest.raises(Refused, match="approved already"):
        approvals.approve(asked.pk, **order(OWNER))


@pytest.mark.parametrize(
    ("user_id", "words"), [(ADMIRAL, "second person"), (MARSHAL, "entitle"), (1, "about you")]
)
def test_not_everybody_may_be_the_second(
    people: Officers, asked: Approval, user_id: int, words: str
) -> None:
    with pytest.raises(NotAllowed, match=words):
        approvals.approve(asked.pk, **order(people(user_id)))
    assert not player().banned
    assert AuditEvent.objects.filter(action="act.refused").count() == 1


def test_an_owner_is_bound_to_two_persons_too(people: Officers) -> None:
    held = sanctions.ban(1, Command(**order(OWNER))).approval
    assert held is not None
    with pytest.raises(NotAllowed, match="second person"):
        approvals.approve(held.pk, **order(OWNER))


def test_the_database_refuses_an_approval_by_whoever_asked(asked: Approval) -> None:
    with pytest.raises(IntegrityError, match="approvals_second_person"), transaction.atomic():
        Approval.objects.filter(pk=asked.pk).update(
            status="approved", decided_by=asked.requested_by
        )
    with pytest.raises(IntegrityError, match="approvals_second_person"), transaction.atomic():
        Approval.objects.filter(pk=asked.pk).update(status="approved")


@pytest.mark.parametrize("change", [{"rank": "Tempest Major"}, {"banned": True}])
def test_whoever_asked_is_judged_by_their_present_rank(
    people: Officers, asked: Approval, change: dict[str, Any]
) -> None:
    if "rank" in change:
        change = {"rank": Rank.objects.get(name=change["rank"])}
    Player.objects.filter(user_id=ADMIRAL).update(**change)
    with pytest.raises(Refused, match="reject it"):
        approvals.approve(asked.pk, **order(people(COMMAND)))
    approvals.reject(asked.pk, **order(people(COMMAND)))
    assert (Approval.objects.get().status, player().banned) == ("rejected", False)


def test_whoever_asked_may_take_it_back_and_nobody_else(people: Officers, asked: Approval) -> None:
    with pytest.raises(Refused, match="Somebody else asked"):
        approvals.withdraw(asked.pk, **order(people(COMMAND)))
    approvals.withdraw(asked.pk, **order(people(ADMIRAL)))
    assert Approval.objects.get().status == "withdrawn"


def test_the_same_is_not_asked_for_twice(people: Officers, asked: Approval) -> None:
    with pytest.raises(Refused, match="waits for approval already"):
        sanctions.ban(1, Command(**order(people(COMMAND))))


def test_nobody_decides_for_a_week_and_it_is_over(people: Officers, asked: Approval) -> None:
    late = timezone.now() + dt.timedelta(days=7, seconds=1)
    with pytest.raises(Refused, match="expired"):
        approvals.approve(asked.pk, by=people(COMMAND), reason="x", now=late)
    assert (approvals.expire(late), approvals.expire(late)) == (1, 0)
    assert Approval.objects.get().status == "expired"


def test_links_to_evidence_stay_out_of_the_audit_log(asked: Approval) -> None:
    event = AuditEvent.objects.get(action="approval.requested")
    assert "example.com" not in str(event.details)


def test_past_the_limit_of_a_day_an_adjustment_waits(people: Officers) -> None:
    from players.points.adjustments import adjust

    adjust(1, 400_00, Command(**order(people(MARSHAL))))
    held = adjust(1, 101_00, Command(**order(people(MARSHAL)))).approval
    assert held is not None
    assert player().adjusted == 400
    approvals.approve(held.pk, **order(people(ADMIRAL)))
    assert player().adjusted == 501


def test_acting_too_often_is_held_and_owners_are_told(people: Officers) -> None:
    make(2, "Initiate")
    acts = [
        sanctions.warn(2 if number % 2 else 1, Command(**order(people(MAJOR))))
        for number in range(22)
    ]
    assert [done.approval is not None for done in acts] == [False] * 20 + [True] * 2
    assert acts[-1].approval is not None
    assert acts[-1].approval.cause == "velocity"
    assert AuditEvent.objects.filter(action="guard.tripped").count() == 1


def test_the_speed_limit_ends_by_time_or_by_an_owner(people: Officers) -> None:
    for _ in range(21):
        sanctions.warn(1, Command(**order(people(MAJOR))))
    with pytest.raises(NotAllowed, match="only an owner"):
        velocity_limit.release(people(MAJOR).person, **order(people(COMMAND)))
    velocity_limit.release(people(MAJOR).person, **order(OWNER))
    assert sanctions.warn(1, Command(**order(people(MAJOR)))).approval is None
    assert GuardTrip.objects.get().released_by == OWNER.person
    assert (
        velocity_limit.is_tripped(people(MAJOR), timezone.now() + dt.timedelta(seconds=601))
        is False
    )


def test_the_operator_is_not_counted(people: Officers) -> None:
    assert [sanctions.warn(1, Command(**order(OPERATOR))).approval for _ in range(21)] == [
        None
    ] * 21


@pytest.mark.django_db(transaction=True)
def test_a_refused_act_inside_another_is_recorded(bootstrapped: None) -> None:
    from players.moderation.actors import officer

    make(MAJOR, "Tempest Major")
    make(ADMIRAL, "Supreme Admirals")
    major = officer(MAJOR)
    with pytest.raises(NotAllowed), audit_refusals("undo", ADMIRAL, major), transaction.atomic():
        sanctions.warn(ADMIRAL, Command(**order(major)))
    event = AuditEvent.objects.get(action="act.refused")
    assert (event.actor_id, event.target_id) == (major.actor.id, str(player(ADMIRAL).pk))


def test_an_erased_person_leaves_no_link_in_a_request(people: Officers, asked: Approval) -> None:
    from players.privacy.erasure import erase

    erase(1, **order(OPERATOR))
    asked.refresh_from_db()
    assert (asked.reason, "evidence" in asked.arguments) == ("", False)
