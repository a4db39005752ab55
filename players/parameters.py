"""Query parameters: read, checked, and refused with the name of the field. Cursors hide their parts from callers."""

import base64
import binascii
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


class Parameter(NamedTuple):
    """A query parameter as the OpenAPI schema shows it."""

    name: str
    schema: dict[str, object]
    what: str
    required: bool = False


class PointsCursor(msgspec.Struct, array_like=True, frozen=True):
    points: Decimal
    id: int


class NameCursor(msgspec.Struct, array_like=True, frozen=True):
    name: str
    id: int


class TimeCursor(msgspec.Struct, array_like=True, frozen=True):
    micros: int
    id: int


def limit(default: int, most: int, name: str = "limit") -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter(name, schema, f"how many, at most {most}")


AFTER = Parameter("after", {"type": "string", "maxLength": 200}, "the `next` of the page before")


def whole(request: Request, parameter: Parameter) -> int:
    """The parameter's whole number, or its default. Raises ValidationError naming it."""
    text = request.query_params.get(parameter.name)
    least, most = int(str(parameter.schema["minimum"])), int(str(parameter.schema["maximum"]))
    if text is None:
        return int(str(parameter.schema["default"]))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise ValidationError({parameter.name: f"must be a whole number from {least} to {most}."})
    return int(text)


def cursor[T: msgspec.Struct](request: Request, kind: type[T]) -> T | None:
    """The `after` parameter as the cursor that `seal` made. Raises ValidationError for anything else."""
    text = request.query_params.get(AFTER.name)
    if text is None:
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(text.encode("ascii") + b"=="), type=kind)
    except (msgspec.MsgspecError, binascii.Error, UnicodeError, ValueError, InvalidOperation, RecursionError):
        raise ValidationError({AFTER.name: "is not a `next` of this list; leave it out to start over."}) from None
    if not _sane(found):
        raise ValidationError({AFTER.name: "is not a `next` of this list; leave it out to start over."})
    return found


def seal(cursor: msgspec.Struct) -> str:
    """A cursor as the opaque text that callers send back."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def _sane(found: msgspec.Struct) -> bool:
    parts = msgspec.structs.astuple(found)
    return all(
        abs(part) < 2**63 if isinstance(part, int) else part.is_finite() if isinstance(part, Decimal) else "\0" not in part
        for part in parts
    )
