"""Read JSON that people wrote: exact decimals, and nothing that Python alone would accept."""

import json
from decimal import Decimal
from typing import Any


class RepeatedName(ValueError):
    """An object holds a name twice. Python would keep the last, so that a second value could pass
    for the one that was reviewed.
    """


class NotFinite(ValueError):
    """NaN or an infinity stands where JSON has only numbers; the message is its name."""


def loads(text: str) -> Any:
    """The value, with Decimal for numbers that have a point or an exponent.

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
