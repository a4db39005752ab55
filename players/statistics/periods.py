"""Create the periods up to today, so that each day since the first player belongs to one."""

import datetime as dt

from django.db.models import Max, Min

from players.models import DailyPoints, Period, Player
from players.statistics import calendar


def create_missing(today: dt.date) -> int:
    """Create the missing periods of each kind up to that of `today`; return their number."""
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


def _first_day(today: dt.date) -> dt.date:
    """Return the first day with points, but not before the first player was created.

    An event may claim any past day.
    """
    created: dt.datetime | None = Player.objects.aggregate(first=Min("created_at"))["first"]
    first: dt.date | None = DailyPoints.objects.aggregate(first=Min("day"))["first"]
    if created is None or first is None:
        return today
    return min(today, max(first, created.astimezone(dt.UTC).date()))
