"""Recompute the records, open periods and balances of some players from their days.

Only origins that count are read. Rows that are right already are not written again.
"""

from collections.abc import Iterable

from django.db import connection

from common.pg_arrays import numbers

COUNTED_DAYS = """
    SELECT d.player_id, d.day, sum(d.awarded) AS awarded, sum(d.kos) AS kos, sum(d.wos) AS wos
    FROM daily_points d JOIN experience_points e USING (player_id, origin)
    WHERE d.player_id = ANY(%(players)s::bigint[]) AND e.counted {and_only}
    GROUP BY d.player_id, d.day"""

# Days in a row keep the same distance to their number.
RECORDS = f"""
    WITH days AS MATERIALIZED ({COUNTED_DAYS.format(and_only="AND d.awarded > 0")}),
    best_days AS (
        SELECT DISTINCT ON (player_id) player_id, awarded, day
        FROM days ORDER BY player_id, awarded DESC, day
    ), weeks AS (
        SELECT player_id, sum(awarded) AS awarded, date_trunc('week', day::timestamp) AS monday
        FROM days GROUP BY player_id, monday
    ), best_weeks AS (
        SELECT DISTINCT ON (player_id) player_id, awarded, to_char(monday, 'IYYY-"W"IW') AS key
        FROM weeks ORDER BY player_id, awarded DESC, monday
    ), streaks AS (
        SELECT player_id, count(*)::int AS length, max(day) AS ended_on FROM (
            SELECT player_id, day,
                   day - row_number() OVER (PARTITION BY player_id ORDER BY day)::int AS start
            FROM days) numbered
        GROUP BY player_id, start
    ), longest AS (
        SELECT DISTINCT ON (player_id) player_id, length, ended_on
        FROM streaks ORDER BY player_id, length DESC, ended_on
    ), latest AS (
        SELECT DISTINCT ON (player_id) player_id, length, ended_on
        FROM streaks ORDER BY player_id, ended_on DESC
    ), found AS (
        SELECT p.id AS player_id, p.xmin::text::bigint AS row_version,
               coalesce(d.awarded, 0) AS best_day, d.day AS best_day_on,
               coalesce(w.awarded, 0) AS best_week, coalesce(w.key, '') AS best_week_key,
               coalesce(g.length, 0) AS longest_streak, g.ended_on AS longest_streak_ended_on,
               coalesce(s.length, 0) AS streak, s.ended_on AS streak_ended_on
        FROM players p
             LEFT JOIN best_days d ON d.player_id = p.id
             LEFT JOIN best_weeks w ON w.player_id = p.id
             LEFT JOIN longest g ON g.player_id = p.id LEFT JOIN latest s ON s.player_id = p.id
        WHERE p.id = ANY(%(players)s::bigint[])
    )
    INSERT INTO player_records (player_id, row_version, best_day, best_day_on, best_week,
                                best_week_key, longest_streak, longest_streak_ended_on, streak, streak_ended_on)
    SELECT * FROM found f
    WHERE NOT EXISTS (
        SELECT FROM player_records r WHERE r.player_id = f.player_id
        AND (r.row_version, r.best_day, r.best_day_on, r.best_week, r.best_week_key,
             r.longest_streak, r.longest_streak_ended_on, r.streak, r.streak_ended_on) IS NOT DISTINCT FROM
            (f.row_version, f.best_day, f.best_day_on, f.best_week, f.best_week_key,
             f.longest_streak, f.longest_streak_ended_on, f.streak, f.streak_ended_on))
    ON CONFLICT (player_id) DO UPDATE SET
        row_version = excluded.row_version,
        best_day = excluded.best_day, best_day_on = excluded.best_day_on,
        best_week = excluded.best_week, best_week_key = excluded.best_week_key,
        longest_streak = excluded.longest_streak,
        longest_streak_ended_on = excluded.longest_streak_ended_on,
        streak = excluded.streak, streak_ended_on = excluded.streak_ended_on"""

OPEN_DAYS = COUNTED_DAYS.format(
    and_only="AND d.day >= (SELECT min(starts_on) FROM periods WHERE frozen_at IS NULL)"
)

# A season is a quarter. Frozen periods are left as they are.
TOTALS = f"""
    WITH found AS (
        SELECT q.id AS period_id, d.player_id, sum(d.awarded) AS awarded, sum(d.kos) AS kos,
               sum(d.wos) AS wos
        FROM ({OPEN_DAYS}) d
             CROSS JOIN (VALUES ('week', 'week'), ('month', 'month'), ('season', 'quarter'))
                  AS k(kind, unit)
             JOIN periods q ON q.kind = k.kind
                  AND q.starts_on = date_trunc(k.unit, d.day::timestamp)::date
                  AND q.frozen_at IS NULL
        GROUP BY q.id, d.player_id HAVING sum(d.awarded) > 0 OR sum(d.kos) > 0 OR sum(d.wos) > 0
    ), gone AS (
        DELETE FROM period_totals t
        WHERE t.period_id = ANY(ARRAY(SELECT id FROM periods WHERE frozen_at IS NULL))
          AND t.player_id = ANY(%(players)s::bigint[])
          AND NOT EXISTS (
              SELECT FROM found f WHERE f.period_id = t.period_id AND f.player_id = t.player_id)
    )
    INSERT INTO period_totals (period_id, player_id, awarded, kos, wos)
    SELECT f.* FROM found f
    WHERE NOT EXISTS (
        SELECT FROM period_totals t WHERE t.period_id = f.period_id AND t.player_id = f.player_id
        AND (t.awarded, t.kos, t.wos) = (f.awarded, f.kos, f.wos))
    ON CONFLICT (period_id, player_id)
        DO UPDATE SET awarded = excluded.awarded, kos = excluded.kos, wos = excluded.wos"""

BALANCES = """
    INSERT INTO daily_balances (player_id, day, balance)
    SELECT p.id, c.day, p.points
    FROM players p, LATERAL (SELECT (p.updated_at AT TIME ZONE 'UTC')::date AS day) c
    WHERE p.id = ANY(%(players)s::bigint[])
      AND p.points IS DISTINCT FROM (
          SELECT b.balance FROM daily_balances b WHERE b.player_id = p.id AND b.day <= c.day
          ORDER BY b.day DESC LIMIT 1)
    ON CONFLICT (player_id, day) DO UPDATE SET balance = excluded.balance"""


def recompute(player_ids: Iterable[int]) -> None:
    """Recompute everything that is kept of these players.

    The version of a player's row is read by the first statement. What changes between the
    statements has a later version, so the next roll-up recomputes it.
    """
    parameters = {"players": numbers(player_ids)}
    with connection.cursor() as cursor:
        for statement in (RECORDS, TOTALS, BALANCES):
            cursor.execute(statement, parameters)
