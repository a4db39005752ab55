"""Errors in the forms of Roblox's services."""

import enum
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Response

from roblox.emulator.responses import respond

STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "INSUFFICIENT_SCOPE": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "BAD_GATEWAY": 502,
    "UNAVAILABLE": 503,
}


class Shape(enum.Enum):
    """The forms in which Roblox's services write an error."""

    V2 = "v2"
    STORES_V1 = "stores v1"
    PLAIN_V1 = "plain v1"
    GATEWAY = "gateway"


@dataclass(eq=False)
class ApiError(Exception):
    """An error for the caller.

    `code` is one of v2's, `reason` the v1 data stores' code. `fields` names wrong fields, which the
    v1 services answer in the form of RFC 9110. `shape` overrides the endpoint's shape.
    """

    code: str
    message: str
    reason: str = ""
    fields: dict[str, list[str]] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    shape: Shape | None = None

    def __str__(self) -> str:
        return self.message

    def response(self, shape: Shape) -> Response:
        return respond(self._body(self.shape or shape), STATUS[self.code], self.headers)

    def _body(self, shape: Shape) -> dict[str, Any]:
        if shape is Shape.GATEWAY:
            return {"errors": [{"code": 0, "message": self.message}]}
        if shape is Shape.V2:
            return {"code": self.code, "message": self.message, "details": []}
        if self.fields:
            title = "One or more validation errors occurred."
            return {"errors": self.fields, "title": title, "status": STATUS[self.code]}
        if shape is Shape.PLAIN_V1:
            return {"code": self.code, "message": self.message}
        details = (
            [{"errorDetailType": "DatastoreErrorInfo", "datastoreErrorCode": self.reason}]
            if self.reason
            else []
        )
        return {"error": self.code, "message": self.message, "errorDetails": details}


def invalid(message: str, reason: str = "", fields: dict[str, list[str]] | None = None) -> ApiError:
    """Return the error for a caller's mistake: 400."""
    return ApiError("INVALID_ARGUMENT", message, reason, fields)


def not_found(message: str) -> ApiError:
    return ApiError("NOT_FOUND", message)
