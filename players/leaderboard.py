"""Positions and pages of the leaderboard, exact and at the same cost for any number of players.

`players` is the source of truth. A position is one more than the number of listed players with more
points. That number is a sum over a tree of counts (`leaderboard_buckets`: level 0 counts single
hundredths, each higher level groups 64 buckets of the one below) plus the few moves that a trigger
wrote and `fold` has not yet merged (`leaderboard_changes`). So a change of points never waits for
another one, and a reader adds up some hundred rows at any size.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from common import advisory_lock

LEVELS = 8  # of 6 bits: 48 bits of hundredths, more than numeric(14, 2) holds
FOLD_LOCK = 4_710_002  # advisory lock: one fold at a time
FOLD_ROWS = 50_000
MAX_PAGE = 100

AHEAD = f"""
    (SELECT coalesce(sum(b.count), 0) FROM generate_series(0, {LEVELS - 1}) AS t(height)
     JOIN leaderboard_buckets b ON b.level = t.height
          AND b.bucket > ({{value}} >> (6 * t.height)) AND b.bucket <= (({{value}} >> (6 * t.height)) | 63))
    + (SELECT coalesce(sum((c.after > {{value}})::int), 0) - coalesce(sum((c.before > {{value}})::int), 0)
       FROM leaderboard_changes c)"""

FOLD = f"""
    WITH taken AS (
        DELETE FROM leaderboard_changes
        WHERE id IN (SELECT id FROM leaderboard_changes ORDER BY id LIMIT {FOLD_ROWS})
        RETURNING before, after
    ), moves AS (
        SELECT level, move.value >> (6 * level) AS bucket, sum(move.difference) AS difference
        FROM taken, LATERAL (VALUES (before, -1), (after, 1)) AS move(value, difference),
             generate_series(0, {LEVELS - 1}) AS level
        WHERE move.value IS NOT NULL
        GROUP BY 1, 2 HAVING sum(move.difference) <> 0
    )
    MERGE INTO leaderboard_buckets b USING moves m ON b.level = m.level AND b.bucket = m.bucket
    WHEN MATCHED AND b.count + m.difference = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET count = b.count + m.difference
    WHEN NOT MATCHED THEN INSERT (level, bucket, count) VALUES (m.level, m.bucket, m.difference)"""

TRUE_COUNTS = f"""
    SELECT level::smallint AS level, (points * 100)::bigint >> (6 * level) AS bucket, count(*) AS count
    FROM players, generate_series(0, {LEVELS - 1}) AS level
    WHERE listed GROUP BY 1, 2"""

ROW = """p.id, p.user_id, p.username, p.display_name, coalesce(f.name, r.name), p.points, p.kos, p.wos, p.synced_at"""
FROM = (
    "FROM players p JOIN ranks r ON r.id = p.rank_id LEFT JOIN ranks f ON f.id = p.former_rank_id"
)


@dataclass(frozen=True, slots=True)
class LeaderboardLine:
    """One line of a list. `position` counts from 1 and is shared by players with the same points."""

    id: int
    user_id: int
    username: str
    display_name: str
    rank: str
    points: Decimal
    kos: int
    wos: int
    synced_at: dt.datetime
    position: int = 0


def top(limit: int, after: tuple[Decimal, int] | None = None) -> list[LeaderboardLine]:
    """Return up to `limit` players by points, highest first.

    `after`: points and id of the last player of the previous page.
    """
    where, parameters = "WHERE p.listed", list[Any]()
    if after is not None:
        where, parameters = "WHERE p.listed AND (p.points, p.id) < (%s, %s)", [*after]
    # The limit is part of the statement. Without it PostgreSQL may plan to sort everything past
    # `after`.
    query = f"SELECT {ROW} {FROM} {where} ORDER BY p.points DESC, p.id DESC LIMIT {limit:d}"
    return _positioned(query, parameters)


def around(player_id: int, points: Decimal, span: int) -> list[LeaderboardLine]:
    """Return the player with up to `span` players before and after them, by points."""
    query = f"""
        (SELECT {ROW} {FROM} WHERE p.listed AND (p.points, p.id) >= (%s, %s) ORDER BY p.points, p.id LIMIT {span + 1:d})
        UNION ALL
        (SELECT {ROW} {FROM} WHERE p.listed AND (p.points, p.id) < (%s, %s)
         ORDER BY p.points DESC, p.id DESC LIMIT {span:d})
        ORDER BY points DESC, id DESC"""
    return _positioned(query, [points, player_id, points, player_id])


def records(column: str, limit: int) -> list[LeaderboardLine]:
    """Return up to `limit` players with the most `kos` or `wos`.

    Positions go by that count. Players with a count of 0 are left out.
    """
    if column not in {"kos", "wos"}:
        raise ValueError(f"{column} is not a record")
    query = f"SELECT {ROW} {FROM} WHERE p.listed AND p.{column} > 0 ORDER BY p.{column} DESC, p.id DESC LIMIT {limit:d}"
    lines = _lines(query, [])
    positions: dict[int, int] = {}
    return [
        replace(line, position=positions.setdefault(getattr(line, column), index))
        for index, line in enumerate(lines, start=1)
    ]


def search(
    prefix: str, limit: int, after: tuple[str, int] | None = None, *, everybody: bool = False
) -> list[LeaderboardLine]:
    """Return up to `limit` players whose name starts with `prefix`, by name, without positions.

    The search ignores case. `everybody`: also find players hidden from public lists, except erased
    ones.
    """
    shown = "p.erased_at IS NULL" if everybody else "p.listed"
    name = 'lower(p.username) COLLATE "C"'
    low = prefix.lower()
    # Use one lower bound only. With a second one PostgreSQL may start at the smaller and walk the
    # index up to the other.
    query = f"""
        SELECT {ROW} {FROM} WHERE {shown} AND ({name}, p.id) > (%s, %s) AND {name} < %s
        ORDER BY {name}, p.id LIMIT {limit:d}"""
    return _lines(query, [*(after or (low, 0)), low + "\U0010ffff"])


def lines_of(player_ids: Sequence[int]) -> list[LeaderboardLine]:
    """Return players by our ids, listed or not, by name, without positions."""
    query = f"SELECT {ROW} {FROM} WHERE p.erased_at IS NULL AND p.id = ANY(%s::bigint[])"
    query += " ORDER BY lower(p.username), p.id"
    return _lines(query, [list(player_ids)]) if player_ids else []


def position(points: Decimal) -> int:
    """Return the position of a listed player with `points`."""
    return _ahead([points])[0] + 1


def total() -> int:
    """Return the number of listed players."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(count), 0) FROM leaderboard_buckets WHERE level = %s)"
            " + (SELECT count(after) - count(before) FROM leaderboard_changes)",
            [LEVELS - 1],
        )
        return int(cursor.fetchone()[0])


def fold() -> int:
    """Merge at most FOLD_ROWS pending moves into the counts; return the number of changed buckets.

    Returns 0 while another fold runs.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not advisory_lock.try_lock(FOLD_LOCK):
            return 0
        cursor.execute(FOLD)
        return int(cursor.rowcount)


def rebuild() -> None:
    """Recount everything from `players`. Writers to `players` wait meanwhile, readers do not."""
    with transaction.atomic(), connection.cursor() as cursor:
        advisory_lock.lock(FOLD_LOCK)
        cursor.execute("LOCK TABLE players IN SHARE MODE")
        cursor.execute("DELETE FROM leaderboard_changes")
        cursor.execute("DELETE FROM leaderboard_buckets")
        cursor.execute(f"INSERT INTO leaderboard_buckets (level, bucket, count) {TRUE_COUNTS}")


def verify() -> int:
    """Return the number of buckets that differ from `players`, pending moves included.

    0 means that all counts are right.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # One statement sees one snapshot, so writers need not wait.
        cursor.execute(f"""
            WITH pending AS (
                SELECT level, move.value >> (6 * level) AS bucket, sum(move.difference) AS count
                FROM leaderboard_changes, LATERAL (VALUES (before, -1), (after, 1)) AS move(value, difference),
                     generate_series(0, {LEVELS - 1}) AS level
                WHERE move.value IS NOT NULL GROUP BY 1, 2
            ), counted AS (
                SELECT level, bucket, sum(count) AS count FROM (
                    SELECT level, bucket, count FROM leaderboard_buckets UNION ALL SELECT * FROM pending
                ) both_kinds GROUP BY 1, 2 HAVING sum(count) <> 0
            )
            SELECT count(*) FROM counted FULL JOIN ({TRUE_COUNTS}) AS truth USING (level, bucket)
            WHERE counted.count IS DISTINCT FROM truth.count""")
        return int(cursor.fetchone()[0])


def _ahead(values: Sequence[Decimal]) -> list[int]:
    query = f"""
        SELECT {AHEAD.format(value="v.value")}
        FROM unnest(%s::bigint[]) WITH ORDINALITY AS v(value, place) ORDER BY v.place"""
    with connection.cursor() as cursor:
        cursor.execute(query, [[int(value * 100) for value in values]])
        return [int(row[0]) for row in cursor.fetchall()]


def _lines(query: str, parameters: list[Any]) -> list[LeaderboardLine]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [LeaderboardLine(*row) for row in cursor.fetchall()]


def _positioned(query: str, parameters: list[Any]) -> list[LeaderboardLine]:
    lines = _lines(query, parameters)
    if not lines:
        return []
    # Only the first group of equal points can begin outside the list. So the positions of the first
    # and the second group are read, and the list gives the others.
    second = next(
        (index for index, line in enumerate(lines) if line.points != lines[0].points), len(lines)
    )
    asked = [lines[0].points] if second == len(lines) else [lines[0].points, lines[second].points]
    ahead = _ahead(asked)
    placed = [replace(line, position=ahead[0] + 1) for line in lines[:second]]
    first_of_group = second
    for index in range(second, len(lines)):
        if lines[index].points != lines[first_of_group].points:
            first_of_group = index
        placed.append(replace(lines[index], position=ahead[1] + 1 + first_of_group - second))
    return placed
