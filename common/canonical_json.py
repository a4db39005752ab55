"""The one text of a JSON value, to be hashed. Standard library only: auditors run it by itself."""

import json
from typing import Any


def canonical(value: Any) -> str:
    """Compact JSON with sorted keys, non-ASCII characters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_exact(value: Any) -> str:
    """The canonical text of a value without fractions.

    Raises TypeError for floats and Decimals: their text differs between languages, so amounts
    travel as strings.
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
