"""Daily figures for the console's charts, computed ahead, so that a chart reads only a few rows.

Points and active players are summed again from `daily_points` for today, yesterday and missing
days. Events are counted once, in the order of the audit chain, from where the last count ended.
"""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from django.db import connection, transaction

from audits.actions import Action

DAYS = 14  # in the charts, including today
STEP = 50_000  # positions of the chain in one transaction
COUNTED = {
    Action.RANK_PROMOTED: "promotions",
    Action.RANK_DEMOTED: "demotions",
    Action.PLAYER_WARNED: "warnings",
    Action.PLAYER_SUSPENDED: "suspensions",
    Action.PLAYER_BANNED: "bans",
}

SUM_DAY = """
    INSERT INTO daily_figures (day, what, label, value)
    SELECT %(day)s::date, w.what, s.origin, CASE w.what WHEN 'points' THEN s.points ELSE s.players END
    FROM (SELECT d.origin, sum(d.awarded) AS points, count(*) AS players FROM daily_points d
          LEFT JOIN experience_points e ON e.player_id = d.player_id AND e.origin = d.origin
          WHERE d.day = %(day)s::date AND coalesce(e.counted, true) GROUP BY d.origin) s,
         (VALUES ('points'), ('players')) w(what)
    ON CONFLICT (day, what, label) DO UPDATE SET value = excluded.value"""

# `asOf` is the moment of the sums, in seconds since 1970.
SUM_ALL = """
    INSERT INTO daily_figures (day, what, value)
    SELECT %(day)s::date, 'active', count(DISTINCT d.player_id) FROM daily_points d
    JOIN experience_points e ON e.player_id = d.player_id AND e.origin = d.origin AND e.counted
    WHERE d.day = %(day)s::date
    UNION ALL SELECT %(day)s::date, 'asOf', extract(epoch FROM now())
    ON CONFLICT (day, what, label) DO UPDATE SET value = excluded.value"""

COUNT = """
    INSERT INTO daily_figures (day, what, label, value)
    SELECT (a.at AT TIME ZONE 'UTC')::date, c.what, '', count(*)
    FROM sealed_events s JOIN audits a ON a.id = s.event_id
    JOIN unnest(%s::text[], %s::text[]) AS c(action, what) ON c.action = a.action
    WHERE s.position > %s AND s.position <= %s GROUP BY 1, 2
    ON CONFLICT (day, what, label) DO UPDATE SET value = daily_figures.value + excluded.value"""

MISSING = """
    SELECT d::date FROM generate_series(%s::date, %s::date, interval '1 day') d
    WHERE NOT EXISTS (SELECT 1 FROM daily_figures f WHERE f.day = d::date AND f.what = 'points')"""


def take_down(now: dt.datetime) -> int:
    """Update the figures, and return the number of days summed.

    It may run twice, also at the same time.
    """
    today = now.astimezone(dt.UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(MISSING, [today - dt.timedelta(days=DAYS - 1), today])
        days = {row[0] for row in cursor.fetchall()} | {today, today - dt.timedelta(days=1)}
        for day in sorted(days):
            cursor.execute(SUM_DAY, {"day": day})
            cursor.execute(SUM_ALL, {"day": day})
    while _count_step():
        pass
    return len(days)


def of(what: Sequence[str], since: dt.date) -> dict[tuple[str, str], dict[dt.date, Decimal]]:
    """Return the figures of these kinds since a day: by kind and label, then by day."""
    found: dict[tuple[str, str], dict[dt.date, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT what, label, day, value FROM daily_figures WHERE day >= %s AND what = ANY(%s) ORDER BY 1, 2, 3",
            [since, list(what)],
        )
        for kind, label, day, value in cursor.fetchall():
            found.setdefault((kind, label), {})[day] = value
    return found


def _count_step() -> bool:
    """Count one batch of the chain. Return False if there was nothing to count."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO counted (name, position) VALUES ('figures', 0) ON CONFLICT DO NOTHING"
        )
        cursor.execute("SELECT position FROM counted WHERE name = 'figures' FOR UPDATE")
        start: int = cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(max(position), 0) FROM sealed_events")
        end = min(start + STEP, cursor.fetchone()[0])
        if end <= start:
            return False
        cursor.execute(
            COUNT, [[str(action) for action in COUNTED], list(COUNTED.values()), start, end]
        )
        cursor.execute("UPDATE counted SET position = %s WHERE name = 'figures'", [end])
        return True
