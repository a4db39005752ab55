"""Write columns as PostgreSQL array literals: one parameter a column, one statement a batch.

`unnest` over them costs a fraction of a statement, or even of a value tuple, per row.
"""

from collections.abc import Iterable


def numbers(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def optional(values: Iterable[int | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def words(values: Iterable[str]) -> str:
    """Join non-empty texts of only letters, digits, `_`, `.`, `:` and `-`, which need no quoting."""
    return "{" + ",".join(values) + "}"


def texts(values: Iterable[str]) -> str:
    """Join any texts without NUL."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
