"""Write CSV lines that are safe to open in a spreadsheet, one at a time."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

# A spreadsheet treats these as the start of a formula (OWASP, CSV Injection), also the full-width
# forms.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
BLANK = re.compile(r"^[\s\ufeff\u200b]+")
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def line(values: Iterable[Any]) -> str:
    """Return one line with its line end."""
    out = io.StringIO()
    csv.writer(out).writerow([harmless(value) for value in values])
    return out.getvalue()


def harmless(value: Any) -> Any:
    """Return `value` so that no spreadsheet runs it.

    A text that could be a formula gets a leading apostrophe.
    """
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        return value
    if value.startswith(("\t", "\r", "\n")) or BLANK.sub("", value).startswith(FORMULA):
        return f"'{value}"
    return value
