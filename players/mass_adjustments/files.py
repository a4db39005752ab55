"""Read the rows of an adjustment from a CSV or JSONL file, line by line.

CSV has the header `userId,amount` or `userId,amount,reason`. Each line of JSONL is one object with
these names.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NamedTuple

from common import strict_json
from common.amounts import NotAnAmount, hundredths

SHOWN = 100  # errors; further ones are only counted
LONGEST_LINE = 10_000  # bytes
LONGEST_REASON = 500  # characters
LARGEST_ID = 2**63 - 1
LARGEST = 10**13  # hundredths: a hundred billion points
MOST_DIGITS = 20  # decimal arithmetic is exact up to 28
NAMES = ("userId", "amount", "reason")
HEADERS = (["userId", "amount"], ["userId", "amount", "reason"])
NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]+)?", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

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
    lines = _lines(stream, errors)
    number, header = next(lines, (1, ""))
    if errors.total:
        return
    names = [name.strip() for name in header.split(",")]
    if names not in HEADERS:
        errors.add(number, "header", _header_hint(header))
        return
    yield from _rows(lines, errors, lambda number, text: _csv_row(number, text, len(names)))


def _jsonl(stream: IO[bytes], errors: ValidationErrors) -> Iterator[FileRow]:
    return _rows(_lines(stream, errors), errors, _jsonl_row)


def _rows(
    lines: Iterator[tuple[int, str]], errors: ValidationErrors, parse: Callable[[int, str], FileRow]
) -> Iterator[FileRow]:
    for number, text in lines:
        try:
            row = parse(number, text)
        except _LineError as error:
            errors.add(number, error.name, error.hint)
        else:
            yield row


def _lines(stream: IO[bytes], errors: ValidationErrors) -> Iterator[tuple[int, str]]:
    """Yield line numbers from 1 and texts of the lines that are not blank."""
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(BOM)
        if raw.startswith(UTF_16) or b"\0" in raw:
            errors.add(number, "encoding", "must be UTF-8 without NUL; save the file as UTF-8")
            return
        if len(raw) > LONGEST_LINE:
            errors.add(
                number,
                "line",
                f"must be at most {LONGEST_LINE} bytes long; end lines with a line feed",
            )
            _skip_line(stream)
            continue
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            errors.add(number, "encoding", "must be UTF-8; save the file as UTF-8")
            continue
        if text:
            yield number, text


def _skip_line(stream: IO[bytes]) -> None:
    while (raw := stream.readline(LONGEST_LINE)) and not raw.endswith(b"\n"):
        pass


def _header_hint(header: str) -> str:
    if ";" in header or "\t" in header:
        return (
            "must separate its fields with commas: save the file as CSV with commas, userId,amount"
        )
    return f"must be userId,amount or userId,amount,reason, not {header[:60]!r}: write it as the first line"


def _csv_row(number: int, text: str, width: int) -> FileRow:
    values = _split(text)
    if len(values) != width:
        hint = (
            "; write amounts with a point, like 12.50, and texts with commas in quotes"
            if len(values) > width
            else ""
        )
        raise _LineError("fields", f"must be {width} as in the header, not {len(values)}{hint}")
    reason = _reason(values[2]) if width == 3 else ""
    return FileRow(
        number, _id_of_text(values[0].strip()), _amount_of_text(values[1].strip()), reason
    )


def _split(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        raise _LineError(
            "quotes", 'must be closed on their own line, and doubled ("") inside a text'
        ) from None


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
    return text.strip()


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
