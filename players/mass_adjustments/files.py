"""The rows of a large adjustment out of a CSV or JSONL file: one line at a time, every flaw with
its line and its mend.

CSV has the header `userId,amount` or `userId,amount,reason`; JSONL has one object with these names
a line.
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

SHOWN = 100  # flaws; the others are counted
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

ID_MEND = f"must be a Roblox user id, a whole number from 1 to {LARGEST_ID}"
DECIMALS_MEND = "must have at most two decimals, like 12.50"
AMOUNT_MEND = "must be a number with at most two decimals, like 12.50"


class Row(NamedTuple):
    """One well-formed line. `amount` is in hundredths and not 0."""

    line: int
    user_id: int
    amount: int
    reason: str = ""


@dataclass(slots=True)
class Flaws:
    """What is wrong with a file: the first of it to show, all of it counted."""

    first: list[tuple[int, str]] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, name: str, mend: str) -> None:
        self.total += 1
        if len(self.first) < SHOWN:
            self.first.append((line, f"line {line}: {name}: {mend}"))

    @property
    def shown(self) -> list[str]:
        return [text for _, text in sorted(self.first)]


class _Flaw(ValueError):
    """One line cannot be a row. Raised with the field's name and the mend."""

    def __init__(self, name: str, mend: str) -> None:
        self.name, self.mend = name, mend


class UnknownFormat(ValueError):
    """The file's name does not say what is in it."""


def read(path: Path, flaws: Flaws) -> Iterator[Row]:
    """The rows of a file, without those that go to `flaws`. Memory stays flat. Raises
    UnknownFormat, OSError.
    """
    parse = _parser(path.name)
    with path.open("rb") as stream:
        yield from parse(stream, flaws)


def read_upload(stream: IO[bytes], name: str, flaws: Flaws) -> Iterator[Row]:
    """The same of an open file, whose name says what is in it. Raises UnknownFormat at once."""
    return _parser(name)(stream, flaws)


def _parser(name: str) -> Callable[[IO[bytes], Flaws], Iterator[Row]]:
    parsers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    parse = parsers.get(Path(name).suffix.lower())
    if parse is None:
        raise UnknownFormat(f"{name}: name it .csv or .jsonl, after what is in it.")
    return parse


def _csv(stream: IO[bytes], flaws: Flaws) -> Iterator[Row]:
    lines = _lines(stream, flaws)
    number, header = next(lines, (1, ""))
    if flaws.total:
        return
    names = [name.strip() for name in header.split(",")]
    if names not in HEADERS:
        flaws.add(number, "header", _header_mend(header))
        return
    yield from _rows(lines, flaws, lambda number, text: _csv_row(number, text, len(names)))


def _jsonl(stream: IO[bytes], flaws: Flaws) -> Iterator[Row]:
    return _rows(_lines(stream, flaws), flaws, _jsonl_row)


def _rows(
    lines: Iterator[tuple[int, str]], flaws: Flaws, parse: Callable[[int, str], Row]
) -> Iterator[Row]:
    for number, text in lines:
        try:
            row = parse(number, text)
        except _Flaw as flaw:
            flaws.add(number, flaw.name, flaw.mend)
        else:
            yield row


def _lines(stream: IO[bytes], flaws: Flaws) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(BOM)
        if raw.startswith(UTF_16) or b"\0" in raw:
            flaws.add(number, "encoding", "must be UTF-8 without NUL; save the file as UTF-8")
            return
        if len(raw) > LONGEST_LINE:
            flaws.add(
                number,
                "line",
                f"must be at most {LONGEST_LINE} bytes long; end lines with a line feed",
            )
            _skip_line(stream)
            continue
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            flaws.add(number, "encoding", "must be UTF-8; save the file as UTF-8")
            continue
        if text:
            yield number, text


def _skip_line(stream: IO[bytes]) -> None:
    while (raw := stream.readline(LONGEST_LINE)) and not raw.endswith(b"\n"):
        pass


def _header_mend(header: str) -> str:
    if ";" in header or "\t" in header:
        return (
            "must separate its fields with commas: save the file as CSV with commas, userId,amount"
        )
    return f"must be userId,amount or userId,amount,reason, not {header[:60]!r}: write it as the first line"


def _csv_row(number: int, text: str, width: int) -> Row:
    values = _split(text)
    if len(values) != width:
        hint = (
            "; write amounts with a point, like 12.50, and texts with commas in quotes"
            if len(values) > width
            else ""
        )
        raise _Flaw("fields", f"must be {width} as in the header, not {len(values)}{hint}")
    reason = _reason(values[2]) if width == 3 else ""
    return Row(number, _id_of_text(values[0].strip()), _amount_of_text(values[1].strip()), reason)


def _split(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        raise _Flaw(
            "quotes", 'must be closed on their own line, and doubled ("") inside a text'
        ) from None


def _id_of_text(text: str) -> int:
    if not WHOLE.fullmatch(text):
        rewritten = (
            "; a spreadsheet has rewritten it: format the column as text"
            if "E+" in text.upper()
            else ""
        )
        raise _Flaw("userId", ID_MEND + rewritten)
    return _id(int(text))


def _id(value: int) -> int:
    if not 1 <= value <= LARGEST_ID:
        raise _Flaw("userId", ID_MEND)
    return value


def _amount_of_text(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise _Flaw("amount", AMOUNT_MEND)
    return _amount(Decimal(text))


def _amount(value: Decimal) -> int:
    """Whole hundredths."""
    if len(value.as_tuple().digits) > MOST_DIGITS:
        raise _Flaw("amount", AMOUNT_MEND)
    try:
        amount = hundredths(value)
    except NotAnAmount as error:
        raise _Flaw("amount", DECIMALS_MEND if "decimals" in str(error) else str(error)) from None
    if abs(amount) >= LARGEST:
        raise _Flaw("amount", "must be below a hundred billion")
    if amount == 0:
        raise _Flaw("amount", "must not be 0: leave the line out")
    return amount


def _reason(text: str) -> str:
    if len(text) > LONGEST_REASON:
        raise _Flaw("reason", f"must be at most {LONGEST_REASON} characters long")
    return text.strip()


def _jsonl_row(number: int, text: str) -> Row:
    values = _object(text)
    for name in values:
        if name not in NAMES:
            raise _Flaw(
                name[:60], "is not known; a line has userId, amount and, if you like, reason"
            )
    user_id, amount, reason = values.get("userId"), values.get("amount"), values.get("reason", "")
    if type(user_id) is not int:
        raise _Flaw("userId", f"{ID_MEND}, without quotes")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise _Flaw("amount", f"{AMOUNT_MEND}, without quotes")
    if not isinstance(reason, str) or not _storable(reason):
        raise _Flaw("reason", "must be a text without NUL")
    return Row(number, _id(user_id), _amount(Decimal(amount)), _reason(reason))


def _object(text: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(text)
    except strict_json.RepeatedName:
        raise _Flaw("JSON", "must give each field once") from None
    except strict_json.NotFinite as error:
        raise _Flaw("JSON", f"{error}; amounts are numbers, like 12.50") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise _Flaw(
            "JSON", 'must be one object a line, like {"userId": 1, "amount": 12.50}'
        ) from None
    if not isinstance(value, dict):
        raise _Flaw("JSON", 'must be one object a line, like {"userId": 1, "amount": 12.50}')
    return value


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
