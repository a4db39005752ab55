"""What awards for hosted events hold of the caps of a day and a week."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from common.pg_arrays import numbers

# By the experience of the event, since caps are per experience. An award that was taken back is
# null again.
SPENT = """
    SELECT player_id, (coalesce(sum(awarded) FILTER (WHERE awarded_at >= %s), 0) * 100)::bigint,
           (sum(awarded) * 100)::bigint
    FROM (
        SELECT a.player_id, a.awarded, e.awarded_at FROM hosted_event_attendances a
        JOIN hosted_events e ON e.id = a.event_id
        WHERE a.player_id = ANY(%s::bigint[]) AND a.awarded > 0 AND e.experience = %s
          AND e.awarded_at >= %s AND e.awarded_at < %s
        UNION ALL
        SELECT h.player_id, h.awarded, e.awarded_at FROM hosted_event_hosts h
        JOIN hosted_events e ON e.id = h.event_id
        WHERE h.player_id = ANY(%s::bigint[]) AND h.awarded > 0 AND e.experience = %s
          AND e.awarded_at >= %s AND e.awarded_at < %s
    ) both_ways GROUP BY player_id"""


def spent(
    player_ids: Sequence[int], experience: str, now: dt.datetime
) -> Mapping[int, tuple[int, int]]:
    """Return the hundredths awarded in an experience today and this week, by our player id.

    Players without any are left out. Days and weeks are in UTC.
    """
    day = dt.datetime.combine(now.astimezone(dt.UTC), dt.time(), tzinfo=dt.UTC)
    monday = day - dt.timedelta(days=day.weekday())
    part: list[Any] = [numbers(player_ids), experience, monday, monday + dt.timedelta(days=7)]
    with connection.cursor() as cursor:
        cursor.execute(SPENT, [day, *part, *part])
        return {player: (of_day, of_week) for player, of_day, of_week in cursor.fetchall()}
