"""Preview adjustments: stage the rows as they are read, check each one, store the job."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection, transaction
from django.db.models.functions import Abs

from audits.actions import Action
from audits.record import record, reserve_id
from common import advisory_lock
from common.errors import Refused
from players.bulk import engine
from players.mass_adjustments.files import SHOWN, FileRow, ValidationErrors
from players.mass_adjustments.lifecycle import ADJUSTMENTS, target_of
from players.mass_adjustments.row_checks import NOTE, PLAYERS, lookup
from players.models import ZERO, Adjustment, AdjustmentRow, Player
from players.moderation.actors import Staff
from players.moderation.input import check_reason
from players.moderation.refusals import audit_refusals

TOO_LARGE = 10**14  # hundredths: too large for numeric(14, 2)
STAGE = """
    CREATE TEMPORARY TABLE adjusting (line bigint, user_id bigint, amount bigint, reason text)
    ON COMMIT DROP"""
UNSTAGE = "DROP TABLE IF EXISTS pg_temp.adjusting"
COPY = "COPY pg_temp.adjusting (line, user_id, amount, reason) FROM STDIN"

DUPLICATES = f"""
    SELECT line, user_id, first, count(*) OVER () FROM (
        SELECT line, user_id, min(line) OVER (PARTITION BY user_id) AS first FROM adjusting
    ) s WHERE line > first ORDER BY line LIMIT {SHOWN}"""

STORE = f"""
    INSERT INTO adjustment_rows (adjustment_id, line, user_id, amount, reason, status, note)
    SELECT %(adjustment)s::bigint, rows.line, rows.user_id, rows.amount * 0.01, rows.reason,
           CASE n.note WHEN '' THEN 'pending' ELSE 'skipped' END, n.note
    FROM adjusting rows {PLAYERS},
         LATERAL (SELECT {NOTE.format(amount="rows.amount * 0.01")} AS note) n
    ORDER BY rows.line"""

COUNT = """
    SELECT count(*), count(*) FILTER (WHERE status = 'skipped'),
           coalesce(sum(amount) FILTER (WHERE status = 'pending'), 0),
           coalesce(sum(abs(amount)) FILTER (WHERE status = 'pending'), 0)
    FROM adjustment_rows WHERE adjustment_id = %s"""

STAGE_INVERSE = """
    INSERT INTO adjusting SELECT line, user_id, (amount * -100)::bigint, ''
    FROM adjustment_rows WHERE adjustment_id = %s AND status = 'applied'"""


class Invalid(Exception):
    """Some rows have errors, which `errors` lists. Nothing was stored."""

    def __init__(self, errors: ValidationErrors) -> None:
        super().__init__("\n".join(errors.shown))
        self.errors = errors


class KeyConflict(Refused):
    """The idempotency key was used for another request."""


def preview(
    rows: Iterable[FileRow],
    *,
    by: Staff,
    reason: str,
    idempotency_key: str | None = None,
    errors: ValidationErrors | None = None,
    now: dt.datetime,
) -> Adjustment:
    """Store rows and check each one. No player changes.

    The same key with the same content returns the same adjustment. `errors` collects the errors of
    the reader while the rows are consumed. Raises Invalid, Conflict for a key with other content,
    and Refused.
    """
    errors = errors if errors is not None else ValidationErrors()
    reason = check_reason(reason)
    with audit_refusals(ADJUSTMENTS.act, None, by):
        ADJUSTMENTS.check_entitled(by)
    with transaction.atomic(), _staging():
        if idempotency_key is not None:
            advisory_lock.lock(f"adjustment key {idempotency_key}")
        digest = _stage(rows, errors)
        _add_duplicates(errors)
        if errors.total:
            raise Invalid(errors)
        if idempotency_key is not None:
            known = Adjustment.objects.filter(idempotency_key=idempotency_key).first()
            if known is not None:
                return _same(known, digest, reason, by)
        adjustment = Adjustment(idempotency_key=idempotency_key, digest=digest, reason=reason)
        return _store(adjustment, by, now)


def preview_undo(adjustment_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Adjustment:
    """Preview the inverse of the applied rows of an adjustment. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    ADJUSTMENTS.check_entitled(by)
    with transaction.atomic(), _staging():
        original = ADJUSTMENTS.locked(adjustment_id)
        _check_invertible(original)
        with connection.cursor() as cursor:
            cursor.execute(STAGE_INVERSE, [original.pk])
        digest = hashlib.sha256(f"inverse of {original.pk} {original.digest}".encode()).hexdigest()
        return _store(Adjustment(inverse_of=original, digest=digest, reason=reason), by, now)


def largest(adjustment: Adjustment, count: int) -> list[tuple[int, str, Decimal]]:
    """Return user id, name and amount of the rows that move most."""
    rows = adjustment.lines.exclude(status=AdjustmentRow.Status.SKIPPED)
    found = list(
        rows.order_by(Abs("amount").desc(), "line").values_list("user_id", "amount")[:count]
    )
    names = dict(
        Player.objects.filter(user_id__in=[user_id for user_id, _ in found]).values_list(
            "user_id", "username"
        )
    )
    return [(user_id, names[user_id], amount) for user_id, amount in found if user_id in names]


def _check_invertible(original: Adjustment) -> None:
    if original.status != Adjustment.Status.DONE:
        raise Refused(
            f"The adjustment is {original.status}; only one that is done can be inverted."
        )
    inverse = Adjustment.objects.filter(inverse_of=original).first()
    if inverse is not None:
        raise Refused(f"It is inverted already, by adjustment {inverse.pk}.")
    if not original.applied:
        raise Refused("It changed nobody; there is nothing to invert.")


@contextmanager
def _staging() -> Iterator[None]:
    """Provide a temporary table for rows."""
    with connection.cursor() as cursor:
        cursor.execute(UNSTAGE)
        cursor.execute(STAGE)
    yield
    with connection.cursor() as cursor:
        cursor.execute(UNSTAGE)


def _stage(rows: Iterable[FileRow], errors: ValidationErrors) -> str:
    """Copy the rows to the temporary table as they are read; return the SHA-256 of their content."""
    content = hashlib.sha256()
    count = moved = 0
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            count += 1
            moved += abs(row.amount)
            content.update(f"{row.user_id}\t{row.amount}\t{row.reason}\n".encode())
            copy.write_row(row)
    if not count and not errors.total:
        errors.add(1, "rows", "there is none; nothing would change")
    if moved >= TOO_LARGE:
        errors.add(1, "amounts", "must sum up to less than a trillion points; split the file")
    return content.hexdigest()


def _add_duplicates(errors: ValidationErrors) -> None:
    """Add an error for each row whose player has an earlier row."""
    with connection.cursor() as cursor:
        cursor.execute(DUPLICATES)
        found = cursor.fetchall()
    for line, user_id, first, _ in found:
        errors.add(
            line, "userId", f"{user_id} stands on line {first} already; keep one line for a player"
        )
    if found:
        errors.total += found[0][3] - len(found)


def _same(known: Adjustment, digest: str, reason: str, by: Staff) -> Adjustment:
    if (known.digest, known.reason, known.requested_by) != (digest, reason, by.person):
        raise KeyConflict(
            f"The key stands for adjustment {known.pk} already, with other content or of somebody"
            " else. Take a new key."
        )
    return known


def _store(adjustment: Adjustment, by: Staff, now: dt.datetime) -> Adjustment:
    """Store the adjustment and its staged rows, with the reasons of skipped ones."""
    adjustment.requested_by, adjustment.requester = by.person, engine.player_of(by)
    adjustment.below = by.rank.position if by.rank else None
    adjustment.created_at, adjustment.event = now, reserve_id()
    adjustment.rows = adjustment.skipped = 0
    adjustment.total = adjustment.moved = ZERO
    adjustment.save(force_insert=True)
    checks = lookup(adjustment.requester_id, adjustment.below)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pg_temp.adjusting")
        cursor.execute(STORE, {"adjustment": adjustment.pk, **checks})
        cursor.execute(COUNT, [adjustment.pk])
        adjustment.rows, adjustment.skipped, adjustment.total, adjustment.moved = cursor.fetchone()
    adjustment.save(update_fields=["rows", "skipped", "total", "moved"])
    adjustment.refresh_from_db()
    _record_preview(adjustment, by)
    return adjustment


def _record_preview(adjustment: Adjustment, by: Staff) -> None:
    details = {
        "rows": adjustment.rows,
        "skipped": adjustment.skipped,
        "total": str(adjustment.total),
        "moved": str(adjustment.moved),
    }
    if adjustment.inverse_of_id:
        details["inverseOf"] = adjustment.inverse_of_id
    record(
        Action.ADJUSTMENT_PREVIEWED,
        actor=by.actor,
        target=target_of(adjustment),
        reason=adjustment.reason,
        event_id=adjustment.event,
        details=details,
    )
