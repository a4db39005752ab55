"""Positions on the leaderboard, exact and at the same cost for any number of players.

`players` is the source of truth. A position is one more than the number of listed players with more
points. That number is a sum over a tree of counts (`leaderboard_buckets`: level 0 counts single
hundredths, each higher level groups 64 buckets of the one below) plus the few moves that a trigger
wrote and `fold` has not yet merged (`leaderboard_changes`). So a change of points never waits for
another one, and a reader (`portal.ahead`) adds up some hundred rows at any size.
"""

from decimal import Decimal

from django.db import connection, transaction

from common import advisory_lock
from common.amounts import hundredths

LEVELS = 8  # of 6 bits: 48 bits of hundredths, more than numeric(14, 2) holds
FOLD_LOCK = 4_710_002  # advisory lock: one fold at a time
FOLD_ROWS = 50_000

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


def position(points: Decimal) -> int:
    """Return the position of a listed player with `points`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal.ahead(%s) + 1", [hundredths(points)])
        return int(cursor.fetchone()[0])


def total() -> int:
    """Return the number of listed players."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal.total()")
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
