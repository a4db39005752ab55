"""Large adjustments: judged as a whole, approved by a second person past a limit, applied in chunks, undone at once.

Rows wait in `adjustment_rows`; `step` applies one chunk of them in one transaction with its ledger rows, its ranks and
its audit event, and moves the adjustment's `line` on. So a process may end anywhere, and the next one goes on there.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F, Sum
from django.db.models.functions import Abs
from django.utils import timezone
from psycopg import errors

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor, Target, record, reserve_id
from players import leaderboard
from players.acts import adjusted_today
from players.amounts import hundredths, points
from players.columns import micros, numbers, texts
from players.decisions import Candidate, settle, worth_settling
from players.models import CONSOLE, ZERO, Decision, Player
from players.policies import active
from players.policy.permissions import Act, Refusal, may
from players.staff import Refused, Staff
from syncs.adjustment_files import SHOWN, Flaws, Row
from syncs.leases import LEASE, LeaseLost, backoff, claim, hold
from syncs.models import Adjustment, AdjustmentRow

CHUNK = 2_000  # rows of a transaction: some 0.3 s, in which a game server's batch may wait
ATTEMPTS = 5
CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure)
FOLD_EVERY = 5  # chunks
TOO_LARGE = 10**14  # hundredths: what numeric(14, 2) cannot hold

# What one person may move in a UTC day without a second one, whatever their rank: twice what the highest rank of the
# ladder takes, and as many players as one call of POST /adjustments names. Beyond, a slip of the pen is a disaster.
MASS_POINTS = 100_000_00  # hundredths, without their signs
MASS_PLAYERS = 10_000

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

STAGE = "CREATE TEMPORARY TABLE adjusting (line bigint, user_id bigint, amount bigint, reason text) ON COMMIT DROP"
UNSTAGE = "DROP TABLE IF EXISTS pg_temp.adjusting"

TWICE = f"""
    SELECT line, user_id, first, count(*) OVER () FROM (
        SELECT line, user_id, min(line) OVER (PARTITION BY user_id) AS first FROM adjusting
    ) s WHERE line > first ORDER BY line LIMIT {SHOWN}"""

JUDGE = f"""
    INSERT INTO adjustment_rows (adjustment_id, line, user_id, amount, reason, status, note)
    SELECT %(adjustment)s::bigint, s.line, s.user_id, s.amount * 0.01, s.reason,
           CASE n.note WHEN '' THEN 'pending' ELSE 'skipped' END, n.note
    FROM adjusting s LEFT JOIN players p ON p.user_id = s.user_id LEFT JOIN ranks r ON r.id = p.rank_id,
         LATERAL (SELECT {NOTE.format(amount="s.amount * 0.01")} AS note) n
    ORDER BY s.line"""

COUNT = """
    SELECT count(*), count(*) FILTER (WHERE status = 'skipped'),
           coalesce(sum(amount) FILTER (WHERE status = 'pending'), 0),
           coalesce(sum(abs(amount)) FILTER (WHERE status = 'pending'), 0)
    FROM adjustment_rows WHERE adjustment_id = %s"""

STAGE_INVERSE = """
    INSERT INTO adjusting SELECT line, user_id, (amount * -100)::bigint, ''
    FROM adjustment_rows WHERE adjustment_id = %s AND status = 'applied'"""

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
                         updated_at = %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, amount, line)
    WHERE p.id = c.player
    RETURNING c.line, p.id, p.user_id, p.username, p.rank_id, p.rank_since, c.amount, p.adjusted_sequence,
              (p.adjusted * 100)::bigint, (p.points * 100)::bigint"""

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

BEYOND = """
    SELECT a.line, p.id FROM adjustment_rows a
    JOIN players p ON p.user_id = a.user_id JOIN ranks r ON r.id = p.rank_id
    WHERE a.adjustment_id = %s AND a.status = 'pending'
      AND (p.id = %s::bigint OR %s::int IS NOT NULL AND (r.retired OR r.position >= %s::int))
    ORDER BY a.line LIMIT 1"""


class Invalid(Exception):
    """The rows cannot be taken as they are; `flaws` says where and how to mend it. Nothing was kept."""

    def __init__(self, flaws: Flaws) -> None:
        super().__init__("\n".join(flaws.shown))
        self.flaws = flaws


class Conflict(Refused):
    """The idempotency key stands for something else already."""


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


def preview(
    rows: Iterable[Row],
    *,
    by: Staff,
    reason: str,
    idempotency_key: str | None = None,
    flaws: Flaws | None = None,
    now: dt.datetime,
) -> Adjustment:
    """Take rows in as they come and judge each one; nobody is changed yet, `start` comes next.

    The same key with the same content answers the same adjustment. `flaws` are what the reading of the rows finds
    meanwhile. Raises Invalid (nothing is kept), Conflict for a key with other content, and Refused.
    """
    flaws = flaws if flaws is not None else Flaws()
    _check_entitled(by, reason)
    with transaction.atomic(), _staging():
        if idempotency_key is not None:
            _lock(f"adjustment key {idempotency_key}")
        digest = _stage(rows, flaws)
        _refuse_twice(flaws)
        if flaws.total:
            raise Invalid(flaws)
        known = Adjustment.objects.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
        if known is not None:
            return _same(known, digest, reason, by)
        return _take_in(Adjustment(idempotency_key=idempotency_key, digest=digest), by, reason, now)


def invert(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """A preview of what undoes an adjustment: the amounts negated, of the rows that were applied. Raises Refused."""
    _check_entitled(by, reason)
    with transaction.atomic(), _staging():
        original = _locked(adjustment_id)
        if original.status != Adjustment.Status.DONE:
            raise Refused(f"The adjustment is {original.status}; only one that is done can be inverted.")
        inverse = Adjustment.objects.filter(inverse_of=original).first()
        if inverse is not None:
            raise Refused(f"It is inverted already, by adjustment {inverse.pk}.")
        if not original.applied:
            raise Refused("It changed nobody; there is nothing to invert.")
        with connection.cursor() as cursor:
            cursor.execute(STAGE_INVERSE, [original.pk])
        digest = hashlib.sha256(f"inverse of {original.pk} {original.digest}".encode()).hexdigest()
        return _take_in(Adjustment(inverse_of=original, digest=digest), by, reason, now)


def start(adjustment_id: int, *, by: Staff, now: dt.datetime) -> Adjustment:
    """Let a preview go: on to be applied, or to wait for a second person. Started already, it stays as it is.

    Raises Refused for anybody but whoever asked for it.
    """
    with transaction.atomic():
        adjustment = _locked(adjustment_id)
        if adjustment.status != Adjustment.Status.PREVIEW:
            return adjustment
        if by.person != adjustment.requested_by:
            raise Refused("Somebody else asked for it; only they can let their preview go.")
        _lock(f"adjustments of {adjustment.requested_by}")  # two at once would each look within the limit
        waits = bool(needs_second(adjustment, by, now))
        adjustment.status = Adjustment.Status.WAITING if waits else Adjustment.Status.APPLYING
        adjustment.retry_at = now
        adjustment.save(update_fields=["status", "retry_at"])
        return adjustment


def approve(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Let an adjustment go that waits for a second person. Raises Refused."""
    _check_entitled(by, reason)
    with transaction.atomic():
        adjustment = _locked(adjustment_id)
        if adjustment.status != Adjustment.Status.WAITING:
            raise Refused(f"The adjustment is {adjustment.get_status_display()}, it does not wait for approval.")
        if by.person == adjustment.requested_by:
            raise Refused("You asked for it yourself: a second person must approve it.")
        _refuse_beyond(adjustment, by)
        adjustment.status = Adjustment.Status.APPLYING
        adjustment.approved_by, adjustment.approved_at, adjustment.retry_at = by.person, now, now
        adjustment.save(update_fields=["status", "approved_by", "approved_at", "retry_at"])
        _tell(Action.ADJUSTMENT_APPROVED, adjustment, by.actor, reason=reason)
        return adjustment


def reject(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Close an adjustment that nobody was changed by; whoever asked may take it back so. Raises Refused."""
    _check_entitled(by, reason)
    with transaction.atomic():
        adjustment = _locked(adjustment_id)
        if adjustment.status not in {Adjustment.Status.PREVIEW, Adjustment.Status.WAITING}:
            raise Refused(f"The adjustment is {adjustment.status} already.")
        details = {"inverseOf": adjustment.inverse_of_id} if adjustment.inverse_of_id else {}
        adjustment.status, adjustment.finished_at = Adjustment.Status.REJECTED, now
        adjustment.inverse_of = None  # so that the inverse can be asked for again
        adjustment.save(update_fields=["status", "finished_at", "inverse_of"])
        _tell(Action.ADJUSTMENT_REJECTED, adjustment, by.actor, reason=reason, **details)
        return adjustment


def needs_second(adjustment: Adjustment, by: Staff, now: dt.datetime) -> str:
    """Why a second person must approve it, in a sentence; empty when nobody must."""
    moved = hundredths(adjustment.moved)
    if by.rank is not None and _verdict(by, moved, adjusted_today(by, now) + _under_way(adjustment)).second:
        return f"It is past what your rank may move in a day, {points(by.rank.adjust_limit or 0)} points."
    today = _let_go_today(adjustment, now)
    if today["moved"] + moved > MASS_POINTS:
        return f"It moves more than {MASS_POINTS // 100:,} points, with what you let go today."
    if today["players"] + adjustment.rows - adjustment.skipped > MASS_PLAYERS:
        return f"It touches more than {MASS_PLAYERS:,} players, with those of today."
    return ""


def run(adjustment_id: int, on_chunk: Callable[[Adjustment], None] = lambda adjustment: None) -> bool:
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
    """Apply a held adjustment chunk by chunk, to its end or to that moment of the monotonic clock, and let go of it.

    What fails is pushed forward in time, then raised.
    """
    try:
        chunks = 0
        while time.monotonic() < until and step(adjustment):
            chunks += 1
            if chunks % FOLD_EVERY == 0:
                leaderboard.fold()  # without a worker the moves would pile up
            on_chunk(adjustment)
    except LeaseLost:
        raise
    except Exception as error:
        with suppress(DatabaseError):  # where the database is away, the lease runs out by itself
            hold(adjustment).update(
                attempts=F("attempts") + 1,
                error=str(error)[:500],
                retry_at=timezone.now() + backoff(adjustment.attempts),
            )
        raise
    finally:
        with suppress(DatabaseError):
            hold(adjustment).update(lease="", lease_until=None)


def step(adjustment: Adjustment) -> bool:
    """Apply one chunk of a held adjustment, or end it when none is left; whether there is more to do.

    Raises LeaseLost when another process holds it by now.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _step(adjustment)
        except OperationalError as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, CONTENTION):
                raise
            time.sleep(0.02 * 2**attempt)
    raise AssertionError  # the loop returns or raises


def _check_entitled(by: Staff, reason: str) -> None:
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    if by.rank is None:
        return
    if _verdict(by, 0, 0).reason == Refusal.NOT_ENTITLED:
        raise Refused(f"You may not: {Refusal.NOT_ENTITLED}.")


def _verdict(by: Staff, moved: int, today: int) -> Any:
    """What the rules say of `by` adjusting somebody far below; who stands above them is a matter of each row."""
    assert by.rank is not None
    return may(Act.ADJUST, by.rank, active().bundle.first, own=False, amount=moved, adjusted_today=today)


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
    own = _player_id(by)
    below = by.rank.position if by.rank else None
    with connection.cursor() as cursor:
        cursor.execute(BEYOND, [adjustment.pk, own, below, below])
        found = cursor.fetchone()
    if found is not None and found[1] == own:
        raise Refused(f"You are on line {found[0]} yourself: somebody else must approve it.")
    if found is not None:
        raise Refused(f"The player on line {found[0]} stands at or above your own position.")


def _player_id(by: Staff) -> int | None:
    return Player.objects.filter(user_id=by.user_id).values_list("pk", flat=True).first() if by.user_id else None


def _locked(adjustment_id: int) -> Adjustment:
    adjustment = Adjustment.objects.select_for_update(no_key=True).filter(pk=adjustment_id).first()
    if adjustment is None:
        raise Refused(f"There is no adjustment {adjustment_id}.")
    return adjustment


def _lock(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


@contextmanager
def _staging() -> Iterator[None]:
    """A table of the transaction's own for rows on their way in."""
    with connection.cursor() as cursor:
        cursor.execute(UNSTAGE)
        cursor.execute(STAGE)
    yield
    with connection.cursor() as cursor:
        cursor.execute(UNSTAGE)


def _stage(rows: Iterable[Row], flaws: Flaws) -> str:
    """Send the rows to the database as they are read; SHA-256 of their content."""
    content = hashlib.sha256()
    count = moved = 0
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY pg_temp.adjusting (line, user_id, amount, reason) FROM STDIN") as copy,
    ):
        for row in rows:
            count += 1
            moved += abs(row.amount)
            content.update(f"{row.user_id}\t{row.amount}\t{row.reason}\n".encode())
            copy.write_row(row)
    if not count and not flaws.total:
        flaws.add(1, "rows", "there is none; nothing would change")
    if moved >= TOO_LARGE:
        flaws.add(1, "amounts", "must sum up to less than a trillion points; split the file")
    return content.hexdigest()


def _refuse_twice(flaws: Flaws) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TWICE)
        found = cursor.fetchall()
    for line, user_id, first, _ in found:
        flaws.add(line, "userId", f"{user_id} stands on line {first} already; keep one line for a player")
    if found:
        flaws.total += found[0][3] - len(found)


def _same(known: Adjustment, digest: str, reason: str, by: Staff) -> Adjustment:
    if (known.digest, known.reason, known.requested_by) != (digest, reason, by.person):
        raise Conflict(
            f"The key stands for adjustment {known.pk} already, with other content or of somebody else. Take a new key."
        )
    return known


def _take_in(adjustment: Adjustment, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Write a staged adjustment with its rows, each of them judged."""
    adjustment.reason, adjustment.requested_by, adjustment.created_at = reason, by.person, now
    adjustment.requester_id, adjustment.below = _player_id(by), by.rank.position if by.rank else None
    adjustment.event = reserve_id()
    adjustment.rows = adjustment.skipped = 0
    adjustment.total = adjustment.moved = ZERO
    adjustment.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pg_temp.adjusting")
        cursor.execute(
            JUDGE,
            {"adjustment": adjustment.pk, "requester": adjustment.requester_id, "below": adjustment.below},
        )
        cursor.execute(COUNT, [adjustment.pk])
        adjustment.rows, adjustment.skipped, adjustment.total, adjustment.moved = cursor.fetchone()
    adjustment.save(update_fields=["rows", "skipped", "total", "moved"])
    adjustment.refresh_from_db()
    _tell(
        Action.ADJUSTMENT_PREVIEWED,
        adjustment,
        by.actor,
        reason=reason,
        event_id=adjustment.event,
        rows=adjustment.rows,
        skipped=adjustment.skipped,
        total=str(adjustment.total),
        moved=str(adjustment.moved),
        **({"inverseOf": adjustment.inverse_of_id} if adjustment.inverse_of_id else {}),
    )
    return adjustment


def _tell(
    action: Action,
    adjustment: Adjustment,
    actor: Actor,
    *,
    reason: str = "",
    event_id: int | None = None,
    **details: Any,
) -> None:
    record(
        action,
        actor=actor,
        target=Target("adjustment", str(adjustment.pk), ""),
        reason=reason,
        event_id=event_id,
        details=details,
    )


def _step(adjustment: Adjustment) -> bool:
    held = hold(adjustment).select_for_update(no_key=True).first()
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
    for name in ("status", "line", "applied", "skipped", "total", "moved", "finished_at", "lease_until"):
        setattr(adjustment, name, getattr(held, name))
    adjustment.attempts = 0
    return bool(rows)


def _apply_chunk(held: Adjustment, first: int, last: int, user_ids: Sequence[int], now: dt.datetime) -> None:
    judged = _judge_again(held, first, last, user_ids)
    landing = [(line, amount, player) for line, amount, player, note in judged if not note]
    dropped = [(line, note) for line, _, _, note in judged if note]
    event_id = reserve_id()
    moved = _move(landing, now)
    _write_rows(held, moved, dropped, event_id, now)
    requester = _requester(held)
    if moved:
        _tell(
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
    _advance(held, last, len(moved), [row for row in judged if row[3]])


def _judge_again(held: Adjustment, first: int, last: int, user_ids: Sequence[int]) -> list[tuple[int, int, int, str]]:
    """Line, amount in hundredths, player's id and why not (empty: go on) of each row, the players locked.

    Days may lie between a preview and its approval: who has gone or risen meanwhile is passed over.
    """
    asked = {"adjustment": held.pk, "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [numbers(sorted(user_ids))])
        cursor.execute(JUDGE_AGAIN, {**asked, "requester": held.requester_id, "below": held.below})
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
        cursor.execute(MOVE, [now, *columns])
        return [Moved(*row) for row in cursor.fetchall()]


def _write_rows(
    held: Adjustment, moved: Sequence[Moved], dropped: Sequence[tuple[int, str]], event_id: int, now: dt.datetime
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
    candidates = worth_settling(
        [Candidate(row.id, row.user_id, row.username, row.rank_id, row.rank_since, row.points) for row in moved], policy
    )
    if candidates:
        settle(candidates, source=Decision.Source.STAFF, policy=policy, actor=actor, now=now, reason=held.reason)


def _advance(held: Adjustment, last: int, applied: int, dropped: Sequence[tuple[int, int, int, str]]) -> None:
    """Move `line` on, in the chunk's transaction; what fell away meanwhile leaves the sums."""
    held.line = last
    held.applied += applied
    held.skipped += len(dropped)
    held.total -= points(sum(amount for _, amount, _, _ in dropped))
    held.moved -= points(sum(abs(amount) for _, amount, _, _ in dropped))
    held.attempts, held.error, held.lease_until = 0, "", timezone.now() + LEASE
    held.save(
        update_fields=["line", "applied", "skipped", "total", "moved", "attempts", "error", "lease_until"],
    )


def _finish(held: Adjustment, now: dt.datetime) -> None:
    held.status, held.finished_at = Adjustment.Status.DONE, now
    held.save(update_fields=["status", "finished_at"])
    _tell(
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
    """SHA-256 over a chunk's ledger rows, in the form of `players.ingestion.digest`, so that the chain proves them."""
    rows = sorted(
        (row.id, row.sequence, f"\tadjustment\t1\t{row.amount}\t{row.adjusted}\t{micros(at)}") for row in moved
    )
    lines = "\n".join(f"{player}\t{CONSOLE}\t0\t{sequence}{rest}" for player, sequence, rest in rows)
    return hashlib.sha256(lines.encode()).hexdigest()


def skipped_by_note(adjustment: Adjustment) -> Iterator[tuple[str, int, list[int]]]:
    """Why rows are passed over: the note, how many, and the first three user ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT note, count(*), (array_agg(user_id ORDER BY line))[1:3] FROM adjustment_rows"
            " WHERE adjustment_id = %s AND status = 'skipped' GROUP BY note ORDER BY 2 DESC",
            [adjustment.pk],
        )
        yield from cursor.fetchall()


def largest(adjustment: Adjustment, count: int) -> list[tuple[int, str, Decimal]]:
    """User id, name and amount of the rows that move most."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.user_id, p.username, a.amount FROM adjustment_rows a JOIN players p ON p.user_id = a.user_id"
            " WHERE a.adjustment_id = %s AND a.status <> 'skipped' ORDER BY abs(a.amount) DESC, a.line LIMIT %s",
            [adjustment.pk, count],
        )
        return list(cursor.fetchall())


def progress(adjustment: Adjustment) -> float:
    """How far it is, from 0 to 1."""
    if adjustment.status == Adjustment.Status.DONE:
        return 1.0
    return adjustment.applied / max(1, adjustment.rows - adjustment.skipped)
