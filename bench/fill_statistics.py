"""Fill periods, records, balances and positions of past days, as the tasks of GRPS write them."""

import datetime as dt

from django.db import connection

from players.models import Period, StatisticsState
from players.statistics import calendar, closing, full_pass, periods, rank_counts, snapshots
from players.statistics.recomputation import recompute

CHUNK = 50_000  # players in one statement


def fill_statistics(players: int, now: dt.datetime) -> None:
    """Fill the open periods, the last week (which is closed), and the positions of a week ago."""
    today = now.astimezone(dt.UTC).date()
    spans = {(kind, span_of(today)) for kind, span_of in calendar.SPANS.items()}
    spans.add(("week", calendar.week_of(today - 7 * calendar.DAY)))
    Period.objects.bulk_create(
        Period(kind=kind, key=span.key, starts_on=span.starts_on, ends_on=span.ends_on)
        for kind, span in spans
    )
    for first in range(1, players + 1, CHUNK):
        recompute(range(first, min(first + CHUNK, players + 1)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    # Everybody was recomputed above, so the pass over all players is done.
    ended = now + full_pass.GRACE  # for runs shortly after midnight
    StatisticsState.objects.create(name=full_pass.JOB, cursor_at=ended, ran_at=ended)
    while Period.objects.filter(ends_on__lte=today, closed_at=None).exists():
        closing.run(now)
    for ago in (7, 0):
        snapshots.run(now - ago * calendar.DAY)
    rank_counts.count()
    periods.count_players()
