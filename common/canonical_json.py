"""The one text form of a JSON value, for hashing.

Uses the standard library only, because auditors run it alone.
"""

import json
from typing import Any


def canonical(value: Any) -> str:
    """Return compact JSON with sorted keys and unescaped non-ASCII characters."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_exact(value: Any) -> str:
    """Return the canonical text of a value without fractions.

    Raises TypeError for floats and Decimals: their text differs between languages, so amounts are
    written as strings.
    """
    _check(value)
    return canonical(value)


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{key!r} is not a text and cannot be a key")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"{value!r} has no one text form; write it as a string")
