"""Apply adjustments in chunks, one transaction each.

A transaction stores the chunk's points, ledger rows, ranks, results and audit event.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import NamedTuple

from django.db import Error, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, record, reserve_id
from common import database_clock
from common.amounts import points
from common.errors import Refused, Unconfirmed
from common.leases import LeaseLost, backoff, claim, hold, renew
from common.pg_arrays import numbers, texts
from common.retry import on_contention
from common.time import micros
from players import leaderboard
from players.active_policy import active
from players.bulk import engine, reservations
from players.mass_adjustments.lifecycle import requester_actor, target_of
from players.mass_adjustments.row_checks import (
    GONE,
    LIMITED,
    NOTE,
    PLAYERS,
    lookup,
    why_not_entitled,
)
from players.models import CONSOLE, Adjustment, Decision
from players.moderation.actors import Staff
from players.moderation.authorization import past_limit
from players.moderation.daily_limit import Taken, Volume
from players.moderation.locks import take_turn
from players.moderation.requesters import requester_by_event
from players.ranks.candidates import Candidate
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

CHUNK = 2_000  # rows per transaction, some 0.3 s; a game server's batch may wait that long
UNCONFIRMED = dt.timedelta(minutes=1)  # until the requester's role is read from Roblox again
FOLD_EVERY = 5  # chunks
Status = Adjustment.Status

PENDING = f"""
    SELECT line, user_id FROM adjustment_rows
    WHERE adjustment_id = %s AND line > %s AND status = 'pending' ORDER BY line LIMIT {CHUNK}"""

LOCK = "SELECT id FROM players WHERE user_id = ANY(%s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"

CHECK = f"""
    SELECT rows.line, (rows.amount * 100)::bigint, p.id, {NOTE.format(amount="rows.amount")}
    FROM adjustment_rows rows {PLAYERS}
    WHERE rows.adjustment_id = %(adjustment)s::bigint AND rows.status = 'pending'
      AND rows.line BETWEEN %(first)s::bigint AND %(last)s::bigint
    ORDER BY rows.line"""

MOVE = """
    UPDATE players p
    SET adjusted = p.adjusted + c.amount * 0.01, adjusted_sequence = p.adjusted_sequence + 1,
        updated_at = %(now)s, synced_at = %(now)s
    FROM unnest(%(players)s::bigint[], %(amounts)s::bigint[], %(lines)s::bigint[])
        AS c(player, amount, line)
    WHERE p.id = c.player
    RETURNING c.line, c.amount, p.adjusted_sequence, (p.adjusted * 100)::bigint,
              p.id, p.user_id, p.username, p.rank_id, p.rank_since, (p.points * 100)::bigint,
              p.banned, p.member, p.resting_since"""

APPEND = """
    INSERT INTO ledger (player_id, origin, session, sequence, type, actor_id, awarded, total,
                        occurred_at, batch)
    SELECT c.player, %s, 0, c.sequence, 'adjustment', %s, c.awarded * 0.01, c.total * 0.01,
           'epoch'::timestamptz + %s * interval '1 microsecond', %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        AS c(player, sequence, awarded, total)
    ORDER BY c.player"""

APPLIED = """
    UPDATE adjustment_rows a SET status = 'applied', points = c.points * 0.01
    FROM unnest(%s::bigint[], %s::bigint[]) AS c(line, points)
    WHERE a.adjustment_id = %s AND a.line = c.line"""

SKIPPED = """
    UPDATE adjustment_rows a SET status = 'skipped', note = c.note
    FROM unnest(%s::bigint[], %s::text[]) AS c(line, note)
    WHERE a.adjustment_id = %s AND a.line = c.line"""


class Checked(NamedTuple):
    """A row of a chunk. `amount` in hundredths. `note`: why it is skipped, or empty."""

    line: int
    amount: int
    player: int
    note: str


class Moved(NamedTuple):
    """A player whom a chunk changed, after the change. Amounts in hundredths."""

    line: int
    amount: int
    sequence: int
    adjusted: int
    player: Candidate


def run(
    adjustment_id: int, on_chunk: Callable[[Adjustment], None] = lambda adjustment: None
) -> bool:
    """Apply an adjustment to its end.

    Returns False if it is not due or another process holds it.
    """
    found = claim(Adjustment.objects.filter(pk=adjustment_id, status=Status.APPLYING), 1)
    for adjustment in found:
        apply(adjustment, on_chunk)
    return bool(found)


def run_due(seconds: float = inf) -> int:
    """Apply due adjustments for about `seconds`; return the number of those worked on."""
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and (
        found := claim(Adjustment.objects.filter(status=Status.APPLYING), 1)
    ):
        apply(found[0], until=until)
        count += 1
    return count


def apply(
    adjustment: Adjustment,
    on_chunk: Callable[[Adjustment], None] = lambda adjustment: None,
    until: float = inf,
) -> None:
    """Apply a claimed adjustment to its end or to the moment `until` of the monotonic clock.

    Releases the lease. An error postpones the next attempt and is raised.
    """
    try:
        chunks = engine.steps(lambda: step(adjustment), adjustment.requester, until)
        for count, _ in enumerate(chunks, 1):
            if count % FOLD_EVERY == 0:
                leaderboard.fold()  # without a worker the changes would pile up
            on_chunk(adjustment)
    except LeaseLost:
        raise
    except Unconfirmed as reason:
        hold(adjustment).update(error=str(reason), retry_at=Now() + UNCONFIRMED)
    except Exception as error:
        with suppress(Error):  # without a database the lease expires by itself
            hold(adjustment).update(
                attempts=F("attempts") + 1,
                error=str(error)[:500],
                retry_at=Now() + backoff(adjustment.attempts),
            )
        raise
    finally:
        with suppress(Error):
            hold(adjustment).update(lease="", lease_until=None)


@on_contention
def step(adjustment: Adjustment) -> bool:
    """Apply the next chunk of a claimed adjustment, or finish it; return whether more is left.

    Raises LeaseLost if another process has claimed it since.
    """
    with transaction.atomic():
        take_turn(adjustment.requested_by)
        _lock(adjustment)
        if adjustment.status != Status.APPLYING:
            return False
        now = database_clock.now()
        with connection.cursor() as cursor:
            cursor.execute(PENDING, [adjustment.pk, adjustment.line])
            rows = cursor.fetchall()
        if not rows:
            _finish(adjustment, now)
            return False
        if adjustment.charged_on is None:  # it started before charges were stored
            reservations.reserve(adjustment, now)
        _apply_chunk(adjustment, rows, now)
        return True


def progress(adjustment: Adjustment) -> float:
    """Return the applied part, from 0 to 1."""
    if adjustment.status == Status.DONE:
        return 1.0
    return adjustment.applied / max(1, adjustment.changing)


def digest(moved: Iterable[Moved], at: dt.datetime) -> str:
    """Return the SHA-256 of a chunk's ledger rows, as `LedgerBatch.digest` does for batches."""
    rows = sorted(
        (
            row.player.id,
            row.sequence,
            f"\tadjustment\t1\t{row.amount}\t{row.adjusted}\t{micros(at)}",
        )
        for row in moved
    )
    lines = "\n".join(
        f"{player}\t{CONSOLE}\t0\t{sequence}{rest}" for player, sequence, rest in rows
    )
    return hashlib.sha256(lines.encode()).hexdigest()


def _lock(adjustment: Adjustment) -> None:
    """Lock the adjustment's row and read it again. Raises LeaseLost."""
    rows = hold(adjustment).select_for_update(no_key=True, of=("self",))
    try:
        adjustment.refresh_from_db(from_queryset=rows.select_related("requester"))
    except Adjustment.DoesNotExist:
        raise LeaseLost(str(adjustment)) from None


def _apply_chunk(adjustment: Adjustment, rows: Sequence[tuple[int, int]], now: dt.datetime) -> None:
    first, last = rows[0][0], rows[-1][0]
    checked = _checked(adjustment, rows)
    skipped = [row for row in checked if row.note]
    event_id = reserve_id()
    moved = _move([row for row in checked if not row.note], now)
    _store_moved(adjustment, moved, event_id, now)
    _store_skipped(adjustment, skipped)
    if moved:
        requester = requester_actor(adjustment)
        record(
            Action.ADJUSTMENT_APPLIED,
            actor=requester,
            target=target_of(adjustment),
            event_id=event_id,
            details={
                "lines": [first, last],
                "count": len(moved),
                "sum": str(points(sum(row.amount for row in moved))),
                "digest": digest(moved, now),
            },
        )
        _evaluate_ranks(moved, adjustment, requester, now)
    _advance(adjustment, last, moved, skipped)


def _checked(adjustment: Adjustment, rows: Sequence[tuple[int, int]]) -> list[Checked]:
    """Check the rows of a chunk again, with their players locked; add reasons to those to skip.

    Days may pass between a preview and its approval. So the requester, each player and the
    requester's daily limit are checked again.
    """
    by, stopped = _present_requester(adjustment)
    taken = reservations.other_charges(adjustment)
    below = by.rank.position if by and by.rank else None
    span = {"adjustment": adjustment.pk, "first": rows[0][0], "last": rows[-1][0]}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [numbers(sorted(user_id for _, user_id in rows))])
        cursor.execute(CHECK, span | lookup(adjustment.requester_id, below))
        checked = [Checked(*row) for row in cursor.fetchall()]
    if not stopped and by is not None and by.rank is not None and not adjustment.is_approved:
        assert taken is not None
        stopped = _past_limit(by, checked, taken)
    if not stopped:
        return checked
    return [row._replace(note=stopped) for row in checked]


def _present_requester(adjustment: Adjustment) -> tuple[Staff | None, str]:
    """Return the requester with their present rank, and why they may not continue (or "")."""
    try:
        by = requester_by_event(adjustment.requester, adjustment.event)
    except Unconfirmed:
        raise
    except Refused:
        return None, GONE
    return by, GONE if why_not_entitled(by) else ""


def _past_limit(by: Staff, checked: Sequence[Checked], taken: Taken) -> str:
    """Return why a chunk exceeds the requester's present limit, or an empty string."""
    moving = [abs(row.amount) for row in checked if not row.note]
    found = past_limit(by, Volume(sum(moving), 0, max(moving, default=0)), taken)
    return LIMITED if found is not None else ""


def _move(rows: Sequence[Checked], now: dt.datetime) -> list[Moved]:
    if not rows:
        return []
    columns = {
        "players": numbers(row.player for row in rows),
        "amounts": numbers(row.amount for row in rows),
        "lines": numbers(row.line for row in rows),
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVE, {"now": now, **columns})
        return [
            Moved(line, amount, sequence, adjusted, Candidate(*player))
            for line, amount, sequence, adjusted, *player in cursor.fetchall()
        ]


def _store_moved(
    adjustment: Adjustment, moved: Sequence[Moved], event_id: int, now: dt.datetime
) -> None:
    if not moved:
        return
    columns = [
        numbers(row.player.id for row in moved),
        numbers(row.sequence for row in moved),
        numbers(row.amount for row in moved),
        numbers(row.adjusted for row in moved),
    ]
    lines = [numbers(row.line for row in moved), numbers(row.player.points for row in moved)]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [CONSOLE, adjustment.requester_id, micros(now), event_id, *columns])
        cursor.execute(APPLIED, [*lines, adjustment.pk])


def _store_skipped(adjustment: Adjustment, skipped: Sequence[Checked]) -> None:
    if not skipped:
        return
    columns = [numbers(row.line for row in skipped), texts(row.note for row in skipped)]
    with connection.cursor() as cursor:
        cursor.execute(SKIPPED, [*columns, adjustment.pk])


def _evaluate_ranks(
    moved: Sequence[Moved], adjustment: Adjustment, actor: Actor, now: dt.datetime
) -> None:
    policy = active()
    candidates = may_change_rank([row.player for row in moved], policy, now)
    if candidates:
        evaluate_and_apply(
            candidates,
            DecisionContext(policy, actor, now, Decision.Source.STAFF, reason=adjustment.reason),
        )


def _advance(
    adjustment: Adjustment, last: int, moved: Sequence[Moved], skipped: Sequence[Checked]
) -> None:
    """Store the progress, and subtract skipped rows from the sums."""
    lost = sum(abs(row.amount) for row in skipped)
    used = sum(abs(row.amount) for row in moved)
    reservations.settle(adjustment, used, returned=lost, players=len(skipped))
    adjustment.line = last
    adjustment.applied += len(moved)
    adjustment.skipped += len(skipped)
    adjustment.total -= points(sum(row.amount for row in skipped))
    adjustment.moved -= points(lost)
    adjustment.attempts, adjustment.error = 0, ""
    adjustment.save()
    renew(adjustment)


def _finish(adjustment: Adjustment, now: dt.datetime) -> None:
    adjustment.status, adjustment.finished_at = Status.DONE, now
    adjustment.save(update_fields=["status", "finished_at"])
    record(
        Action.ADJUSTMENT_APPLIED,
        actor=requester_actor(adjustment),
        target=target_of(adjustment),
        details={
            "done": True,
            "count": adjustment.applied,
            "skipped": adjustment.skipped,
            "sum": str(adjustment.total),
        },
    )
