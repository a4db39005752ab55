"""Read JSON that people wrote, with exact decimals and without Python's extensions."""

import json
from decimal import Decimal
from typing import Any


class RepeatedName(ValueError):
    """An object has a name twice.

    Python would keep the last value, so an unreviewed second value could replace the reviewed one.
    """


class NotFinite(ValueError):
    """The JSON has NaN or an infinity. The message names it."""


def loads(text: str) -> Any:
    """Return the value, with Decimal for numbers that have a point or an exponent.

    Raises ValueError, ArithmeticError or RecursionError.
    """
    return json.loads(
        text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object
    )


def _refuse_constant(name: str) -> None:
    raise NotFinite(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise RepeatedName(f"{repeated!r} stands twice in one object")
    return found
