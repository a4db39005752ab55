"""Whole columns as PostgreSQL array literals: one parameter a column, one statement a batch.

`unnest` over them costs a fraction of a statement, or even of a value tuple, per row.
"""

import datetime as dt
from collections.abc import Iterable

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def numbers(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def optional(values: Iterable[int | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def words(values: Iterable[str]) -> str:
    """For texts that hold only letters, digits, `_`, `.`, `:` and `-`, and are not empty: they need
    no quoting.
    """
    return "{" + ",".join(values) + "}"


def texts(values: Iterable[str]) -> str:
    """For any text without NUL."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def micros(moment: dt.datetime) -> int:
    """Microseconds since 1970: the form in which times travel to the database and into digests."""
    return (moment - EPOCH) // MICROSECOND


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
