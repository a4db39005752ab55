"""Count what players attended and hosted."""

import datetime as dt
from collections.abc import Collection

from django.db import connection

from common.pg_arrays import numbers

COUNTS = """
    SELECT player_id, sum(attended)::int, sum(hosted)::int FROM (
        SELECT a.player_id, 1 AS attended, 0 AS hosted FROM hosted_event_attendances a
        JOIN hosted_events e ON e.id = a.event_id
        WHERE a.player_id = ANY(%s::bigint[]) AND a.attended AND a.struck_by = ''
          AND e.status IN ('ended', 'awarded')
          AND e.started_at >= %s AND e.started_at < %s
        UNION ALL
        SELECT h.player_id, 0, 1 FROM hosted_event_hosts h
        JOIN hosted_events e ON e.id = h.event_id
        WHERE h.player_id = ANY(%s::bigint[]) AND e.status IN ('ended', 'awarded')
          AND e.started_at >= %s AND e.started_at < %s
          AND EXISTS (SELECT FROM hosted_event_attendances o WHERE o.event_id = e.id AND o.attended
                      AND o.struck_by = '')
    ) both_ways GROUP BY player_id"""


def counts(player_ids: Collection[int], first: dt.date, end: dt.date) -> dict[int, tuple[int, int]]:
    """Return how many events each player attended and hosted, by the UTC day of their start.

    `end` is excluded. Somebody hosted an event if anybody attended it. Players without any are left
    out.
    """
    ids, span = numbers(player_ids), [_midnight(first), _midnight(end)]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [ids, *span, ids, *span])
        return {player: (attended, hosted) for player, attended, hosted in cursor.fetchall()}


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
