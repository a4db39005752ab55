"""Figures of the whole community."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class Stats:
    players: int
    points_today: Decimal
    points_week: Decimal
    promotions_week: int
    active_today: int
    as_of: dt.datetime


def stats() -> Stats:
    return read(Stats, "SELECT * FROM portal.stats")[0]
