"""Audit events of requests for approval."""

from audits.actions import Action
from audits.record import NOBODY, Actor, record
from players.models import Approval
from players.moderation.actors import Staff, accounts_of
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import target_of
from players.moderation.command import Command

# Arguments that the audit log may keep permanently: amounts, moments and our own ids. Other
# arguments may identify a person (a Roblox id, a link, a text, a chosen name) and are stored only
# with the request.
IMPERSONAL = frozenset(
    {"amount", "endpoint", "experience", "experiences", "events", "hours", "insteadOf", "job"}
    | {"kind", "number", "rank", "rate", "reverts", "role", "rows", "sanction", "simulation"}
    | {"source", "until", "version"}
)


def record_request(request: ApprovalRequest, command: Command) -> int:
    """Record that somebody requested an act; return the event's id."""
    kept = {name: value for name, value in request.arguments.items() if name in IMPERSONAL}
    return record(
        Action.APPROVAL_REQUESTED,
        actor=command.by.actor,
        target=target_of(request.player) if request.player else NOBODY,
        reason=command.reason,
        experience=command.experience,
        details={"act": request.act, "cause": str(request.cause), "arguments": kept}
        | _unlinked(command.by.actor),
    )


def record_decision(action: Action, approval: Approval, actor: Actor, reason: str) -> None:
    """Record how a request was decided or closed."""
    record(
        action,
        actor=actor,
        target=target_of(approval.player) if approval.player else NOBODY,
        reason=reason,
        experience=approval.experience,
        details={"act": approval.act, "approval": approval.pk} | _unlinked(actor),
    )


def _unlinked(actor: Actor) -> dict[str, bool]:
    """Mark a local owner who is linked with no player."""
    staff = Staff(actor, rank=None, also=accounts_of(actor))
    return {"unlinked": True} if staff.is_unlinked else {}
