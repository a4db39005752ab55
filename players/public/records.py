"""The boards of records."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class Record:
    """`amount`: points, days of a streak, or seconds until a promotion.

    `day`: the best day, or the last day of the streak. `for_rank`: the rank of that promotion.
    """

    user_id: int
    username: str
    display_name: str
    rank: str
    rank_slug: str
    amount: Decimal
    day: dt.date
    week: str
    for_rank: str
    for_rank_slug: str


def records(kind: str, limit: int) -> list[Record]:
    """`kind`: best_day, best_week, longest_streak or fastest."""
    return read(Record, "SELECT * FROM portal.records(%s, %s)", [kind, limit])
