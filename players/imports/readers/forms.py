"""The forms in which games store points: plain numbers, texts, tables and known libraries.

Field names are compared without case, spaces and underscores. Amounts are whole hundredths.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from common import strict_json
from common.visible_text import clean_name

LARGEST = 10**13  # hundredths
MOST_COUNT = 10**12
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
IGNORED_IN_NAMES = re.compile(r"[\s_\-]", re.ASCII)
BLANKS = " \t\n\r\v\f"
# By how many hundredths a sum of doubles may miss a whole one: so much, and so much of itself.
NOISE, RELATIVE_NOISE = 1e-4, 1e-15

POINTS = ("points", "xp", "exp", "experience", "score", "total", "totalpoints", "value")
KOS = ("kos", "kills", "ko", "eliminations")
WOS = ("wos", "wins", "wo")
USERNAME = ("username", "name", "playername")
# Tables inside of an entry that hold the player's figures, the first one first.
INSIDE = ("data", "stats", "leaderstats", "profile")


class Unreadable(Exception):
    """The entry cannot be read. The text names the form that it was taken for, and the fix."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields to read, as `Stats.Points`. Empty: the usual names."""

    points: str = ""
    kos: str = ""
    wos: str = ""


class LegacyEntry(NamedTuple):
    """What an entry says. `points` in hundredths, None if it has none. `form`: what it was taken for."""

    points: int | None
    kos: int = 0
    wos: int = 0
    username: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of entries. `fits` recognizes it."""

    title: str
    fits: Callable[[Any], bool]
    read: Callable[[Any, Fields], LegacyEntry]


@dataclass(slots=True)
class _Table:
    """A table of an entry whose fields are found by their plain names."""

    form: str
    values: Mapping[str, Any]
    _by_name: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._by_name = {
            _plain(name): value for name, value in self.values.items() if value is not None
        }

    def find(self, given: str, usual: tuple[str, ...]) -> Any:
        """Return the value of the field `given`, or of the first usual name; None without one."""
        if given:
            return _at(self.values, given)
        return next((self._by_name[name] for name in usual if name in self._by_name), None)


def form_of(value: Any) -> str:
    """Return the name of the form that an entry has, "" if it is none of them."""
    return next((name for name, form in FORMS.items() if form.fits(value)), "")


def points_of(value: Any, fields: Fields) -> LegacyEntry:
    """Read an entry of no known form. Raises Unreadable."""
    raise Unreadable(
        f"taken for {kind(value)}: no known form has this; name a reader and its field"
    )


def kind(value: Any) -> str:
    """Describe the type of a value in words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "an empty entry" if value is None else names.get(type(value), "a number")


def described(value: Any) -> str:
    """Describe in words what form an entry has."""
    form = form_of(value)
    return FORMS[form].title[:1].lower() + FORMS[form].title[1:] if form else kind(value)


def _number(value: Any, fields: Fields) -> LegacyEntry:
    return LegacyEntry(_amount("number", value), form="number")


def _text(value: Any, fields: Fields) -> LegacyEntry:
    """Read a number in a text, or JSON in a text."""
    if not isinstance(value, str):
        raise Unreadable(f"read as a text, but it is {kind(value)}; choose another reader")
    stripped = value.strip(BLANKS)
    if stripped.startswith(("{", "[")):
        inner = _json(stripped)
        form = form_of(inner)
        if form in ("", "text"):
            raise Unreadable("taken for JSON in a text: no known form is in it; name its field")
        return FORMS[form].read(inner, fields)._replace(form="text")
    return LegacyEntry(_amount("text", stripped), form="text")


def _json(text: str) -> Any:
    try:
        return strict_json.loads(text)
    except (ValueError, ArithmeticError, RecursionError):
        raise Unreadable(
            "taken for JSON in a text, which cannot be parsed; correct the entry"
        ) from None


def _table(value: Any, fields: Fields) -> LegacyEntry:
    return _from_tables("table", value, fields)


def _profile(value: Any, fields: Fields) -> LegacyEntry:
    """Read a profile of ProfileStore or ProfileService: the player's table is in `Data`."""
    if not _is_profile(value):
        raise Unreadable(
            f"read as a ProfileStore profile, but it is {kind(value)} without `Data`; choose another reader"
        )
    return _from_tables("profilestore", value["Data"], fields)


def _datastore2(value: Any, fields: Fields) -> LegacyEntry:
    """Read a value of DataStore2: one value, or the table of a combined store."""
    if isinstance(value, dict):
        return _from_tables("datastore2", value, fields)
    return LegacyEntry(_amount("datastore2", value), form="datastore2")


def _from_tables(form: str, value: Any, fields: Fields) -> LegacyEntry:
    """Read the figures of the first table that has points: the entry itself, then those inside it."""
    if not isinstance(value, dict):
        raise Unreadable(f"read as {form}, but it is {kind(value)}; choose another reader")
    for table in (_Table(form, one) for one in _tables(value)):
        amount = table.find(fields.points, POINTS)
        if amount is not None:
            return LegacyEntry(
                _amount(form, amount),
                _count(form, "kos", table.find(fields.kos, KOS)),
                _count(form, "wos", table.find(fields.wos, WOS)),
                _name(table.find("", USERNAME)),
                form,
            )
    names = ", ".join(sorted(map(str, value))[:8]) or "none"
    wanted = fields.points or "Points"
    raise Unreadable(f"taken for {form}: it has no field {wanted}; its fields are {names}")


def _tables(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield value
    inner = {_plain(name): one for name, one in value.items() if isinstance(one, dict)}
    yield from (inner[name] for name in INSIDE if name in inner)


def _at(value: Mapping[str, Any], path: str) -> Any:
    found: Any = value
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = next((one for key, one in found.items() if _plain(key) == _plain(name)), None)
    return found


def _plain(name: Any) -> str:
    text = IGNORED_IN_NAMES.sub("", str(name))
    return text.lower() if text.isascii() else text


def _amount(form: str, value: Any) -> int:
    """Return points in hundredths. Doubles are rounded where a game's sums left noise."""
    number = _number_of(value)
    if number is None:
        raise Unreadable(f"taken for {form}: the points are {kind(value)}, not a number")
    if not -LARGEST < number < LARGEST:  # also false for NaN
        raise Unreadable(f"taken for {form}: the points are out of all bounds")
    exact = Decimal(str(number)) * 100
    amount = int(exact.to_integral_value(ROUND_HALF_UP))
    if abs(float(exact - amount)) > NOISE + abs(amount) * RELATIVE_NOISE:
        raise Unreadable(f"taken for {form}: points {value} must have at most two decimals")
    if exact < 0 or amount >= LARGEST:
        raise Unreadable(f"taken for {form}: points {value} must be 0 to a hundred billion")
    return amount


def _count(form: str, name: str, value: Any) -> int:
    number = 0 if value is None else _number_of(value)
    if number is not None and 0 <= number <= MOST_COUNT and number % 1 == 0:
        return int(number)
    raise Unreadable(f"taken for {form}: {name} must be a whole number from 0")


def _number_of(value: Any) -> int | float | Decimal | None:
    """Return a number, or a text that is one; None for anything else."""
    if isinstance(value, str):
        stripped = value.strip(BLANKS)
        return Decimal(stripped) if NUMBER.fullmatch(stripped) else None
    return value if _is_number(value) else None


def _name(value: Any) -> str:
    return clean_name(value) if isinstance(value, str) and "\0" not in value else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_profile(value: Any) -> bool:
    # In a game, an empty list and an empty table are the same.
    return isinstance(value, dict) and isinstance(value.get("Data"), dict | list)


FORMS: dict[str, Form] = {
    "number": Form("A plain number", _is_number, _number),
    "text": Form("A number or JSON in a text", lambda value: isinstance(value, str), _text),
    "profilestore": Form(
        "A profile of ProfileStore or ProfileService (Data)", _is_profile, _profile
    ),
    "table": Form("A table, as {Points = 120}", lambda value: isinstance(value, dict), _table),
    "datastore2": Form(
        "A value of DataStore2, combined or single", lambda value: False, _datastore2
    ),
}
