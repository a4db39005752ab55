"""What the rooms of a large adjustment share: who may ask, how a row is judged, what the audit log
is told.
"""

from typing import Any

from audits.actions import Action
from audits.record import Actor, Target, record
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.models import Adjustment, Player
from players.moderation.actors import Staff
from players.moderation.authorization import check_reason
from players.policy.membership import Membership
from players.policy.permissions import Act, may

UNKNOWN = "no player has this user id"
ERASED = "the player is erased"
OWN = "nobody acts on themselves"
ABOVE = "the player stands at or above the position of whoever asked"
OVERFLOW = "the sum would be past a trillion points"
GONE = "whoever asked may not adjust anybody any more"
LIMITED = "it is past what whoever asked may move in a day by now"

NOTE = f"""
    CASE WHEN p.id IS NULL THEN '{UNKNOWN}'
         WHEN p.erased_at IS NOT NULL THEN '{ERASED}'
         WHEN p.id = %(requester)s::bigint THEN '{OWN}'
         WHEN r.retired AND %(below)s::int IS NOT NULL OR r.position >= %(below)s::int THEN '{ABOVE}'
         WHEN abs(p.adjusted + {{amount}}) >= 1e12 OR abs(p.earned + p.adjusted + {{amount}}) >= 1e12 THEN '{OVERFLOW}'
         ELSE '' END"""


def check_entitled(by: Staff, reason: str) -> None:
    """Raises NotAllowed for whoever may adjust nobody, and Refused without a reason."""
    check_reason(reason)
    why_not = why_not_entitled(by)
    if why_not:
        raise NotAllowed(f"You may not: {why_not}.")


def why_not_entitled(by: Staff) -> str:
    """Why somebody may adjust nobody, even far below; empty when they may. Who stands above is said
    of each row.
    """
    if by.rank is None:
        return ""
    found = may(
        Act.ADJUST,
        by.rank,
        active().bundle.first,
        own=False,
        actor_membership=by.membership,
        target_membership=Membership.MEMBER,
    )
    return "" if found.allowed else str(found.reason)


def player_id(by: Staff) -> int | None:
    """Our id of whoever acts, where they are a player."""
    return (
        Player.objects.filter(user_id=by.user_id).values_list("pk", flat=True).first()
        if by.user_id
        else None
    )


def locked(adjustment_id: int) -> Adjustment:
    """The adjustment, locked for a change. Raises Refused when there is none."""
    adjustment = Adjustment.objects.select_for_update(no_key=True).filter(pk=adjustment_id).first()
    if adjustment is None:
        raise Refused(f"There is no adjustment {adjustment_id}.")
    return adjustment


def tell(
    action: Action,
    adjustment: Adjustment,
    actor: Actor,
    *,
    reason: str = "",
    event_id: int | None = None,
    **details: Any,
) -> int:
    """Tell in the audit log what becomes of an adjustment; the event. `event_id`: where it is
    reserved already.
    """
    return record(
        action,
        actor=actor,
        target=Target("adjustment", str(adjustment.pk), ""),
        reason=reason,
        event_id=event_id,
        details=details,
    )
