"""Errors in Discord's form: a message and a code."""

from dataclasses import dataclass, field
from typing import Any

from werkzeug import Response

from roblox.emulator.responses import respond


@dataclass(eq=False)
class ApiError(Exception):
    """An error for the caller, with one of Discord's codes (0: none)."""

    status: int
    code: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def response(self) -> Response:
        body = {"message": self.message, "code": self.code} | self.more
        return respond(body, self.status, self.headers)


def unauthorized() -> ApiError:
    return ApiError(401, 0, "401: Unauthorized")


def missing_access() -> ApiError:
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    return ApiError(403, 50013, "Missing Permissions")


def unknown(what: str) -> ApiError:
    """Return the error for something that does not exist, such as a `Member`."""
    codes = {
        "Channel": 10003,
        "Guild": 10004,
        "Member": 10007,
        "Message": 10008,
        "Role": 10011,
        "User": 10013,
        "Webhook": 10015,
    }
    return ApiError(404, codes[what], f"Unknown {what}")


def invalid(message: str) -> ApiError:
    return ApiError(400, 50035, f"Invalid Form Body: {message}")
