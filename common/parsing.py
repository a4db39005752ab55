"""Parse numbers and cursors from outside."""

import datetime as dt
import re

from common.time import from_micros, micros

LARGEST = 2**63 - 1  # of a 64-bit column
LATEST_CURSOR = 2**53  # microseconds since 1970, in the year 2255
KEYSET_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")


def whole_number(text: str, most: int = LARGEST) -> int | None:
    """Return the number from 0 to `most` that `text` writes in ASCII digits, None otherwise."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None


def is_row_id(text: str) -> bool:
    """Return whether `text` is a number in ASCII digits that fits a 64-bit column."""
    return whole_number(text) is not None


def keyset_cursor(moment: dt.datetime, row_id: int) -> str:
    """Return the end of a page as text for a URL. Rows are ordered by time and id."""
    return f"{micros(moment)}.{row_id}"


def parse_keyset_cursor(text: str) -> tuple[dt.datetime, int] | None:
    """Return the time and the id of a `keyset_cursor`, None for any other text."""
    found = KEYSET_CURSOR.fullmatch(text)
    if not found or int(found[1]) > LATEST_CURSOR:
        return None
    return from_micros(int(found[1])), int(found[2])
