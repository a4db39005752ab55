"""Query parameters: read, checked against the pattern that the OpenAPI schema shows, and refused by
name.
"""

import datetime as dt
import re
from decimal import Decimal
from typing import Any, NamedTuple

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common.pg_arrays import EPOCH, micros
from players.models import REST

POSITIVE = r"[0-9]{1,18}"
LATEST_EPOCH = 2**63 - 1


class Parameter(NamedTuple):
    """A query or header parameter as the OpenAPI schema shows it."""

    name: str
    schema: dict[str, Any]
    what: str
    required: bool = False


def limit(default: int, most: int, name: str = "limit") -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name, schema, f"How many, at most {most}.")


def after(pattern: str) -> Parameter:
    return Parameter(
        "after", {"type": "string", "pattern": f"^{pattern}$"}, "The `next` of the page before."
    )


AFTER_POINTS = after(rf"[0-9]{{1,12}}(\.[0-9]{{1,2}})?:{POSITIVE}")
AFTER_TIME = after(rf"[0-9]{{1,16}}:{POSITIVE}")
AFTER_NAME = after(rf"[^\u0000]{{1,50}}:{POSITIVE}")


ONE = r"[1-9][0-9]{0,14}(:[0-9]{1,19})?"
PLAYERS = Parameter(
    "players",
    {"type": "string", "pattern": f"^{ONE}(,{ONE}){{0,49}}$"},
    "Up to 50 user ids with commas between, each with the epoch after which its sessions are wanted: `1:41,2`.",
    required=True,
)


def whole(request: Request, parameter: Parameter) -> int:
    """The parameter's whole number, or its default. Raises ValidationError naming it."""
    text = request.query_params.get(parameter.name)
    least, most = parameter.schema["minimum"], parameter.schema["maximum"]
    if text is None:
        return int(parameter.schema["default"])
    if not (re.fullmatch(r"-?[0-9]{1,19}", text) and least <= int(text) <= most):
        raise ValidationError({parameter.name: f"must be a whole number from {least} to {most}."})
    return int(text)


def matching(request: Request, parameter: Parameter) -> str | None:
    """The parameter's text, if it fits its pattern; None when it is absent. Raises ValidationError
    naming it.
    """
    text = request.query_params.get(parameter.name)
    if text is None and not parameter.required:
        return None
    if text is None or not re.fullmatch(parameter.schema["pattern"][1:-1], text):
        raise ValidationError({parameter.name: f"is missing or malformed. {parameter.what}"})
    return text


def players(request: Request) -> dict[int, int]:
    """By user id, the epoch after which sessions are wanted. Raises ValidationError naming the
    parameter.
    """
    asked: dict[int, int] = {}
    for one in (matching(request, PLAYERS) or "").split(","):
        user_id, _, after = one.partition(":")
        asked[int(user_id)] = min(int(after), LATEST_EPOCH) if after else REST
    return asked


def header(request: Request, parameter: Parameter) -> str:
    """The text of a header that must be there. Raises ValidationError naming it."""
    text = request.headers.get(parameter.name)
    if text is None or not re.fullmatch(parameter.schema["pattern"][1:-1], text):
        raise ValidationError({parameter.name: f"is missing or malformed. {parameter.what}"})
    return text


def points_cursor(request: Request) -> tuple[Decimal, int] | None:
    text = matching(request, AFTER_POINTS)
    if text is None:
        return None
    amount, _, row = text.partition(":")
    return Decimal(amount), int(row)


def time_cursor(request: Request) -> tuple[dt.datetime, int] | None:
    text = matching(request, AFTER_TIME)
    if text is None:
        return None
    moment, _, row = text.partition(":")
    return EPOCH + dt.timedelta(microseconds=int(moment)), int(row)


def name_cursor(request: Request) -> tuple[str, int] | None:
    text = matching(request, AFTER_NAME)
    if text is None:
        return None
    name, _, row = text.rpartition(":")
    return name, int(row)


def next_by_points(amount: Decimal, row: int) -> str:
    return f"{amount}:{row}"


def next_by_time(moment: dt.datetime, row: int) -> str:
    return f"{micros(moment)}:{row}"


def next_by_name(name: str, row: int) -> str:
    return f"{name}:{row}"
