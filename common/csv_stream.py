"""Write CSV lines that are safe to open in a spreadsheet, one at a time, and read their values.

A value that a spreadsheet would run or rewrite gets an apostrophe before it. `plain` takes it away.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

BOM = "\ufeff"  # without it Excel takes UTF-8 for an old code page
# A spreadsheet treats these as the start of a formula (OWASP, CSV Injection), also the full-width
# forms.
FORMULA = "=+@＝＋－＠-"
NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?", re.ASCII)
STARTS = re.compile(rf"'*[\t\r\n]|['\s\ufeff\u200b]*[{FORMULA}]")
# Where the list separator is a semicolon, Excel also splits inside of quoted texts.
INSIDE = re.compile(rf"(?:(?<=;)|(?<=.[\t\r\n]))('*)(?=[{FORMULA}])", re.DOTALL)
# Leading zeros, more than the 15 digits that a spreadsheet keeps, and exponents.
REWRITTEN = re.compile(r"'*-?(0\d+|\d{16,})(\.\d+)?|'*\d+(\.\d+)?[eE][+-]?\d+", re.ASCII)


def document(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield the lines of a file, beginning with a byte order mark."""
    yield BOM + line(header)
    yield from map(line, rows)


def line(values: Iterable[Any]) -> str:
    """Return one line with its line end."""
    out = io.StringIO()
    csv.writer(out).writerow([harmless(value) for value in values])
    return out.getvalue()


def harmless(value: Any) -> Any:
    """Return `value` so that no spreadsheet runs it or changes its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**15 else f"'{value}"
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        return value
    text = INSIDE.sub(r"'\1", value)
    return f"'{text}" if STARTS.match(value) or REWRITTEN.fullmatch(value) else text


def plain(text: str) -> str:
    """Return the text that `harmless` made safe."""
    marked = text.startswith("'") and (STARTS.match(text) or REWRITTEN.fullmatch(text))
    return INSIDE.sub(lambda found: found[1][1:], text[1:] if marked else text)
