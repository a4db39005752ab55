"""Letting a large adjustment go: at once, or past a limit once a second person approved it.

It waits as a request like every other act (`players.moderation.approvals`), so the same is asked of
whoever asked and whoever approves; here stands what is its own: that the second person may adjust
each of the players.
"""

import datetime as dt
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Max
from django.db.models.functions import Abs

from audits.actions import Action
from audits.record import Actor
from common.amounts import hundredths
from common.errors import Refused
from players.mass_adjustments.rows import check_entitled, locked, player_id, tell, why_not_entitled
from players.models import ZERO, Adjustment, AdjustmentRow, Approval
from players.moderation import approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approvals import ApprovalRequest
from players.moderation.authorization import Verdict, past_own_limit, telling_refusals
from players.moderation.command import Command
from players.policy.permissions import Act

APPROVAL = "adjustment"
Status = Adjustment.Status

BEYOND = """
    SELECT a.line, p.id FROM adjustment_rows a
    JOIN players p ON p.user_id = a.user_id JOIN ranks r ON r.id = p.rank_id
    WHERE a.adjustment_id = %s AND a.status = 'pending'
      AND (p.id = %s::bigint OR %s::int IS NOT NULL AND (r.retired OR r.position >= %s::int))
    ORDER BY a.line LIMIT 1"""


def start(adjustment_id: int, *, by: Staff, now: dt.datetime) -> Adjustment:
    """Let a preview go: on to be applied, or to wait for a second person. Started already, it stays
    as it is.

    Raises Refused for anybody but whoever asked for it, NotAllowed for who may not adjust any more.
    """
    with telling_refusals(Act.ADJUST, None, by), transaction.atomic():
        tripped = velocity_limit.is_tripped(by, now)
        adjustment = locked(adjustment_id)
        if adjustment.status != Status.PREVIEW:
            return adjustment
        if not by.is_person(adjustment.requested_by):
            raise Refused("Somebody else asked for it; only they can let their preview go.")
        check_entitled(by, adjustment.reason)
        taken = daily_limit.lock(by.person, daily_limit.day_of(now))
        second = _second(adjustment, by, now, taken, tripped=tripped)
        if second is not None:
            return _hold(adjustment, second, by, now)
        velocity_limit.note(by, now, _changing(adjustment))
        return _let_go(adjustment, now)


def approve(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Let an adjustment go that waits for a second person. Raises Refused, NotAllowed."""
    approval = _waiting(adjustment_id)
    if approval is None:
        found = _found(adjustment_id)
        raise Refused(
            f"The adjustment is {found.get_status_display()}, it does not wait for approval."
        )
    approvals.approve(approval.pk, by=by, reason=reason, now=now)
    return _found(adjustment_id)


def reject(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Close an adjustment that nobody was changed by; whoever asked may take it back so. Raises
    Refused, NotAllowed.
    """
    check_entitled(by, reason)
    approval = _waiting(adjustment_id)
    if approval is not None:
        verb = approvals.withdraw if by.is_person(approval.requested_by) else approvals.reject
        verb(approval.pk, by=by, reason=reason, now=now)
        return _found(adjustment_id)
    with transaction.atomic():
        adjustment = locked(adjustment_id)
        if adjustment.status != Status.PREVIEW:
            raise Refused(f"The adjustment is {adjustment.status} already.")
        _close(adjustment, by.actor, reason, now)
        return adjustment


def needs_second(adjustment: Adjustment, by: Staff, now: dt.datetime) -> str:
    """Why a second person must approve it as things stand, in a sentence; empty when nobody must."""
    second = _second(adjustment, by, now, daily_limit.taken(by, now), tripped=False)
    return second.reason if second is not None else ""


def _second(
    adjustment: Adjustment, by: Staff, now: dt.datetime, taken: daily_limit.Taken, *, tripped: bool
) -> Verdict | None:
    changing = _changing(adjustment)
    pending = AdjustmentRow.objects.filter(
        adjustment=adjustment, status=AdjustmentRow.Status.PENDING
    )
    largest = pending.aggregate(largest=Max(Abs("amount")))["largest"] or ZERO
    return velocity_limit.second_for(
        by,
        now,
        tripped=tripped,
        rows=changing,
        moved=hundredths(adjustment.moved),
        players=changing,
        largest=hundredths(largest),
        taken=taken,
    )


def _changing(adjustment: Adjustment) -> int:
    return adjustment.rows - adjustment.skipped


def _hold(adjustment: Adjustment, second: Verdict, by: Staff, now: dt.datetime) -> Adjustment:
    adjustment.approval = approvals.request_approval(
        ApprovalRequest(
            APPROVAL,
            arguments={
                "adjustment": adjustment.pk,
                "rows": _changing(adjustment),
                "moved": str(adjustment.moved),
                "total": str(adjustment.total),
            },
            cause=second.cause,
        ),
        Command(by=by, reason=adjustment.reason, now=now),
    )
    adjustment.status = Status.WAITING
    adjustment.save(update_fields=["status", "approval"])
    return adjustment


def _let_go(adjustment: Adjustment, now: dt.datetime) -> Adjustment:
    """Charge it to the day of whoever asked, and have it applied."""
    day, approved = daily_limit.day_of(now), bool(adjustment.approved_by)
    daily_limit.lock(adjustment.requested_by, day)
    daily_limit.charge(
        adjustment.requested_by,
        day,
        hundredths(adjustment.moved),
        players=_changing(adjustment),
        approved=approved,
    )
    adjustment.status, adjustment.retry_at = Status.APPLYING, now
    adjustment.charged_on, adjustment.reserved = day, adjustment.moved
    adjustment.save(
        update_fields=[
            "status",
            "retry_at",
            "approved_by",
            "approved_at",
            "charged_on",
            "reserved",
        ],
    )
    return adjustment


def _close(adjustment: Adjustment, actor: Actor, reason: str, now: dt.datetime) -> None:
    details = {"inverseOf": adjustment.inverse_of_id} if adjustment.inverse_of_id else {}
    adjustment.status, adjustment.finished_at = Status.REJECTED, now
    adjustment.inverse_of = None  # so that the inverse can be asked for again
    adjustment.save(update_fields=["status", "finished_at", "inverse_of"])
    tell(Action.ADJUSTMENT_REJECTED, adjustment, actor, reason=reason, **details)


def _waiting(adjustment_id: int) -> Approval | None:
    """The request by which an adjustment waits for a second person."""
    return Approval.objects.filter(adjustment=adjustment_id, status=Approval.Status.WAITING).first()


def _found(adjustment_id: int) -> Adjustment:
    found = Adjustment.objects.filter(pk=adjustment_id).first()
    if found is None:
        raise Refused(f"There is no adjustment {adjustment_id}.")
    return found


def _judged(by: Staff, approval: Approval) -> str:
    """Why somebody may not decide on it: they must be one who may adjust each of the players, by as
    much.
    """
    adjustment = Adjustment.objects.get(pk=approval.arguments["adjustment"])
    why_not = why_not_entitled(by)
    return why_not or _beyond(adjustment, by) or past_own_limit(by, hundredths(adjustment.moved))


def _beyond(adjustment: Adjustment, by: Staff) -> str:
    own = player_id(by)
    below = by.rank.position if by.rank else None
    with connection.cursor() as cursor:
        cursor.execute(BEYOND, [adjustment.pk, own, below, below])
        found = cursor.fetchone()
    if found is None:
        return ""
    if found[1] == own:
        return f"You are on line {found[0]} yourself: somebody else must approve it."
    return f"The player on line {found[0]} stands at or above your own position."


def _closed(approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
    adjustment = locked(approval.arguments["adjustment"])
    if adjustment.status == Status.WAITING:
        _close(adjustment, actor, reason, now)


def _sentence(approval: Approval) -> str:
    given = approval.arguments
    moved = f"{Decimal(given['moved']):,} points"
    return f"Adjust {given['rows']:,} players from a file, {moved} without the signs (adjustment {given['adjustment']})"


@approvals.carries_out(APPROVAL, judged=_judged, sentence=_sentence, closed=_closed)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    adjustment = locked(approval.arguments["adjustment"])
    if adjustment.status != Status.WAITING:
        raise Refused(f"The adjustment is {adjustment.status} already.")
    why_not = why_not_entitled(requester)
    if why_not:
        raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
    adjustment.approved_by, adjustment.approved_at = approver.person, now
    _let_go(adjustment, now)
    return tell(
        Action.ADJUSTMENT_APPROVED, adjustment, approver.actor, reason=approval.decide_reason
    )
