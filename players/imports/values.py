"""Parse the values of one line of an import. Errors name the field and the fix."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from common.amounts import NotAnAmount, hundredths
from common.visible_text import clean_name, clean_text

LARGEST_ID = 2**63 - 1
LARGEST = 10**13  # hundredths
MOST_COUNT = 10**12
MOST_WARNINGS = 50
LONGEST_REASON = 500
FIRST_DAY = dt.datetime(2006, 9, 1, tzinfo=dt.UTC)  # Roblox began
WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
WHOLE_AS_FLOAT = re.compile(r"([0-9]{1,15})\.0+", re.ASCII)
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
USERNAME = re.compile(r"@?([A-Za-z0-9_]{3,20})", re.ASCII)
DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", re.ASCII)
SECONDS = re.compile(r"[0-9]{10}", re.ASCII)
SERIAL = re.compile(r"[2-6][0-9]{4}(\.[0-9]+)?", re.ASCII)  # a date as spreadsheets count it


class BadValue(ValueError):
    """A value that cannot be read: the field's name and how to correct it."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(f"{name}: {hint}")


@dataclass(slots=True)
class ParsedRow:
    """One line. `error` says why it cannot be read, and how to correct it."""

    line: int
    given: str = ""
    user_id: int | None = None
    username: str = ""
    points: int | None = None
    kos: int | None = None
    wos: int | None = None
    rank: str = ""
    rank_since: dt.datetime | None = None
    warnings: int | list[dict[str, str]] | None = None
    error: str = ""


def parse(line: int, values: Mapping[str, Any], now: dt.datetime, *, commas: bool) -> ParsedRow:
    """Parse the values of a line, by our names of columns.

    `commas`: numbers may have a comma as decimal sign. A line that cannot be read has an `error`.
    """
    given = str(values.get("username") or values.get("userId") or "")
    row = ParsedRow(line, given=given[:100])
    try:
        _identity(row, values)
        row.points = _points(values.get("points"), commas=commas)
        row.kos, row.wos = _count("kos", values.get("kos")), _count("wos", values.get("wos"))
        row.rank = _text("rank", values.get("rank"), 100)
        row.rank_since = _moment("rankSince", values.get("rankSince"), now)
        row.warnings = _warnings(values, now)
        if row.rank_since is not None and not row.rank:
            raise BadValue("rank", "is missing beside rankSince; name the rank")
        if (row.points, row.kos, row.wos, row.warnings) == (None,) * 4 and not row.rank:
            raise BadValue("line", "says nothing about the player; fill a column or remove it")
    except BadValue as error:
        row.error = str(error)
    return row


def _identity(row: ParsedRow, values: Mapping[str, Any]) -> None:
    given, name = values.get("userId"), values.get("username")
    if given not in (None, ""):
        row.user_id = _user_id(given)
        row.username = clean_name(name) if isinstance(name, str) else ""
        return
    if not isinstance(name, str) or not name.strip():
        raise BadValue("userId", "is empty; give the user id or the username")
    match = USERNAME.fullmatch(name.strip())
    if match is None:
        raise BadValue(
            "username",
            "must be a Roblox username: 3 to 20 letters, digits or _; not a display name",
        )
    row.username = match[1]


def _user_id(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, float | Decimal) or "E+" in text.upper():
        raise BadValue("userId", "a spreadsheet has rewritten it: format the column as text")
    as_float = WHOLE_AS_FLOAT.fullmatch(text)
    text = as_float[1] if as_float else text
    if not WHOLE.fullmatch(text) or not 1 <= int(text) <= LARGEST_ID:
        raise BadValue("userId", "must be a Roblox user id, a whole number above 0")
    return int(text)


def _points(value: Any, *, commas: bool) -> int | None:
    if value in (None, ""):
        return None
    text = str(value).strip()
    if commas:
        text = text.replace(",", ".")
    if isinstance(value, bool) or not NUMBER.fullmatch(text):
        raise BadValue(
            "points", "must be a number like 1250 or 12.50, without thousands separators"
        )
    try:
        amount = hundredths(Decimal(text))
    except NotAnAmount as error:
        raise BadValue("points", f"{error}, like 12.50") from None
    if not 0 <= amount < LARGEST:
        raise BadValue("points", "must be 0 to a hundred billion; games count no debts")
    return amount


def _count(name: str, value: Any) -> int | None:
    if value in (None, ""):
        return None
    text = str(value).strip()
    as_float = WHOLE_AS_FLOAT.fullmatch(text)
    text = as_float[1] if as_float else text
    if isinstance(value, bool) or not WHOLE.fullmatch(text) or int(text) > MOST_COUNT:
        raise BadValue(name, "must be a whole number from 0")
    return int(text)


def _text(name: str, value: Any, most: int) -> str:
    if value is None:
        return ""
    text = str(value)
    if "\0" in text or len(text) > most:
        raise BadValue(name, f"must be a text of at most {most} characters")
    return clean_text(text)


def _moment(name: str, value: Any, now: dt.datetime) -> dt.datetime | None:
    """Parse a day or a moment. Without a zone it is UTC."""
    if value in (None, ""):
        return None
    text = str(value).strip()
    moment = _parsed_moment(name, text)
    if not FIRST_DAY <= moment <= now:
        raise BadValue(name, f"{text[:40]} must be after 2006 and not in the future")
    return moment


def _parsed_moment(name: str, text: str) -> dt.datetime:
    if SECONDS.fullmatch(text):
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    if SERIAL.fullmatch(text):
        raise BadValue(
            name, "a spreadsheet has rewritten the date: format the column as 2026-01-31"
        )
    if day := DAY_FIRST.fullmatch(text):
        text = f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}{day[4]}"
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadValue(name, f"{text[:40]!r} must be a date like 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _warnings(values: Mapping[str, Any], now: dt.datetime) -> int | list[dict[str, str]] | None:
    """Parse warnings: a number, a list (JSON), or texts like `2026-01-31 spam | 2026-03-01 abuse`."""
    value = values.get("warnings")
    if value in (None, ""):
        return None
    if isinstance(value, list):
        return _limited([_listed(one, now) for one in value])
    if (
        not isinstance(value, str)
        or WHOLE.fullmatch(value.strip())
        or WHOLE_AS_FLOAT.fullmatch(value.strip())
    ):
        number = _count("warnings", value) or 0
        return _limited(_dated(number, values, now))
    return _limited([_written(one, now) for one in value.split("|") if one.strip()])


def _dated(number: int, values: Mapping[str, Any], now: dt.datetime) -> int | list[dict[str, str]]:
    at = _moment("warnedAt", values.get("warnedAt"), now)
    if at is None or number > MOST_WARNINGS:
        return number
    reason = _text("warningReason", values.get("warningReason"), LONGEST_REASON)
    return [{"at": at.isoformat(), "reason": reason}] * number


def _listed(value: Any, now: dt.datetime) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) - {"at", "reason"} or "at" not in value:
        raise BadValue("warnings", 'each must be like {"at": "2026-01-31", "reason": "spam"}')
    at = _moment("warnings", value["at"], now)
    if at is None:
        raise BadValue("warnings", "each needs the date of the warning in `at`")
    return {"at": at.isoformat(), "reason": _text("warnings", value.get("reason"), LONGEST_REASON)}


def _written(text: str, now: dt.datetime) -> dict[str, str]:
    day, _, reason = text.strip().partition(" ")
    at = _moment("warnings", day.rstrip(":,"), now) or now
    return {"at": at.isoformat(), "reason": _text("warnings", reason, LONGEST_REASON)}


def _limited[T: int | list[dict[str, str]]](found: T) -> T:
    count = found if isinstance(found, int) else len(found)
    if count > MOST_WARNINGS:
        raise BadValue("warnings", f"must be at most {MOST_WARNINGS} of one player")
    return found
