"""Letting a large adjustment go: at once, or past a limit once a second person approved it."""

import datetime as dt

from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Abs

from audits.actions import Action
from players.acts import adjusted_today
from players.amounts import hundredths, points
from players.models import ZERO
from players.policies import active
from players.staff import Refused, Staff
from syncs.adjustments.rows import (
    check_entitled,
    lock,
    locked,
    player_id,
    tell,
    verdict,
)
from syncs.models import Adjustment, AdjustmentRow

# What one person may move in a UTC day without a second one, whatever their rank: twice what the highest rank of the
# ladder takes, and as many players as one call of POST /adjustments names. Beyond, a slip of the pen is a disaster.
MASS_POINTS = 100_000_00  # hundredths, without their signs
MASS_PLAYERS = 10_000

BEYOND = """
    SELECT a.line, p.id FROM adjustment_rows a
    JOIN players p ON p.user_id = a.user_id JOIN ranks r ON r.id = p.rank_id
    WHERE a.adjustment_id = %s AND a.status = 'pending'
      AND (p.id = %s::bigint OR %s::int IS NOT NULL AND (r.retired OR r.position >= %s::int))
    ORDER BY a.line LIMIT 1"""


def start(adjustment_id: int, *, by: Staff, now: dt.datetime) -> Adjustment:
    """Let a preview go: on to be applied, or to wait for a second person. Started already, it stays as it is.

    Raises Refused for anybody but whoever asked for it.
    """
    with transaction.atomic():
        adjustment = locked(adjustment_id)
        if adjustment.status != Adjustment.Status.PREVIEW:
            return adjustment
        if by.person != adjustment.requested_by:
            raise Refused("Somebody else asked for it; only they can let their preview go.")
        lock(f"adjustments of {adjustment.requested_by}")  # two at once would each look within the limit
        waits = bool(needs_second(adjustment, by, now))
        adjustment.status = Adjustment.Status.WAITING if waits else Adjustment.Status.APPLYING
        adjustment.retry_at = now
        adjustment.save(update_fields=["status", "retry_at"])
        return adjustment


def approve(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Let an adjustment go that waits for a second person. Raises Refused."""
    check_entitled(by, reason)
    with transaction.atomic():
        adjustment = locked(adjustment_id)
        if adjustment.status != Adjustment.Status.WAITING:
            raise Refused(f"The adjustment is {adjustment.get_status_display()}, it does not wait for approval.")
        if by.person == adjustment.requested_by:
            raise Refused("You asked for it yourself: a second person must approve it.")
        _refuse_beyond(adjustment, by)
        adjustment.status = Adjustment.Status.APPLYING
        adjustment.approved_by, adjustment.approved_at, adjustment.retry_at = by.person, now, now
        adjustment.save(update_fields=["status", "approved_by", "approved_at", "retry_at"])
        tell(Action.ADJUSTMENT_APPROVED, adjustment, by.actor, reason=reason)
        return adjustment


def reject(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Close an adjustment that nobody was changed by; whoever asked may take it back so. Raises Refused."""
    check_entitled(by, reason)
    with transaction.atomic():
        adjustment = locked(adjustment_id)
        if adjustment.status not in {Adjustment.Status.PREVIEW, Adjustment.Status.WAITING}:
            raise Refused(f"The adjustment is {adjustment.status} already.")
        details = {"inverseOf": adjustment.inverse_of_id} if adjustment.inverse_of_id else {}
        adjustment.status, adjustment.finished_at = Adjustment.Status.REJECTED, now
        adjustment.inverse_of = None  # so that the inverse can be asked for again
        adjustment.save(update_fields=["status", "finished_at", "inverse_of"])
        tell(Action.ADJUSTMENT_REJECTED, adjustment, by.actor, reason=reason, **details)
        return adjustment


def needs_second(adjustment: Adjustment, by: Staff, now: dt.datetime) -> str:
    """Why a second person must approve it, in a sentence; empty when nobody must."""
    moved = hundredths(adjustment.moved)
    if by.rank is not None and verdict(by, moved, adjusted_today(by, now) + _under_way(adjustment)).second:
        return f"It is past what your rank may move in a day, {points(by.rank.adjust_limit or 0)} points."
    if not by.alone and _has_large_row(adjustment):
        return f"It moves a player by more than {points(active().bundle.second_above):,} points."
    today = _let_go_today(adjustment, now)
    if today["moved"] + moved > MASS_POINTS:
        return f"It moves more than {MASS_POINTS // 100:,} points, with what you let go today."
    if today["players"] + adjustment.rows - adjustment.skipped > MASS_PLAYERS:
        return f"It touches more than {MASS_PLAYERS:,} players, with those of today."
    return ""


def _has_large_row(adjustment: Adjustment) -> bool:
    """Whether it moves anybody by so much that nobody does it alone (players.policy.permissions.is_large)."""
    above = points(active().bundle.second_above)
    rows = AdjustmentRow.objects.filter(adjustment=adjustment, status=AdjustmentRow.Status.PENDING)
    return rows.filter(Q(amount__gt=above) | Q(amount__lt=-above)).exists()


def _under_way(adjustment: Adjustment) -> int:
    """What the same person let go and is not applied yet, in hundredths."""
    waiting = AdjustmentRow.objects.filter(
        adjustment__requested_by=adjustment.requested_by,
        adjustment__status=Adjustment.Status.APPLYING,
        status=AdjustmentRow.Status.PENDING,
    )
    return hundredths(waiting.aggregate(moved=Sum(Abs("amount")))["moved"] or ZERO)


def _let_go_today(adjustment: Adjustment, now: dt.datetime) -> dict[str, int]:
    """What the same person let go without anybody's approval since midnight UTC: players, and hundredths moved."""
    found = Adjustment.objects.filter(
        requested_by=adjustment.requested_by,
        approved_by="",
        status__in=[Adjustment.Status.APPLYING, Adjustment.Status.DONE],
        created_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0),
    ).aggregate(moved=Sum("moved"), players=Sum(F("rows") - F("skipped")))
    return {"moved": hundredths(found["moved"] or ZERO), "players": found["players"] or 0}


def _refuse_beyond(adjustment: Adjustment, by: Staff) -> None:
    """Whoever approves must be one who may adjust each of the players."""
    own = player_id(by)
    below = by.rank.position if by.rank else None
    with connection.cursor() as cursor:
        cursor.execute(BEYOND, [adjustment.pk, own, below, below])
        found = cursor.fetchone()
    if found is not None and found[1] == own:
        raise Refused(f"You are on line {found[0]} yourself: somebody else must approve it.")
    if found is not None:
        raise Refused(f"The player on line {found[0]} stands at or above your own position.")
