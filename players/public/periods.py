"""Weeks, months and seasons."""

import datetime as dt
import re
from dataclasses import dataclass

from players.public.rows import first, read

KINDS = ("week", "month", "season")
KEYS = {"week": r"[0-9]{4}-W[0-9]{2}", "month": r"[0-9]{4}-[0-9]{2}", "season": r"[0-9]{4}-S[1-4]"}


@dataclass(frozen=True, slots=True)
class Period:
    """`ends_on` is the first day after it. `players`: the number who earned points in it."""

    kind: str
    key: str
    starts_on: dt.date
    ends_on: dt.date
    closed_at: dt.datetime | None
    players: int


def find(word: str) -> Period | None:
    """Return the period of a key, or the open one of a kind."""
    if word in KINDS:
        return first(Period, "SELECT * FROM portal.period(%s)", [word])
    kind = next(kind for kind, pattern in KEYS.items() if re.fullmatch(pattern, word))
    return first(Period, "SELECT * FROM portal.period(%s, %s)", [kind, word])


def newest(kind: str, limit: int, before: str | None) -> list[Period]:
    """Return periods of a kind before the key `before`, newest first. Keys sort by time."""
    where, parameters = ("AND key < %s", [before]) if before else ("", [])
    return read(
        Period,
        f"SELECT * FROM portal.periods WHERE kind = %s {where} ORDER BY key DESC LIMIT %s",
        [kind, *parameters, limit],
    )
