"""Read the rows of an adjustment from a CSV or JSONL file, line by line.

CSV has the columns userId, amount and, if wanted, reason. Each line of JSONL is one object with
these names.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NamedTuple

from common import csv_reader, strict_json
from common.amounts import NotAnAmount, hundredths
from common.visible_text import clean_text

SHOWN = 100  # errors; further ones are only counted
LONGEST_REASON = 500  # characters
LARGEST_ID = 2**63 - 1
LARGEST = 10**13  # hundredths: a hundred billion points
MOST_DIGITS = 20  # decimal arithmetic is exact up to 28
NAMES = ("userId", "amount", "reason")
REQUIRED = NAMES[:2]
NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]+)?", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
IGNORED_IN_NAMES = re.compile(r"[\s_\-\ufeff\u200b]")  # of columns

ID_HINT = f"must be a Roblox user id, a whole number from 1 to {LARGEST_ID}"
DECIMALS_HINT = "must have at most two decimals, like 12.50"
AMOUNT_HINT = "must be a number with at most two decimals, like 12.50"


class FileRow(NamedTuple):
    """A valid line. `amount` is in hundredths and not 0."""

    line: int
    user_id: int
    amount: int
    reason: str = ""


@dataclass(slots=True)
class ValidationErrors:
    """The errors of a file: the first SHOWN as texts, all of them counted."""

    first: list[tuple[int, str]] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, name: str, hint: str) -> None:
        self.total += 1
        if len(self.first) < SHOWN:
            self.first.append((line, f"line {line}: {name}: {hint}"))

    @property
    def shown(self) -> list[str]:
        return [text for _, text in sorted(self.first)]


class _LineError(ValueError):
    """An invalid line: the field's name, and how to correct it."""

    def __init__(self, name: str, hint: str) -> None:
        self.name, self.hint = name, hint


class UnknownFormat(ValueError):
    """A file name without a known extension."""


def read(path: Path, errors: ValidationErrors) -> Iterator[FileRow]:
    """Yield the valid rows of a file. Errors of invalid lines are added to `errors`.

    Raises UnknownFormat, OSError. Holds one line in memory.
    """
    parse = _parser(path.name)
    with path.open("rb") as stream:
        yield from parse(stream, errors)


def read_upload(stream: IO[bytes], name: str, errors: ValidationErrors) -> Iterator[FileRow]:
    """Yield the valid rows of an open file called `name`.

    Raises UnknownFormat at the call, not during iteration.
    """
    return _parser(name)(stream, errors)


def _parser(name: str) -> Callable[[IO[bytes], ValidationErrors], Iterator[FileRow]]:
    parsers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    parse = parsers.get(Path(name).suffix.lower())
    if parse is None:
        raise UnknownFormat(f"{name}: name it .csv or .jsonl, after what is in it.")
    return parse


def _csv(stream: IO[bytes], errors: ValidationErrors) -> Iterator[FileRow]:
    records = csv_reader.Records(stream, errors.add)
    found = iter(records)
    number, header = next(found, (1, []))
    if errors.total:
        return
    try:
        columns = _Columns.of(header, has_commas=records.separator == ",")
    except _LineError as error:
        errors.add(number, error.name, error.hint)
        return
    yield from _rows(found, errors, columns.row)


def _jsonl(stream: IO[bytes], errors: ValidationErrors) -> Iterator[FileRow]:
    return _rows(csv_reader.lines(stream, errors.add), errors, _jsonl_row)


def _rows[T](
    lines: Iterator[tuple[int, T]], errors: ValidationErrors, parse: Callable[[int, T], FileRow]
) -> Iterator[FileRow]:
    for number, content in lines:
        try:
            row = parse(number, content)
        except _LineError as error:
            errors.add(number, error.name, error.hint)
        else:
            yield row


@dataclass(frozen=True, slots=True)
class _Columns:
    """The places of the columns in a CSV file.

    `width`: up to the last named column. `has_commas`: commas separate fields, so they are not
    decimal signs.
    """

    places: Mapping[str, int]
    width: int
    has_commas: bool

    @classmethod
    def of(cls, header: Sequence[str], *, has_commas: bool) -> "_Columns":
        """Read a header in any case and order. Columns without a name are ignored."""
        by_key = {name.lower(): name for name in NAMES}
        keys = [IGNORED_IN_NAMES.sub("", name).lower() for name in header]
        named = {key: place for place, key in enumerate(keys) if key}
        unknown = [header[place].strip() for key, place in named.items() if key not in by_key]
        places = {by_key[key]: place for key, place in named.items() if key in by_key}
        if (
            unknown
            or len(named) < len(list(filter(None, keys)))
            or not places.keys() >= {*REQUIRED}
        ):
            raise _LineError("header", _header_hint(header, unknown))
        return cls(places, max(places.values()) + 1, has_commas)

    def row(self, number: int, values: list[str]) -> FileRow:
        self._check(values)
        by_name = {name: values[place].strip() for name, place in self.places.items()}
        amount = by_name["amount"]
        return FileRow(
            number,
            _id_of_text(by_name["userId"].removeprefix("'")),
            _amount_of_text(amount if self.has_commas else amount.replace(",", ".")),
            _reason(by_name.get("reason", "")),
        )

    def _check(self, values: list[str]) -> None:
        """Refuse missing values, and values outside of the columns."""
        count = len(values)
        while count > self.width and not values[count - 1].strip():
            count -= 1
        if count != self.width:
            commas = "; write amounts with a point, like 12.50, and texts with commas in quotes"
            hint = commas if count > self.width and self.has_commas else ""
            raise _LineError("fields", f"must be {self.width} as in the header, not {count}{hint}")
        named = set(self.places.values())
        if any(value.strip() for place, value in enumerate(values) if place not in named):
            raise _LineError("fields", "must be empty in a column without a name")


def _header_hint(header: Sequence[str], unknown: Sequence[str]) -> str:
    if unknown and len(header) > 1:
        return (
            f"must be userId,amount or userId,amount,reason; remove the column {unknown[0][:60]!r}"
        )
    written = ",".join(header)[:60]
    return (
        "must be userId,amount or userId,amount,reason, each once, "
        f"not {written!r}: write it as the first line"
    )


def _id_of_text(text: str) -> int:
    if not WHOLE.fullmatch(text):
        rewritten = (
            "; a spreadsheet has rewritten it: format the column as text"
            if "E+" in text.upper()
            else ""
        )
        raise _LineError("userId", ID_HINT + rewritten)
    return _id(int(text))


def _id(value: int) -> int:
    if not 1 <= value <= LARGEST_ID:
        raise _LineError("userId", ID_HINT)
    return value


def _amount_of_text(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise _LineError("amount", AMOUNT_HINT)
    return _amount(Decimal(text))


def _amount(value: Decimal) -> int:
    """Return the amount in whole hundredths. Raises _LineError."""
    if len(value.as_tuple().digits) > MOST_DIGITS:
        raise _LineError("amount", AMOUNT_HINT)
    try:
        amount = hundredths(value)
    except NotAnAmount as error:
        raise _LineError(
            "amount", DECIMALS_HINT if "decimals" in str(error) else str(error)
        ) from None
    if abs(amount) >= LARGEST:
        raise _LineError("amount", "must be below a hundred billion")
    if amount == 0:
        raise _LineError("amount", "must not be 0: leave the line out")
    return amount


def _reason(text: str) -> str:
    if len(text) > LONGEST_REASON:
        raise _LineError("reason", f"must be at most {LONGEST_REASON} characters long")
    return clean_text(text)


def _jsonl_row(number: int, text: str) -> FileRow:
    values = _object(text)
    for name in values:
        if name not in NAMES:
            raise _LineError(
                name[:60], "is not known; a line has userId, amount and, if you like, reason"
            )
    user_id, amount, reason = values.get("userId"), values.get("amount"), values.get("reason", "")
    if type(user_id) is not int:
        raise _LineError("userId", f"{ID_HINT}, without quotes")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise _LineError("amount", f"{AMOUNT_HINT}, without quotes")
    if not isinstance(reason, str) or not _storable(reason):
        raise _LineError("reason", "must be a text without NUL")
    return FileRow(number, _id(user_id), _amount(Decimal(amount)), _reason(reason))


def _object(text: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(text)
    except strict_json.RepeatedName:
        raise _LineError("JSON", "must give each field once") from None
    except strict_json.NotFinite as error:
        raise _LineError("JSON", f"{error}; amounts are numbers, like 12.50") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise _LineError(
            "JSON", 'must be one object a line, like {"userId": 1, "amount": 12.50}'
        ) from None
    if not isinstance(value, dict):
        raise _LineError("JSON", 'must be one object a line, like {"userId": 1, "amount": 12.50}')
    return value


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
