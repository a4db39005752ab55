"""Query and header parameters, checked against the schema that the OpenAPI document shows.

Each reader raises ValidationError naming the parameter.
"""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common.time import from_micros, micros
from players.models import REST

ID = r"[0-9]{1,18}"
LATEST_EPOCH = 2**63 - 1


class Parameter(NamedTuple):
    """A query or header parameter as the OpenAPI document shows it."""

    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False


def page_size(default: int, maximum: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return Parameter("limit", schema, f"Number of items to return, at most {maximum}.")


def choice(name: str, words: Sequence[str], description: str) -> Parameter:
    """Return a parameter with one of `words`, the first by default."""
    pattern = f"^({'|'.join(words)})$"
    return Parameter(name, {"type": "string", "pattern": pattern, "default": words[0]}, description)


def cursor(pattern: str) -> Parameter:
    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return Parameter("after", schema, "The `next` of the previous page.")


AFTER_POINTS = cursor(rf"[0-9]{{1,12}}(\.[0-9]{{1,2}})?:{ID}")
AFTER_TIME = cursor(rf"[0-9]{{1,16}}:{ID}")
AFTER_FOUND = cursor(rf"[1-3]:[^\u0000]{{0,50}}:{ID}")
AFTER_EPOCH = Parameter(
    "after",
    {"type": "integer", "minimum": REST, "maximum": LATEST_EPOCH, "default": REST},
    "Return only sessions with a higher epoch.",
)
SEARCH = Parameter(
    "search",
    {"type": "string", "pattern": "^[^\\u0000]{1,50}$"},
    "The first 1 to 50 characters of a username, display name or former username, or a Roblox user id.",
    required=True,
)
PLAYER = r"[1-9][0-9]{0,14}(:[0-9]{1,19})?"
PLAYERS = Parameter(
    "players",
    {"type": "string", "pattern": f"^{PLAYER}(,{PLAYER}){{0,49}}$"},
    "Up to 50 user ids, separated by commas. `2:41` returns only sessions of player 2 with an epoch "
    "above 41.",
    required=True,
)


def integer(request: Request, parameter: Parameter) -> int:
    """Return the value, or the parameter's default."""
    given = request.query_params.get(parameter.name)
    least, most = parameter.schema["minimum"], parameter.schema["maximum"]
    if given is None:
        return int(parameter.schema["default"])
    if not (re.fullmatch(r"-?[0-9]{1,19}", given) and least <= int(given) <= most):
        raise ValidationError({parameter.name: f"must be a whole number from {least} to {most}."})
    return int(given)


def text(request: Request, parameter: Parameter) -> str | None:
    """Return the value, or None when an optional parameter is absent."""
    given = request.query_params.get(parameter.name)
    if given is None and not parameter.required:
        return None
    return _matching(given, parameter)


def header(request: Request, parameter: Parameter) -> str:
    """Return the value of a required header."""
    return _matching(request.headers.get(parameter.name), parameter)


def _matching(given: str | None, parameter: Parameter) -> str:
    if given is None or not re.fullmatch(parameter.schema["pattern"][1:-1], given):
        raise ValidationError({parameter.name: f"is missing or malformed. {parameter.description}"})
    return given


def player_epochs(request: Request) -> dict[int, int]:
    """Return, by user id, the epoch after which sessions are wanted."""
    epochs: dict[int, int] = {}
    for player in (text(request, PLAYERS) or "").split(","):
        user_id, _, epoch = player.partition(":")
        epochs[int(user_id)] = min(int(epoch), LATEST_EPOCH) if epoch else REST
    return epochs


def points_cursor(request: Request) -> tuple[Decimal, int] | None:
    given = text(request, AFTER_POINTS)
    if given is None:
        return None
    amount, _, row = given.partition(":")
    return Decimal(amount), int(row)


def time_cursor(request: Request) -> tuple[dt.datetime, int] | None:
    given = text(request, AFTER_TIME)
    if given is None:
        return None
    moment, _, row = given.partition(":")
    return from_micros(int(moment)), int(row)


def points_cursor_after(amount: Decimal, row: int) -> str:
    return f"{amount}:{row}"


def time_cursor_after(moment: dt.datetime, row: int) -> str:
    return f"{micros(moment)}:{row}"
