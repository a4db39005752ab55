"""Active minutes of players, as far as they count."""

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from common.pg_arrays import numbers
from players.experiences import counting
from players.policy.active_minutes import MOST
from roblox.models import Experience

# A player is in one place at a time, so a day counts at most as a day.
SUMS = """
    SELECT d.player_id, sum(d.minutes)::bigint FROM (
        SELECT player_id, day, least(sum(minutes), %s) AS minutes FROM active_days
        WHERE player_id = ANY(%s::bigint[]) AND day >= %s AND day < %s AND origin = ANY(%s::text[])
        GROUP BY player_id, day) d
    GROUP BY d.player_id"""

WEEKS = """
    SELECT date_trunc('week', d.day)::date, sum(d.minutes)::bigint FROM (
        SELECT day, least(sum(minutes), %s) AS minutes FROM active_days
        WHERE player_id = %s AND day >= %s AND origin = ANY(%s::text[])
        GROUP BY day) d
    GROUP BY 1"""

WEEK = dt.timedelta(days=7)


class Week(NamedTuple):
    """A player's active minutes from a Monday on."""

    monday: dt.date
    minutes: int


def minutes(player_ids: Collection[int], first: dt.date, end: dt.date) -> dict[int, int]:
    """Return the minutes from `first` until before `end`, by our player id. Zeros are left out."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [MOST, numbers(player_ids), first, end, counted_origins()])
        return dict(cursor.fetchall())


def weeks(player_id: int, today: dt.date, count: int) -> list[Week]:
    """Return the last weeks, the present one first, also those without minutes."""
    monday = today - dt.timedelta(days=today.weekday())
    mondays = [monday - number * WEEK for number in range(count)]
    with connection.cursor() as cursor:
        cursor.execute(WEEKS, [MOST, player_id, mondays[-1], counted_origins()])
        found = dict(cursor.fetchall())
    return [Week(one, found.get(one, 0)) for one in mondays]


def counted_origins() -> list[str]:
    """Return the origins that count: experiences whose points count, without separate parts."""
    keys = Experience.objects.values_list("key", flat=True)
    return [key for key in keys if counting.in_force(key).points]
