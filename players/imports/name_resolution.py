"""Resolve usernames to accounts, find the names of new players, and find two rows of one player."""

from collections.abc import Iterable, Sequence
from itertools import batched

from django.db import connection

from common.pg_arrays import numbers, texts
from players.models import Import, ImportRow, Player
from roblox import accounts
from roblox.accounts import MOST, Account

CHUNK = 500  # rows

NO_ACCOUNT = "no Roblox account has this username; correct it, or give the user id"
NO_USER = "Roblox knows no account with this user id; correct it"
Status = ImportRow.Status

WRITE = """
    UPDATE import_rows r SET user_id = nullif(c.user_id, 0), username = c.username,
        display_name = c.display_name, note = c.note,
        status = CASE WHEN c.note <> '' AND c.user_id = 0 THEN 'unread' ELSE r.status END
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
        AS c(line, user_id, username, display_name, note)
    WHERE r.job_id = %s AND r.line = c.line"""

TWICE = """
    UPDATE import_rows r SET status = 'unread',
        note = 'line ' || f.line || ' is the same player already; keep one line for a player'
    FROM import_rows f
    WHERE r.job_id = %(job)s AND r.line BETWEEN %(first)s AND %(last)s AND r.status = 'pending'
      AND f.job_id = r.job_id AND f.user_id = r.user_id AND f.line < r.line AND f.line = (
          SELECT min(e.line) FROM import_rows e
          WHERE e.job_id = r.job_id AND e.user_id = r.user_id AND e.status <> 'unread')"""


def rows_after(job: Import) -> list[ImportRow]:
    """Return the next chunk of rows whose names are to be resolved."""
    rows = ImportRow.objects.filter(job=job, line__gt=job.line, status=Status.PENDING)
    return list(rows.order_by("line")[:CHUNK])


def ask(rows: Sequence[ImportRow]) -> list[ImportRow]:
    """Ask Roblox about the rows, and return those that change. Raises AccountsUnavailable."""
    nameless = [row for row in rows if row.user_id is None]
    found = _by_name(row.username for row in nameless)
    for row in nameless:
        _take_account(row, found.get(row.username.lower()))
    unnamed = [row for row in rows if row.user_id is not None and row not in nameless]
    return nameless + _name_new_players(unnamed)


def write(job: Import, rows: Sequence[ImportRow], changed: Sequence[ImportRow]) -> None:
    """Store what was resolved, and mark every further row of one player."""
    with connection.cursor() as cursor:
        if changed:
            columns = [
                numbers(row.line for row in changed),
                numbers(row.user_id or 0 for row in changed),
                texts(row.username for row in changed),
                texts(row.display_name for row in changed),
                texts(row.note for row in changed),
            ]
            cursor.execute(WRITE, [*columns, job.pk])
        span = {"job": job.pk, "first": rows[0].line, "last": rows[-1].line}
        cursor.execute(TWICE, span)


def _by_name(names: Iterable[str]) -> dict[str, Account]:
    found: dict[str, Account] = {}
    for some in batched(dict.fromkeys(name.lower() for name in names), MOST):
        found |= accounts.by_name(some)
    return found


def _take_account(row: ImportRow, account: Account | None) -> None:
    if account is None:
        row.note = NO_ACCOUNT
        return
    if account.name.lower() != row.username.lower():
        row.note = f"{row.username} is a former name of {account.name}"
    row.user_id, row.username = account.id, account.name[:50]
    row.display_name = account.display_name[:50]


def _name_new_players(rows: Sequence[ImportRow]) -> list[ImportRow]:
    """Find the present names of users who are no players yet; return their rows."""
    user_ids = [row.user_id for row in rows if row.user_id is not None]
    players = Player.objects.filter(user_id__in=user_ids)
    known = set(players.values_list("user_id", flat=True))
    new = [row for row in rows if row.user_id not in known]
    found: dict[int, Account] = {}
    for some in batched((row.user_id for row in new if row.user_id), MOST):
        found |= accounts.by_id(some)
    for row in new:
        account = found.get(row.user_id or 0)
        if account is None:
            row.user_id, row.note = None, NO_USER
        else:
            row.username, row.display_name = account.name[:50], account.display_name[:50]
    return new
