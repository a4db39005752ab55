"""Start, approve and reject adjustments."""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor, Target, record
from common.errors import Refused
from players.bulk import engine, reservations
from players.bulk.engine import JobType
from players.mass_adjustments.row_checks import (
    ABOVE,
    NOTE,
    OWN,
    PLAYERS,
    lookup,
    why_not_entitled,
)
from players.models import Adjustment, Approval
from players.moderation import approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.input import check_reason
from players.moderation.velocity_limit import JobVolume
from players.policy.permissions import Act

Status = Adjustment.Status

FORBIDDEN = f"""
    SELECT line, note FROM (
        SELECT rows.line, {NOTE.format(amount="rows.amount")} AS note
        FROM adjustment_rows rows {PLAYERS}
        WHERE rows.adjustment_id = %(adjustment)s::bigint AND rows.status = 'pending'
    ) checked WHERE note = ANY(%(notes)s) ORDER BY line LIMIT 1"""


class AdjustmentJobs(JobType[Adjustment]):
    """Jobs that adjust the points of the players in a file."""

    model = Adjustment
    approval = key = "adjustment"
    act = Act.ADJUST
    unknown = "There is no adjustment {}."
    may_be_empty = True

    def why_not_entitled(self, by: Staff) -> str:
        return why_not_entitled(by)

    def why_not_approve_rows(self, job: Adjustment, by: Staff, now: dt.datetime) -> str:
        own = engine.player_of(by)
        checks = lookup(own.pk if own else None, by.rank.position if by.rank else None)
        with connection.cursor() as cursor:
            cursor.execute(FORBIDDEN, {"adjustment": job.pk, "notes": [OWN, ABOVE], **checks})
            found = cursor.fetchone()
        if found is None:
            return ""
        line, note = found
        if note == OWN:
            return f"You are on line {line} yourself: somebody else must approve it."
        return f"The player on line {line} stands at or above your own position."

    def summary(self, job: Adjustment) -> dict[str, Any]:
        return {"moved": str(job.moved), "total": str(job.total)}

    def sentence(self, approval: Approval) -> str:
        given = approval.arguments
        return (
            f"Adjust {given['rows']:,} players from a file, {Decimal(given['moved']):,} points"
            f" without the signs (adjustment {given['adjustment']})"
        )

    def begin(self, job: Adjustment, by: Staff, now: dt.datetime) -> None:
        job.status, job.retry_at = Status.APPLYING, now
        reservations.reserve(job, now)
        job.save()

    def execute(
        self, approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        job = self.locked_waiting(approval)
        if why_not := why_not_entitled(requester):
            raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
        job.approved_by, job.approved_at = approver.person, now
        self.begin(job, requester, now)
        return record(
            Action.ADJUSTMENT_APPROVED,
            actor=approver.actor,
            target=target_of(job),
            reason=approval.decide_reason,
        )

    def close(self, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
        job = self.locked(approval.arguments[self.key])
        if job.status == Status.WAITING:
            _close(job, actor, reason, now)


ADJUSTMENTS = AdjustmentJobs()
ADJUSTMENTS.register()


def approve(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Approve an adjustment as the second person. Raises Refused, NotAllowed."""
    approval = _open_request(adjustment_id)
    if approval is None:
        status = find(adjustment_id).get_status_display()
        raise Refused(f"The adjustment is {status}, it does not wait for approval.")
    approvals.approve(approval.pk, by=by, reason=reason, now=now)
    return find(adjustment_id)


def reject(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Close an adjustment that has not started. If its requester does so, it is withdrawn.

    Raises Refused, NotAllowed.
    """
    reason = check_reason(reason)
    ADJUSTMENTS.check_entitled(by)
    approval = _open_request(adjustment_id)
    if approval is not None:
        verb = approvals.withdraw if by.is_person(approval.requested_by) else approvals.reject
        verb(approval.pk, by=by, reason=reason, now=now)
        return find(adjustment_id)
    with transaction.atomic():
        adjustment = ADJUSTMENTS.locked(adjustment_id)
        if adjustment.status != Status.PREVIEW:
            raise Refused(f"The adjustment is {adjustment.status} already.")
        _close(adjustment, by.actor, reason, now)
        return adjustment


def needs_second_person(adjustment: Adjustment, by: Staff, now: dt.datetime) -> str:
    """Return why a second person would have to approve it now, or an empty string."""
    volume, taken = reservations.volume(adjustment), daily_limit.taken(by, now)
    load = JobVolume(adjustment.changing, volume, taken, tripped=False)
    second = velocity_limit.second_person_for(by, load, now)
    return second.reason if second is not None else ""


def find(adjustment_id: int) -> Adjustment:
    """Return an adjustment. Raises Refused for an unknown id."""
    found = Adjustment.objects.filter(pk=adjustment_id).first()
    if found is None:
        raise Refused(ADJUSTMENTS.unknown.format(adjustment_id))
    return found


def target_of(adjustment: Adjustment) -> Target:
    return Target("adjustment", str(adjustment.pk), "")


def requester_actor(adjustment: Adjustment) -> Actor:
    """Return the requester as in the audit log. The name is empty if it was erased there."""
    event = AuditEvent.objects.get(pk=adjustment.event)
    personal = AuditPersonal.objects.filter(event_id=adjustment.event, field="actorName").first()
    name, subject = (personal.value, personal.subject) if personal else ("", "")
    return Actor(event.actor_kind, event.actor_id, name, subject)


def _close(adjustment: Adjustment, actor: Actor, reason: str, now: dt.datetime) -> None:
    details = {"inverseOf": adjustment.inverse_of_id} if adjustment.inverse_of_id else {}
    adjustment.status, adjustment.finished_at = Status.REJECTED, now
    adjustment.inverse_of = None  # so that the undo can be previewed again
    adjustment.save(update_fields=["status", "finished_at", "inverse_of"])
    record(
        Action.ADJUSTMENT_REJECTED,
        actor=actor,
        target=target_of(adjustment),
        reason=reason,
        details=details,
    )


def _open_request(adjustment_id: int) -> Approval | None:
    return Approval.objects.filter(adjustment=adjustment_id, status=Approval.Status.WAITING).first()
