"""Keep the positions of past days: each day the best players', on Mondays everybody's."""

import datetime as dt
from functools import partial
from typing import Any

from django.db import connection

from players.models import StatisticsState
from players.statistics import calendar
from players.statistics.positions import PAGE, Listing, Place
from players.statistics.steps import repeat, step

JOB = "positions"
SECONDS = 45.0  # the next run continues
BEST = PAGE  # players kept of each day: the first page
BEST_KEPT = dt.timedelta(days=400)
OTHERS_KEPT = dt.timedelta(weeks=5)
PURGED = 50_000  # rows in one statement
MONDAY = 1

ROWS = """
    SELECT p.id AS player_id, p.points AS amount, p.listed FROM players p
    WHERE p.listed AND (p.points, p.id) < (%(amount)s::text::numeric, %(player)s)
    ORDER BY p.points DESC, p.id DESC"""
WRITE = """
    INSERT INTO position_snapshots (day, player_id, position, points)
    SELECT %(day)s, player_id, position, amount FROM placed ON CONFLICT DO NOTHING"""

PURGE = """
    DELETE FROM position_snapshots WHERE ctid IN (
        SELECT ctid FROM position_snapshots
        WHERE day < %(oldest)s OR day = ANY(%(mondays)s::date[]) AND position > %(best)s
        LIMIT %(limit)s)"""


def run(now: dt.datetime) -> int:
    """Write today's positions once, and delete old ones; return the number of rows written."""
    written = repeat(partial(_step, now.astimezone(dt.UTC).date()), SECONDS)
    if written:
        _purge(now.astimezone(dt.UTC).date())
    return written


def _step(today: dt.date) -> int:
    with step(JOB) as state:
        if state.progress.get("day") != today.isoformat():
            _start(state, today)
        if state.progress["done"]:
            return 0
        place = Place.load(state.progress["place"])
        place, rows = Listing(ROWS, WRITE, {"day": today}).place(place)
        done = rows < PAGE or today.isoweekday() != MONDAY
        state.progress |= {"place": place.saved, "done": done}
        return rows


def _start(state: StatisticsState, today: dt.date) -> None:
    # A day that was begun and not finished is left as it is.
    state.progress = {"day": today.isoformat(), "place": Place("Infinity").saved, "done": False}


def _purge(today: dt.date) -> None:
    oldest, latest = today - BEST_KEPT, today - OTHERS_KEPT
    days = (oldest + number * calendar.DAY for number in range((latest - oldest).days))
    mondays = [day for day in days if day.isoweekday() == MONDAY]
    parameters: dict[str, Any] = {
        "oldest": oldest,
        "mondays": mondays,
        "best": BEST,
        "limit": PURGED,
    }
    with connection.cursor() as cursor:
        cursor.execute(PURGE, parameters)
        while cursor.rowcount == PURGED:
            cursor.execute(PURGE, parameters)
