"""What the rooms of a large adjustment share: who may ask, how a row is judged, what the audit log is told."""

from typing import Any

from django.db import connection

from audits.actions import Action
from audits.record import Actor, Target, record
from players.models import Player
from players.policies import active
from players.policy.permissions import Act, Refusal, may
from players.staff import Refused, Staff
from syncs.models import Adjustment

UNKNOWN = "no player has this user id"
ERASED = "the player is erased"
OWN = "nobody acts on themselves"
ABOVE = "the player stands at or above the position of whoever asked"
OVERFLOW = "the sum would be past a trillion points"

NOTE = f"""
    CASE WHEN p.id IS NULL THEN '{UNKNOWN}'
         WHEN p.erased_at IS NOT NULL THEN '{ERASED}'
         WHEN p.id = %(requester)s::bigint THEN '{OWN}'
         WHEN r.retired AND %(below)s::int IS NOT NULL OR r.position >= %(below)s::int THEN '{ABOVE}'
         WHEN abs(p.adjusted + {{amount}}) >= 1e12 OR abs(p.earned + p.adjusted + {{amount}}) >= 1e12 THEN '{OVERFLOW}'
         ELSE '' END"""


def check_entitled(by: Staff, reason: str) -> None:
    """Raises Refused for whoever may adjust nobody, and without a reason."""
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    if by.rank is None:
        return
    if verdict(by, 0, 0).reason == Refusal.NOT_ENTITLED:
        raise Refused(f"You may not: {Refusal.NOT_ENTITLED}.")


def verdict(by: Staff, moved: int, today: int) -> Any:
    """What the rules say of `by` adjusting somebody far below; who stands above them is a matter of each row, and so is
    how much one player may be moved by without a second person."""
    assert by.rank is not None
    first = active().bundle.first
    return may(Act.ADJUST, by.rank, first, own=False, adjusted_today=abs(moved) + abs(today))


def player_id(by: Staff) -> int | None:
    """Our id of whoever acts, where they are a player."""
    return Player.objects.filter(user_id=by.user_id).values_list("pk", flat=True).first() if by.user_id else None


def locked(adjustment_id: int) -> Adjustment:
    """The adjustment, locked for a change. Raises Refused when there is none."""
    adjustment = Adjustment.objects.select_for_update(no_key=True).filter(pk=adjustment_id).first()
    if adjustment is None:
        raise Refused(f"There is no adjustment {adjustment_id}.")
    return adjustment


def lock(what: str) -> None:
    """Let one transaction at a time past this point, for each `what`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


def tell(
    action: Action,
    adjustment: Adjustment,
    actor: Actor,
    *,
    reason: str = "",
    event_id: int | None = None,
    **details: Any,
) -> None:
    """Write in the audit log what becomes of an adjustment. `event_id`: where it is reserved already."""
    record(
        action,
        actor=actor,
        target=Target("adjustment", str(adjustment.pk), ""),
        reason=reason,
        event_id=event_id,
        details=details,
    )
