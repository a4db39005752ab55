"""Judge players of a closed period inside the database: one statement a page.

It is the rule of `players.policy.quotas.judge` over `players.quotas.standings`, written again in
SQL; a test compares both.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import connection

from common.pg_arrays import numbers
from players.activity.queries import counted_origins
from players.leave.queries import TAKEN
from players.membership.status import belonging
from players.models import QuotaPeriod
from players.policy.active_minutes import MOST
from players.quotas.standings import Selection

# `bound`: the page. `past` is read only for those who did not meet the quota. Of earlier periods
# it reads the newest, as many as are free: the rule needs no more.
JUDGE = """
    WITH bound AS MATERIALIZED (
        SELECT p.id, p.rank_since FROM players p
        WHERE p.rank_id = ANY(%(ranks)s::bigint[]) AND p.member = ANY(%(members)s::text[])
          AND p.erased_at IS NULL AND NOT p.banned AND p.id > %(after)s
        ORDER BY p.id LIMIT %(most)s
    ), minutes AS (
        SELECT d.player_id, sum(least(d.minutes, %(day)s))::int AS minutes FROM (
            SELECT a.player_id, a.day, sum(a.minutes) AS minutes FROM active_days a
            WHERE a.player_id > %(after)s AND a.player_id <= (SELECT max(id) FROM bound)
              AND a.day >= %(first)s AND a.day < %(end)s AND a.origin = ANY(%(origins)s::text[])
            GROUP BY a.player_id, a.day) d
        GROUP BY d.player_id
    ), attended AS (
        SELECT a.player_id, count(*)::int AS events FROM hosted_events e
        JOIN hosted_event_attendances a ON a.event_id = e.id
        WHERE e.status IN ('ended', 'awarded') AND e.started_at >= %(starts)s
          AND e.started_at < %(ends)s AND a.attended AND a.struck_by = ''
        GROUP BY a.player_id
    ), hosted AS (
        SELECT h.player_id, count(*)::int AS events FROM hosted_events e
        JOIN hosted_event_hosts h ON h.event_id = e.id
        WHERE e.status IN ('ended', 'awarded') AND e.started_at >= %(starts)s
          AND e.started_at < %(ends)s
          AND EXISTS (SELECT FROM hosted_event_attendances o WHERE o.event_id = e.id AND o.attended
                      AND o.struck_by = '')
        GROUP BY h.player_id
    ), spans AS (
        SELECT player_id, starts_on AS first, ends_on AS until FROM quota_exemptions
        WHERE quota IN ('', %(quota)s) AND starts_on < %(end)s
          AND (ends_on IS NULL OR ends_on > %(first)s)
        UNION ALL
        SELECT player_id, first_day, last_day + 1 FROM leaves
        WHERE status = ANY(%(taken)s::text[]) AND first_day < %(end)s AND last_day >= %(first)s
    ), resting AS (
        SELECT s.player_id, count(DISTINCT day)::int AS days FROM spans s,
            generate_series(greatest(s.first, %(first)s), least(s.until, %(end)s) - 1,
                            interval '1 day') AS day
        GROUP BY s.player_id
    ), done AS (
        SELECT b.id, b.rank_since, coalesce(m.minutes, 0) AS minutes,
               coalesce(a.events, 0) AS attended, coalesce(h.events, 0) AS hosted,
               coalesce(r.days, 0) AS resting
        FROM bound b
        LEFT JOIN minutes m ON m.player_id = b.id
        LEFT JOIN attended a ON a.player_id = b.id
        LEFT JOIN hosted h ON h.player_id = b.id
        LEFT JOIN resting r ON r.player_id = b.id
    ), compared AS (
        SELECT *, 2 * resting >= %(days)s AS excused,
               minutes >= %(minutes)s * (%(days)s - resting) / %(days)s
               AND attended >= %(attended)s * (%(days)s - resting) / %(days)s
               AND hosted >= %(hosted)s * (%(days)s - resting) / %(days)s AS reached
        FROM done
    ), judged AS (
        SELECT c.*, past.misses AS missed_before,
               CASE WHEN c.excused THEN 'excused'
                    WHEN c.reached THEN 'met'
                    WHEN past.periods < %(free)s
                         OR (past.periods = 0 AND c.rank_since > %(starts)s) THEN 'free'
                    ELSE 'missed' END AS state
        FROM compared c
        LEFT JOIN LATERAL (
            SELECT count(*) AS periods, coalesce((array_agg(misses))[1], 0) AS misses FROM (
                SELECT r.misses FROM quota_results r
                WHERE %(has_earlier)s AND (c.excused OR NOT c.reached) AND r.player_id = c.id
                  AND r.period_id = ANY(%(earlier)s::bigint[])
                ORDER BY r.period_id DESC LIMIT %(looked_at)s) newest
        ) past ON true
    ), written AS (
        INSERT INTO quota_results
            (player_id, period_id, state, minutes, attended, hosted, resting, misses)
        SELECT id, %(period)s, state, minutes, attended, hosted, resting,
               CASE state WHEN 'excused' THEN missed_before WHEN 'missed' THEN missed_before + 1
                    ELSE 0 END
        FROM judged ORDER BY id
        RETURNING player_id, state
    )
    SELECT count(*), max(player_id), count(*) FILTER (WHERE state = 'met'),
           count(*) FILTER (WHERE state = 'missed'), count(*) FILTER (WHERE state = 'excused'),
           count(*) FILTER (WHERE state = 'free')
    FROM written"""


class Judged(NamedTuple):
    """What a page held. `last`: the last player's id of ours, None for an empty page."""

    players: int
    last: int | None
    met: int
    missed: int
    excused: int
    free: int


def judge_page(selection: Selection, after: int, most: int) -> Judged:
    """Judge the next players whom the quota binds now, by our id, and store their results."""
    period, quota = selection.period, selection.quota
    # Periods of a quota are created in their order, so a higher id is a later one.
    earlier = list(
        QuotaPeriod.objects.filter(quota=period.quota, starts_on__lt=period.starts_on).values_list(
            "pk", flat=True
        )
    )
    parameters: dict[str, Any] = {
        "ranks": numbers(selection.rank_ids),
        "members": belonging(),
        "after": after,
        "most": most,
        "day": MOST,
        "first": period.starts_on,
        "end": period.ends_on,
        "starts": _midnight(period.starts_on),
        "ends": _midnight(period.ends_on),
        "days": (period.ends_on - period.starts_on).days,
        "origins": counted_origins(),
        "taken": [status.value for status in TAKEN],
        "quota": period.quota,
        "minutes": quota.minutes,
        "attended": quota.attended,
        "hosted": quota.hosted,
        "free": quota.free_periods,
        "looked_at": max(1, quota.free_periods),
        "has_earlier": bool(earlier),
        "earlier": numbers(earlier),
        "period": period.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(JUDGE, parameters)
        (row,) = cursor.fetchall()
        return Judged(*row)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
