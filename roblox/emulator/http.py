"""Requests and answers, the documented shapes of errors, and pages."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from roblox.emulator.store import Store

V2_CODES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Refusal(Exception):
    """An answer that is not 2xx, in the shape that Roblox gives it."""

    def __init__(
        self, status: int, message: str, *, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body or {"code": V2_CODES.get(status, "INTERNAL"), "message": message, "details": []}
        self.headers = dict(headers or {})


def at_the_gateway(status: int, message: str) -> Refusal:
    """An error that comes before any service is reached: a bad key, an address that is not there."""
    return Refusal(status, message, body={"errors": [{"code": 0, "message": message}]})


@dataclass(slots=True)
class Request:
    """One call: what was asked, by whom. `parts` come from the address."""

    store: Store
    operation: str
    parts: dict[str, str]
    query: dict[str, str]
    body: Any
    owner: int
    headers: dict[str, str] = field(default_factory=dict)

    def number(self, part: str) -> int:
        text = self.parts[part]
        if not text.isdigit() or len(text) > 19:
            raise Refusal(400, f"{part} must be a number.")
        return int(text)

    def field(self, name: str, kind: type, default: Any = None) -> Any:
        """A field of the body; refused when it is of another kind, or missing without a default."""
        if not isinstance(self.body, dict):
            raise Refusal(400, "The body must be an object.")
        value = self.body.get(name, default)
        if not isinstance(value, kind) or (kind in {int, float} and isinstance(value, bool)):
            raise Refusal(400, f"The field {name} is missing or malformed.")
        return value

    def size(self, default: int, most: int) -> int:
        text = self.query.get("maxPageSize", "")
        if not text:
            return default
        if not text.isdigit():
            raise Refusal(400, "maxPageSize must be a number.")
        return min(int(text), most) or default


Handler = Callable[[Request], Any]


def page(request: Request, fetch: Callable[[list[Any] | None, int], list[tuple[list[Any], Any]]], size: int) -> Any:
    """One page and the token of the next. `fetch(after, count)` gives (position, item) from behind `after`.

    A token holds for one set of parameters: others with it are refused, as Roblox does.
    """
    asked = {name: value for name, value in request.query.items() if name != "pageToken"}
    mark = hashlib.sha256(json.dumps([request.operation, request.parts, asked], sort_keys=True).encode()).hexdigest()[
        :12
    ]
    after: list[Any] | None = None
    token = request.query.get("pageToken", "")
    if token:
        try:
            marked, after = json.loads(base64.urlsafe_b64decode(token.encode()))
        except ValueError:
            raise Refusal(400, "The page token is not valid.") from None
        if marked != mark:
            raise Refusal(400, "The parameters must be the same as in the call that gave the page token.")
    found = fetch(after, size + 1)
    items = [item for _, item in found[:size]]
    following = ""
    if len(found) > size:
        following = base64.urlsafe_b64encode(json.dumps([mark, found[size - 1][0]]).encode()).decode()
    return items, following


def stamp(moment: float) -> str:
    """RFC 3339 with a Z."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{whole}.{int(moment % 1 * 1000):03d}Z"


def seconds(duration: Any) -> float | None:
    """The seconds of a duration like `3600s`; None for one that is not of that form."""
    if not isinstance(duration, str) or not duration.endswith("s"):
        return None
    try:
        return float(duration[:-1])
    except ValueError:
        return None
