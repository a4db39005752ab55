"""Create the periods up to today, and count the players of the open ones."""

import datetime as dt

from django.db import connection
from django.db.models import Max, Min

from players.models import DailyPoints, Period, Player
from players.statistics import calendar

COUNT_PLAYERS = """
    UPDATE periods q SET players = c.players
    FROM (SELECT o.id, (SELECT count(*) FROM period_totals t
                        JOIN players p ON p.id = t.player_id AND p.listed
                        WHERE t.period_id = o.id AND t.awarded > 0) AS players
          FROM periods o WHERE o.frozen_at IS NULL) c
    WHERE q.id = c.id AND q.frozen_at IS NULL AND q.players <> c.players"""


def create_missing(today: dt.date) -> int:
    """Create the missing periods of each kind up to that of `today`; return their number.

    Each day since the first player belongs to one period of each kind.
    """
    ends = dict(Period.objects.values_list("kind").annotate(Max("ends_on")))
    due = [kind for kind in calendar.SPANS if kind not in ends or ends[kind] <= today]
    if not due:
        return 0
    since = today if len(ends) == len(calendar.SPANS) else _first_day(today)
    missing = [
        Period(kind=kind, key=span.key, starts_on=span.starts_on, ends_on=span.ends_on)
        for kind in due
        for span in calendar.spans(kind, ends.get(kind, since), today)
    ]
    return len(Period.objects.bulk_create(missing, ignore_conflicts=True))


def count_players() -> int:
    """Count the listed players with points in each open period; return how many counts changed."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_PLAYERS)
        return int(cursor.rowcount)


def _first_day(today: dt.date) -> dt.date:
    """Return the first day with points, but not before the first player was created.

    An event may claim any past day.
    """
    created: dt.datetime | None = Player.objects.aggregate(first=Min("created_at"))["first"]
    first: dt.date | None = DailyPoints.objects.aggregate(first=Min("day"))["first"]
    if created is None or first is None:
        return today
    return min(today, max(first, created.astimezone(dt.UTC).date()))
