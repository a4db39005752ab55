"""Release or discard a quarantine, decided by two owners.

A discarded quarantine can still be released later.
"""

import datetime as dt

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from players.models import Approval, Quarantine
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.quarantines import detection

RELEASE, DISCARD = "quarantine.release", "quarantine.discard"
OWNER = "console.roles"
DONE = {
    RELEASE: (Quarantine.Status.RELEASING, Action.QUARANTINE_RELEASED),
    DISCARD: (Quarantine.Status.DISCARDED, Action.QUARANTINE_DISCARDED),
}


def ask(act: str, quarantine_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Request RELEASE or DISCARD, which a second owner approves. Raises Refused, NotAllowed."""
    if not by.has(OWNER):
        raise NotAllowed("You may not: only owners decide on a quarantine.")
    found = Quarantine.objects.filter(pk=quarantine_id).first()
    if found is None:
        raise Refused(f"There is no quarantine {quarantine_id}.")
    why_not = _why_not(act, found)
    if why_not:
        raise Refused(why_not)
    if waiting(quarantine_id) is not None:
        raise Refused("Somebody asked already; decide on that request first.")
    return approvals.request_approval(
        ApprovalRequest(
            act, arguments={"quarantine": quarantine_id}, once=f"quarantine {quarantine_id}"
        ),
        Command(by=by, reason=reason, now=now),
    )


def waiting(quarantine_id: int) -> Approval | None:
    """Return the request about a quarantine that waits for a second owner."""
    rows = Approval.objects.filter(act__in=[RELEASE, DISCARD], status=Approval.Status.WAITING)
    return rows.filter(arguments__quarantine=quarantine_id).first()


def _why_not(act: str, found: Quarantine) -> str:
    """Return why the action is not possible in the quarantine's state, or an empty string."""
    if found.status == Quarantine.Status.OPEN:
        return ""
    if found.status == Quarantine.Status.DISCARDED:
        return "" if act == RELEASE else "It is discarded already."
    return "It is released already."


def _sentence(approval: Approval) -> str:
    verb = "Release" if approval.act == RELEASE else "Discard"
    return f"{verb} quarantine {approval.arguments['quarantine']}"


@approval_types.executes(RELEASE, entitled=lambda by: by.has(OWNER), sentence=_sentence)
@approval_types.executes(DISCARD, entitled=lambda by: by.has(OWNER), sentence=_sentence)
def _carry_out(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    """End the quarantine, so that its source's next rows count again.

    A worker counts the rows of a released quarantine (players.quarantine_release).
    """
    found = Quarantine.objects.select_for_update(no_key=True).get(
        pk=approval.arguments["quarantine"]
    )
    why_not = _why_not(approval.act, found)
    if why_not:
        raise Refused(why_not)
    status, action = DONE[approval.act]
    event = record(
        action,
        actor=requester.actor,
        target=Target("quarantine", str(found.pk), ""),
        experience=found.experience,
        reason=approval.reason,
        details={"rows": found.rows, "acts": found.acts, "approval": approval.pk},
        reverts=found.discarded if approval.act == RELEASE else None,
    )
    if found.status == Quarantine.Status.OPEN:
        detection.forget(found.source)
    Quarantine.objects.filter(pk=found.pk).update(
        status=status,
        ended_at=found.ended_at or now,
        discarded=event if approval.act == DISCARD else found.discarded,
    )
    return event
