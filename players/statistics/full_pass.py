"""Recompute every player once a day, in steps by id.

It repairs what a roll-up missed, and fills the tables when they are new.
"""

import datetime as dt
from functools import partial

from players.models import Player, StatisticsState
from players.statistics import fastest, periods
from players.statistics.recomputation import recompute
from players.statistics.steps import repeat, step

JOB = "full_pass"
GRACE = dt.timedelta(minutes=30)  # after midnight: for events that come late
PLAYERS = 500  # in one step


def run(now: dt.datetime, seconds: float) -> int:
    """Do the steps that are due; return the number of recomputed players."""
    return repeat(partial(_step, now), seconds)


def covers(state: StatisticsState) -> dt.date | None:
    """Return the day before which the last finished pass found everything, None while one runs."""
    if state.cursor_at is None or not _finished(state):
        return None
    return (state.cursor_at.astimezone(dt.UTC) - GRACE).date()


def _step(now: dt.datetime) -> int:
    with step(JOB) as state:
        if _finished(state):
            if not _due(state, now):
                return 0
            # Without them the pass would find no totals, and empty periods would be closed.
            periods.create_missing(now.astimezone(dt.UTC).date())
            state.cursor_at, state.cursor_id = now, 0
        players = Player.objects.filter(pk__gt=state.cursor_id).order_by("pk")
        ids = list(players.values_list("pk", flat=True)[:PLAYERS])
        recompute(ids)
        if ids:
            state.cursor_id = ids[-1]
        if len(ids) < PLAYERS:
            fastest.find()
            periods.count_players()
            state.ran_at = now
        return len(ids)


def _finished(state: StatisticsState) -> bool:
    """Return whether no pass is under way: `cursor_at` is when the last one began."""
    started, ended = state.cursor_at, state.ran_at
    return started is None or (ended is not None and ended >= started)


def _due(state: StatisticsState, now: dt.datetime) -> bool:
    return state.cursor_at is None or _day(state.cursor_at) < _day(now)


def _day(moment: dt.datetime) -> dt.date:
    """Return the day, which begins at GRACE for a pass."""
    return (moment.astimezone(dt.UTC) - GRACE).date()
