"""Leaderboards of all time and of periods, and the neighbours of a player."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from players.public.periods import Period
from players.public.rows import first, read


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list.

    `amount`: what the list is ordered by. `change`: positions gained in about 7 days. `spark`: points
    of the last 14 UTC days, today last.
    """

    id: int
    position: int
    tied: bool
    user_id: int
    username: str
    display_name: str
    rank: str
    rank_slug: str
    points: Decimal
    amount: Decimal
    kos: int
    wos: int
    change: int | None
    spark: list[Decimal]
    synced_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of a list. `after`: amount and id of the last line of the page before."""

    limit: int
    after: tuple[Decimal, int] | None = None
    by: str = "points"
    rank_slug: str | None = None


def leaderboard(query: ListQuery, period: Period | None = None) -> list[Line]:
    """Return a page of the list of all time, or of a period."""
    page = [query.limit, *(query.after or (None, None)), query.by, query.rank_slug]
    if period is None:
        return read(Line, "SELECT * FROM portal.leaderboard(%s, %s, %s, %s, %s)", page)
    return read(
        Line,
        "SELECT * FROM portal.period_leaderboard(%s, %s, %s, %s, %s, %s, %s)",
        [period.kind, period.key, *page],
    )


def total(query: ListQuery, period: Period | None) -> int | None:
    """Return the number of players in a list; None if it is not kept."""
    kind, key = (period.kind, period.key) if period else (None, None)
    return first(
        lambda count: count,
        "SELECT portal.list_total(%s, %s, %s, %s)",
        [query.by, kind, key, query.rank_slug],
    )


def around(user_id: int, span: int) -> list[Line]:
    """Return a listed player with `span` neighbours on either side; empty for anybody else."""
    return read(Line, "SELECT * FROM portal.around(%s, %s)", [user_id, span])
