"""Applying a large adjustment in chunks, each one transaction with its ledger rows, its ranks and
its audit event.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor, reserve_id
from common import retry
from common.amounts import hundredths, points
from common.errors import Refused, Unconfirmed
from common.leases import LeaseLost, backoff, claim, hold, renew
from common.pg_arrays import numbers, texts
from common.time import micros
from players import leaderboard
from players.active_policy import active
from players.mass_adjustments.rows import GONE, LIMITED, NOTE, tell, why_not_entitled
from players.membership import freshness
from players.models import CONSOLE, ZERO, Adjustment, Decision
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.approvals import who_asked
from players.moderation.authorization import past_limit, take_turn
from players.ranks.evaluation import Candidate, evaluate_and_apply, may_change_rank

CHUNK = 2_000  # rows of a transaction: some 0.3 s, in which a game server's batch may wait
UNCONFIRMED = dt.timedelta(minutes=1)  # until Roblox is asked again about whoever asked
FOLD_EVERY = 5  # chunks

PENDING = f"""
    SELECT line, user_id FROM adjustment_rows
    WHERE adjustment_id = %s AND line > %s AND status = 'pending' ORDER BY line LIMIT {CHUNK}"""

LOCK = "SELECT id FROM players WHERE user_id = ANY(%s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"

JUDGE_AGAIN = f"""
    SELECT a.line, (a.amount * 100)::bigint, p.id, {NOTE.format(amount="a.amount")}
    FROM adjustment_rows a
    LEFT JOIN players p ON p.user_id = a.user_id LEFT JOIN ranks r ON r.id = p.rank_id
    WHERE a.adjustment_id = %(adjustment)s::bigint AND a.status = 'pending'
      AND a.line BETWEEN %(first)s::bigint AND %(last)s::bigint
    ORDER BY a.line"""

MOVE = """
    UPDATE players p SET adjusted = p.adjusted + c.amount * 0.01, adjusted_sequence = p.adjusted_sequence + 1,
                         updated_at = %s, synced_at = %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, amount, line)
    WHERE p.id = c.player
    RETURNING c.line, p.id, p.user_id, p.username, p.rank_id, p.rank_since, c.amount, p.adjusted_sequence,
              (p.adjusted * 100)::bigint, (p.points * 100)::bigint, p.banned, p.member"""

APPEND = """
    INSERT INTO ledger (player_id, origin, session, sequence, type, actor_id, awarded, total, occurred_at, batch)
    SELECT c.player, %s, 0, c.sequence, 'adjustment', %s, c.awarded * 0.01, c.total * 0.01,
           'epoch'::timestamptz + %s * interval '1 microsecond', %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, sequence, awarded, total)
    ORDER BY c.player"""

APPLIED = """
    UPDATE adjustment_rows a SET status = 'applied', points = c.points * 0.01
    FROM unnest(%s::bigint[], %s::bigint[]) AS c(line, points)
    WHERE a.adjustment_id = %s AND a.line = c.line"""

SKIPPED = """
    UPDATE adjustment_rows a SET status = 'skipped', note = c.note
    FROM unnest(%s::bigint[], %s::text[]) AS c(line, note)
    WHERE a.adjustment_id = %s AND a.line = c.line"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A player whom a chunk changed. Amounts in hundredths, as they are after it."""

    line: int
    id: int
    user_id: int
    username: str
    rank_id: int
    rank_since: dt.datetime
    amount: int
    sequence: int
    adjusted: int
    points: int
    banned: bool
    member: str


def run(
    adjustment_id: int, on_chunk: Callable[[Adjustment], None] = lambda adjustment: None
) -> bool:
    """Apply one adjustment to its end, if it is due and nobody else holds it; whether it was so."""
    found = claim(Adjustment.objects.filter(pk=adjustment_id, status=Adjustment.Status.APPLYING), 1)
    for adjustment in found:
        apply(adjustment, on_chunk)
    return bool(found)


def run_due(seconds: float = inf) -> int:
    """Apply what is due, for about so many seconds; how many adjustments had their turn."""
    turns, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and (
        found := claim(Adjustment.objects.filter(status=Adjustment.Status.APPLYING), 1)
    ):
        apply(found[0], until=until)
        turns += 1
    return turns


def apply(
    adjustment: Adjustment,
    on_chunk: Callable[[Adjustment], None] = lambda adjustment: None,
    until: float = inf,
) -> None:
    """Apply a held adjustment chunk by chunk, to its end or to that moment of the monotonic clock,
    and let go of it.

    What fails is pushed forward in time, then raised.
    """
    try:
        chunks = 0
        while time.monotonic() < until and _confirmed_step(adjustment):
            chunks += 1
            if chunks % FOLD_EVERY == 0:
                leaderboard.fold()  # without a worker the moves would pile up
            on_chunk(adjustment)
    except LeaseLost:
        raise
    except Unconfirmed as reason:
        hold(adjustment).update(error=str(reason), retry_at=Now() + UNCONFIRMED)
    except Exception as error:
        with suppress(DatabaseError):  # where the database is away, the lease runs out by itself
            hold(adjustment).update(
                attempts=F("attempts") + 1,
                error=str(error)[:500],
                retry_at=Now() + backoff(adjustment.attempts),
            )
        raise
    finally:
        with suppress(DatabaseError):
            hold(adjustment).update(lease="", lease_until=None)


def _confirmed_step(adjustment: Adjustment) -> bool:
    """A step, once Roblox was asked about whoever wants it."""
    freshness.before_act(adjustment.requester.user_id if adjustment.requester else None)
    return step(adjustment)


@retry.on_contention
def step(adjustment: Adjustment) -> bool:
    """Apply one chunk of a held adjustment, or end it when none is left; whether there is more to
    do.

    Raises LeaseLost when another process holds it by now.
    """
    with transaction.atomic():
        return _step(adjustment)


def _step(adjustment: Adjustment) -> bool:
    take_turn(adjustment.requested_by)
    held = (
        hold(adjustment)
        .select_for_update(no_key=True, of=("self",))
        .select_related("requester")
        .first()
    )
    if held is None:
        raise LeaseLost(str(adjustment))
    if held.status != Adjustment.Status.APPLYING:
        return False
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(PENDING, [held.pk, held.line])
        rows = cursor.fetchall()
    if not rows:
        _finish(held, now)
    else:
        _apply_chunk(held, rows[0][0], rows[-1][0], [user_id for _, user_id in rows], now)
    for name in (
        "status",
        "line",
        "applied",
        "skipped",
        "total",
        "moved",
        "finished_at",
        "lease_until",
    ):
        setattr(adjustment, name, getattr(held, name))
    adjustment.attempts = 0
    return bool(rows)


def _apply_chunk(
    held: Adjustment, first: int, last: int, user_ids: Sequence[int], now: dt.datetime
) -> None:
    by, stopped = _present(held)
    before = _beside(held, now)
    judged = _judge_again(held, first, last, user_ids, by.rank.position if by and by.rank else None)
    if not stopped and by is not None and by.rank is not None and not held.approved_by:
        stopped = _past_limit(by, judged, before)
    judged = [(line, amount, player, stopped or note) for line, amount, player, note in judged]
    landing = [(line, amount, player) for line, amount, player, note in judged if not note]
    dropped = [(line, note) for line, _, _, note in judged if note]
    event_id = reserve_id()
    moved = _move(landing, now)
    _write_rows(held, moved, dropped, event_id, now)
    requester = _requester(held)
    if moved:
        tell(
            Action.ADJUSTMENT_APPLIED,
            held,
            requester,
            event_id=event_id,
            lines=[first, last],
            count=len(moved),
            sum=str(points(sum(row.amount for row in moved))),
            digest=digest(moved, now),
        )
        _settle(moved, held, requester, now)
    _settle_charge(held, landing, [amount for _, amount, _, note in judged if note], now)
    _advance(held, last, len(moved), [row for row in judged if row[3]])


def _present(held: Adjustment) -> tuple[Staff | None, str]:
    """Whoever asked, by their present rank, and why nothing more of theirs is applied (empty: go
    on).
    """
    try:
        by = who_asked(held.requester, held.event)
    except Unconfirmed:
        raise
    except Refused:
        return None, GONE
    return by, GONE if why_not_entitled(by) else ""


def _beside(held: Adjustment, now: dt.datetime) -> daily_limit.Taken:
    """What counts on the day that it was charged to, beside what is left of it. The day's row is
    locked.
    """
    taken = daily_limit.lock(held.requested_by, held.charged_on or daily_limit.day_of(now))
    return taken.less(hundredths(held.reserved), players=0, approved=bool(held.approved_by))


def _past_limit(
    by: Staff, judged: Sequence[tuple[int, int, int, str]], taken: daily_limit.Taken
) -> str:
    """Why a chunk is not applied whose amounts are past the limit that whoever asked has by now."""
    moving = [abs(amount) for _, amount, _, note in judged if not note]
    found = past_limit(by, sum(moving), taken, players=0, largest=max(moving, default=0))
    return LIMITED if found is not None else ""


def _settle_charge(
    held: Adjustment,
    landing: Sequence[tuple[int, int, int]],
    dropped: Sequence[int],
    now: dt.datetime,
) -> None:
    """Take a chunk out of what is reserved of the day; what fell away is given back to it."""
    moved, lost = sum(abs(amount) for _, amount, _ in landing), sum(map(abs, dropped))
    day, approved = held.charged_on or daily_limit.day_of(now), bool(held.approved_by)
    if held.charged_on is None:  # let go before charges were kept
        daily_limit.charge(held.requested_by, day, moved, players=len(landing), approved=approved)
        return
    held.reserved = max(ZERO, held.reserved - points(moved + lost))
    if dropped:
        daily_limit.give_back(held.requested_by, day, lost, players=len(dropped), approved=approved)


def _judge_again(
    held: Adjustment, first: int, last: int, user_ids: Sequence[int], below: int | None
) -> list[tuple[int, int, int, str]]:
    """Line, amount in hundredths, player's id and why not (empty: go on) of each row, the players
    locked.

    Days may lie between a preview and its approval: who has gone or risen meanwhile is passed over.
    `below`: the present position of whoever asked, where a rank binds them.
    """
    asked = {"adjustment": held.pk, "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [numbers(sorted(user_ids))])
        cursor.execute(JUDGE_AGAIN, {**asked, "requester": held.requester_id, "below": below})
        return list(cursor.fetchall())


def _move(landing: Sequence[tuple[int, int, int]], now: dt.datetime) -> list[Moved]:
    if not landing:
        return []
    columns = [
        numbers(player for _, _, player in landing),
        numbers(amount for _, amount, _ in landing),
        numbers(line for line, _, _ in landing),
    ]
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [now, now, *columns])
        return [Moved(*row) for row in cursor.fetchall()]


def _write_rows(
    held: Adjustment,
    moved: Sequence[Moved],
    dropped: Sequence[tuple[int, str]],
    event_id: int,
    now: dt.datetime,
) -> None:
    with connection.cursor() as cursor:
        if moved:
            columns = [
                numbers(row.id for row in moved),
                numbers(row.sequence for row in moved),
                numbers(row.amount for row in moved),
                numbers(row.adjusted for row in moved),
            ]
            cursor.execute(APPEND, [CONSOLE, held.requester_id, micros(now), event_id, *columns])
            lines = [numbers(row.line for row in moved), numbers(row.points for row in moved)]
            cursor.execute(APPLIED, [*lines, held.pk])
        if dropped:
            notes = [numbers(line for line, _ in dropped), texts(note for _, note in dropped)]
            cursor.execute(SKIPPED, [*notes, held.pk])


def _settle(moved: Sequence[Moved], held: Adjustment, actor: Actor, now: dt.datetime) -> None:
    policy = active()
    candidates = may_change_rank(
        [
            Candidate(
                row.id,
                row.user_id,
                row.username,
                row.rank_id,
                row.rank_since,
                row.points,
                row.banned,
                row.member,
            )
            for row in moved
        ],
        policy,
    )
    if candidates:
        evaluate_and_apply(
            candidates,
            source=Decision.Source.STAFF,
            policy=policy,
            actor=actor,
            now=now,
            reason=held.reason,
        )


def _advance(
    held: Adjustment, last: int, applied: int, dropped: Sequence[tuple[int, int, int, str]]
) -> None:
    """Move `line` on, in the chunk's transaction; what fell away meanwhile leaves the sums."""
    held.line = last
    held.applied += applied
    held.skipped += len(dropped)
    held.total -= points(sum(amount for _, amount, _, _ in dropped))
    held.moved -= points(sum(abs(amount) for _, amount, _, _ in dropped))
    held.attempts, held.error = 0, ""
    held.save(
        update_fields=[
            "line",
            "applied",
            "skipped",
            "total",
            "moved",
            "reserved",
            "attempts",
            "error",
        ],
    )
    renew(held)


def _finish(held: Adjustment, now: dt.datetime) -> None:
    held.status, held.finished_at = Adjustment.Status.DONE, now
    held.save(update_fields=["status", "finished_at"])
    tell(
        Action.ADJUSTMENT_APPLIED,
        held,
        _requester(held),
        done=True,
        count=held.applied,
        skipped=held.skipped,
        sum=str(held.total),
    )


def _requester(held: Adjustment) -> Actor:
    """Who asked, as the audit log knows them; a name that was erased there is gone here too."""
    event = AuditEvent.objects.get(pk=held.event)
    personal = AuditPersonal.objects.filter(event_id=held.event, field="actorName").first()
    name, subject = (personal.value, personal.subject) if personal else ("", "")
    return Actor(event.actor_kind, event.actor_id, name, subject)


def digest(moved: Iterable[Moved], at: dt.datetime) -> str:
    """Return the SHA-256 of a chunk's ledger rows, in the form of
    `players.points.ingestion.digest`.
    """
    rows = sorted(
        (row.id, row.sequence, f"\tadjustment\t1\t{row.amount}\t{row.adjusted}\t{micros(at)}")
        for row in moved
    )
    lines = "\n".join(
        f"{player}\t{CONSOLE}\t0\t{sequence}{rest}" for player, sequence, rest in rows
    )
    return hashlib.sha256(lines.encode()).hexdigest()


def progress(adjustment: Adjustment) -> float:
    """How far it is, from 0 to 1."""
    if adjustment.status == Adjustment.Status.DONE:
        return 1.0
    return adjustment.applied / max(1, adjustment.rows - adjustment.skipped)
