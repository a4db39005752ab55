"""Taking a large adjustment in: staged as it is read, judged row by row, shown; nobody is changed."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection, transaction

from audits.actions import Action
from audits.record import reserve_id
from common import advisory_lock
from common.errors import Refused
from players.mass_adjustments.files import SHOWN, Flaws, Row
from players.mass_adjustments.rows import NOTE, check_entitled, locked, player_id, tell
from players.models import ZERO, Adjustment
from players.moderation.actors import Staff
from players.moderation.authorization import telling_refusals
from players.policy.permissions import Act

TOO_LARGE = 10**14  # hundredths: what numeric(14, 2) cannot hold
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


class Invalid(Exception):
    """The rows cannot be taken as they are; `flaws` says where and how to mend it. Nothing was
    kept.
    """

    def __init__(self, flaws: Flaws) -> None:
        super().__init__("\n".join(flaws.shown))
        self.flaws = flaws


class Conflict(Refused):
    """The idempotency key stands for something else already."""


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

    The same key with the same content answers the same adjustment. `flaws` are what the reading of
    the rows finds meanwhile. Raises Invalid (nothing is kept), Conflict for a key with other
    content, and Refused.
    """
    flaws = flaws if flaws is not None else Flaws()
    with telling_refusals(Act.ADJUST, None, by):
        check_entitled(by, reason)
    with transaction.atomic(), _staging():
        if idempotency_key is not None:
            advisory_lock.lock(f"adjustment key {idempotency_key}")
        digest = _stage(rows, flaws)
        _refuse_twice(flaws)
        if flaws.total:
            raise Invalid(flaws)
        known = (
            Adjustment.objects.filter(idempotency_key=idempotency_key).first()
            if idempotency_key
            else None
        )
        if known is not None:
            return _same(known, digest, reason, by)
        return _take_in(Adjustment(idempotency_key=idempotency_key, digest=digest), by, reason, now)


def invert(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """A preview of what undoes an adjustment: the amounts negated, of the rows that were applied.
    Raises Refused.
    """
    check_entitled(by, reason)
    with transaction.atomic(), _staging():
        original = locked(adjustment_id)
        if original.status != Adjustment.Status.DONE:
            raise Refused(
                f"The adjustment is {original.status}; only one that is done can be inverted."
            )
        inverse = Adjustment.objects.filter(inverse_of=original).first()
        if inverse is not None:
            raise Refused(f"It is inverted already, by adjustment {inverse.pk}.")
        if not original.applied:
            raise Refused("It changed nobody; there is nothing to invert.")
        with connection.cursor() as cursor:
            cursor.execute(STAGE_INVERSE, [original.pk])
        digest = hashlib.sha256(f"inverse of {original.pk} {original.digest}".encode()).hexdigest()
        return _take_in(Adjustment(inverse_of=original, digest=digest), by, reason, now)


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
        flaws.add(
            line, "userId", f"{user_id} stands on line {first} already; keep one line for a player"
        )
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
    adjustment.requester_id, adjustment.below = player_id(by), by.rank.position if by.rank else None
    adjustment.event = reserve_id()
    adjustment.rows = adjustment.skipped = 0
    adjustment.total = adjustment.moved = ZERO
    adjustment.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pg_temp.adjusting")
        cursor.execute(
            JUDGE,
            {
                "adjustment": adjustment.pk,
                "requester": adjustment.requester_id,
                "below": adjustment.below,
            },
        )
        cursor.execute(COUNT, [adjustment.pk])
        adjustment.rows, adjustment.skipped, adjustment.total, adjustment.moved = cursor.fetchone()
    adjustment.save(update_fields=["rows", "skipped", "total", "moved"])
    adjustment.refresh_from_db()
    tell(
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
