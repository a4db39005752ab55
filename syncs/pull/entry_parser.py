"""Parse entries of a game's data store into typed records. Errors name the field and the fix.

There are GRPS's own form (`{"grps": 1, "sessions": {epoch: {sequence, total, …}}, "folded": {…}}`,
in hundredths), the simple one of older games (`{"points", "kos", "wos", "rank", "username"}`), and
those of `players.imports.readers`: numbers, texts, tables, profiles of ProfileStore. Unknown fields
are ignored. An error says what form the entry was taken for.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from common.parsing import whole_number
from common.visible_text import clean_name
from players.imports import readers
from players.models import LEGACY
from players.points.stored_entries import EVERYTHING, StoredEntry, StoredSession
from players.policy import active_minutes

MOST = 10**13  # hundredths
MOST_DAYS = 400  # of one session; the game leaves out confirmed ones
MOST_SEQUENCE = 2**31 - 1  # a reconciled row must be able to replace all of them
MOST_SESSIONS = 2000  # the game folds what is confirmed
EXACT = 1e-4  # hundredths: tolerance for a sum of floats
LATEST_EPOCH = 10**18 - 1  # of one session; EVERYTHING means all sessions


class BrokenRecord(Exception):
    """The entry cannot be parsed. The text names the field and the fix."""


def parse(user_id: int, value: Any) -> StoredEntry:
    """Parse an entry. Raises BrokenRecord."""
    whole = value
    if isinstance(value, dict) and isinstance(value.get("Data"), dict) and "points" not in value:
        value = value["Data"]
    if isinstance(value, dict) and ("grps" in value or "sessions" in value):
        return _as("an entry of GRPS", _grps, user_id, value)
    if isinstance(value, dict) and "points" in value:
        return _as("a table with points", _simple, user_id, value)
    return _legacy(user_id, whole)


def _as(
    form: str, read: Callable[[int, dict[str, Any]], StoredEntry], user_id: int, value: Any
) -> StoredEntry:
    try:
        return read(user_id, value)
    except BrokenRecord as reason:
        raise BrokenRecord(f"taken for {form}: {reason}") from None


def _legacy(user_id: int, value: Any) -> StoredEntry:
    """Parse an entry of another form, which a game wrote before it used GRPS."""
    if value is None or isinstance(value, list | bool):
        raise BrokenRecord(f"the entry is {_kind(value)}; it must be an object")
    try:
        found = readers.read(value)
    except readers.Unreadable as reason:
        raise BrokenRecord(f"the entry has neither `points` nor `sessions`; {reason}") from None
    total = StoredSession(0, found.points or 0, found.kos, found.wos)
    return StoredEntry(user_id, found.username[:50], "", {}, EVERYTHING, total)


def _simple(user_id: int, value: dict[str, Any]) -> StoredEntry:
    amount = _number("points", value["points"]) * 100
    total = round(amount)
    if abs(amount - total) > EXACT or abs(total) > MOST:
        raise BrokenRecord(
            f"points: {value['points']} must have at most two decimals and be below 100 billion"
        )
    kos, wos = _count("kos", value.get("kos", 0)), _count("wos", value.get("wos", 0))
    return StoredEntry(user_id, *_names(value), {}, EVERYTHING, StoredSession(0, total, kos, wos))


def _grps(user_id: int, value: dict[str, Any]) -> StoredEntry:
    if value.get("grps", 1) != 1:
        raise BrokenRecord(
            f"grps: version {value['grps']!r} is not known; this GRPS reads version 1"
        )
    if value.get("userId", user_id) != user_id:
        raise BrokenRecord(f"userId: {value['userId']!r} is not the user of the entry's key")
    sessions = value.get("sessions", {})
    if sessions == []:
        sessions = {}  # Lua writes an empty table like this
    if not isinstance(sessions, dict):
        raise BrokenRecord("sessions: must be an object of sessions by epoch")
    if len(sessions) > MOST_SESSIONS:
        raise BrokenRecord(
            f"sessions: {len(sessions)} of them; fold what is confirmed, {MOST_SESSIONS} are read"
        )
    kept = {
        _epoch(name): _session(f"sessions.{name}", one)
        for name, one in sessions.items()
        if not _is_apart(one)
    }
    through, folded = _folded(value.get("folded"))
    if folded is None and LEGACY in kept:  # the game took over an older entry, which is session 0
        through, folded = LEGACY, StoredSession(0, 0)
    beneath = [epoch for epoch in kept if LEGACY < epoch <= through]
    if beneath:
        raise BrokenRecord(
            f"sessions.{beneath[0]}: is folded already (folded.through is {through}); leave it out"
        )
    if sum(abs(one.total) for one in (*kept.values(), *([folded] if folded else []))) > MOST:
        raise BrokenRecord("sessions: all totals together must be below 100 billion points")
    return StoredEntry(user_id, *_names(value), kept, through, folded)


def _folded(value: Any) -> tuple[int, StoredSession | None]:
    if value is None:
        return -1, None
    if not isinstance(value, dict):
        raise BrokenRecord("folded: must be an object")
    through = _whole("folded.through", value.get("through"), 0, 2**53)
    total = _whole("folded.total", value.get("total"), -MOST, MOST)
    kos, wos = _count("folded.kos", value.get("kos", 0)), _count("folded.wos", value.get("wos", 0))
    return through, StoredSession(0, total, kos, wos)


def _session(where: str, value: Any) -> StoredSession:
    if not isinstance(value, dict):
        raise BrokenRecord(f"{where}: must be an object")
    saved_at = None
    if value.get("savedAt") is not None:
        saved_at = dt.datetime.fromtimestamp(
            _whole(f"{where}.savedAt", value["savedAt"], 0, 2**33), dt.UTC
        )
    return StoredSession(
        _whole(f"{where}.sequence", value.get("sequence"), 0, MOST_SEQUENCE),
        _whole(f"{where}.total", value.get("total"), -MOST, MOST),
        _count(f"{where}.kos", value.get("kos", 0)),
        _count(f"{where}.wos", value.get("wos", 0)),
        saved_at,
        _active(f"{where}.active", value.get("active")),
    )


def _active(where: str, value: Any) -> dict[dt.date, int]:
    """Parse a session's active minutes by day."""
    if not value:
        return {}  # Lua writes an empty table as a list
    if not isinstance(value, dict) or len(value) > MOST_DAYS:
        raise BrokenRecord(f"{where}: must be an object of at most {MOST_DAYS} days")
    return {
        _day(where, day): _whole(f"{where}.{day[:10]}", minutes, 0, active_minutes.MOST)
        for day, minutes in value.items()
    }


def _day(where: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BrokenRecord(f"{where}.{text[:20]}: a day is written as 2026-11-30") from None


def _is_apart(value: Any) -> bool:
    """Return whether it is a session on a private server or in Studio, which the sums leave out."""
    return isinstance(value, dict) and value.get("apart") is True


def _names(value: dict[str, Any]) -> tuple[str, str]:
    return _name("username", value.get("username", "")), _name(
        "displayName", value.get("displayName", "")
    )


def _name(where: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 50 or "\0" in value:
        raise BrokenRecord(f"{where}: must be a text of at most 50 characters without NUL")
    return clean_name(value)


def _epoch(name: str) -> int:
    epoch = whole_number(name, most=LATEST_EPOCH)
    if epoch is None:
        raise BrokenRecord(f"sessions.{name[:40]}: an epoch is a whole number from 0")
    return epoch


def _count(where: str, value: Any) -> int:
    return _whole(where, 0 if value is None else value, 0, 10**12)


def _whole(where: str, value: Any, least: int, most: int) -> int:
    number = _number(where, value)
    if number != int(number) or not least <= number <= most:
        raise BrokenRecord(f"{where}: must be a whole number from {least} to {most}")
    return int(number)


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BrokenRecord(f"{where}: is {_kind(value)}; it must be a number")
    if not abs(value) < 1e15:  # also false for NaN
        raise BrokenRecord(f"{where}: is out of all bounds")
    return value


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "missing",
    }
    return names.get(type(value), "a number")
