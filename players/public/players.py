"""What everybody may read of one player."""

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from players.public.rows import first, read


@dataclass(frozen=True, slots=True)
class PlayerFacts:
    """A listed player. A suspended player keeps their former rank here.

    `percentile`: the share of listed players with fewer points. `pace`: points a day over the last
    14 UTC days. `recommendations`: for the present rank.
    """

    id: int
    user_id: int
    username: str
    display_name: str
    points: Decimal
    rank: str
    rank_slug: str
    level: str
    rank_since: dt.datetime
    joined_at: dt.datetime
    position: int
    total: int
    percentile: int | None
    change: int | None
    kos: int
    wos: int
    pace: Decimal
    streak: int
    longest_streak: int
    best_day: dt.date | None
    best_day_points: Decimal | None
    best_week: str | None
    best_week_points: Decimal | None
    experiences: list[dict[str, Any]]
    recommendations: int
    synced_at: dt.datetime
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Day:
    """A UTC day. `balance`: the points at its end, None while they are not known."""

    day: dt.date
    awarded: Decimal
    kos: int
    wos: int
    balance: Decimal | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    id: int
    occurred_at: dt.datetime
    experience: str
    experience_name: str
    type: str
    magnitude: int
    awarded: Decimal


def player(user_id: int) -> PlayerFacts | None:
    columns = ", ".join(PlayerFacts.__slots__).replace("experiences", "experiences::text")
    return first(_facts, f"SELECT {columns} FROM portal.player(%s)", [user_id])


def is_listed(user_id: int) -> bool:
    return bool(read(int, "SELECT * FROM portal.still_listed(ARRAY[%s]::bigint[])", [user_id]))


def series(user_id: int, days: int) -> list[Day]:
    """Return the last UTC days, oldest first, of a listed player; empty for anybody else."""
    return read(Day, "SELECT * FROM portal.series(%s, %s)", [user_id, days])


def history(user_id: int, limit: int, before: tuple[dt.datetime, int] | None) -> list[HistoryRow]:
    """Return ledger rows that are older than `before` (time and id), newest first."""
    return read(
        HistoryRow,
        "SELECT * FROM portal.history(%s, %s, %s, %s)",
        [user_id, limit, *(before or (None, None))],
    )


def _facts(*row: Any) -> PlayerFacts:
    experiences = PlayerFacts.__slots__.index("experiences")
    values = list(row)
    values[experiences] = json.loads(row[experiences], parse_float=Decimal, parse_int=Decimal)
    return PlayerFacts(*values)
