"""A call as the operations see it: what was asked, what is answered, refusals, pages, times."""

import base64
import binascii
import datetime as dt
import enum
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from roblox.emulator.store import Store

MICROS = 1_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
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


class Refused(Exception):
    """The operation is not done. `code` is one of v2's; `reason` is the data stores' own code of
    v1.

    `fields` names wrong fields, which the v1 services answer in the form of RFC 9110.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str = "",
        fields: dict[str, list[str]] | None = None,
        headers: dict[str, str] | None = None,
        shape: Shape | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.reason, self.fields = code, message, reason, fields
        self.headers = headers or {}
        self.shape = shape

    def answer(self, shape: Shape) -> "Answer":
        return Answer(STATUS[self.code], self._body(self.shape or shape), dict(self.headers))

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


def invalid(message: str, **more: Any) -> Refused:
    """The caller's mistake: 400."""
    return Refused("INVALID_ARGUMENT", message, **more)


@dataclass
class Answer:
    """What is sent back: `body` is sent as it is when it is bytes, else as JSON; None is an empty
    body.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Key(NamedTuple):
    """An API key: `grants` pairs a scope with the universes it holds for; both may be `*`."""

    key: str
    name: str
    owner: int
    grants: tuple[tuple[str, frozenset[str]], ...]
    enabled: bool
    expires: str | None

    def may(self, scope: str, universe: int | None) -> bool:
        return any(
            name in ("*", scope)
            and (universe is None or "*" in universes or str(universe) in universes)
            for name, universes in self.grants
        )


@dataclass
class Call:
    """One request to one operation. `path` are the path's parameters; `now` is in microseconds."""

    store: Store
    path: dict[str, str]
    query: dict[str, str]
    body: bytes
    header: Callable[[str], str | None]
    url: str
    now: int
    key: Key | None = None
    repeats_page: bool = False  # a fault: the next page will bring the same items again
    extra_units: int = 0  # what the call costs beyond one unit of its limit

    @property
    def universe(self) -> int:
        return int(self.path["universe"])

    @property
    def owner(self) -> int:
        assert self.key is not None, "only operations with a key ask for its owner"
        return self.key.owner

    def flag(self, name: str) -> bool:
        """A boolean query parameter, false by default. Refused (400) if it is neither true nor
        false.
        """
        text = self.query.get(name, "false").lower()
        if text not in ("true", "false"):
            raise invalid(f"{name} must be true or false.")
        return text == "true"

    def number(self, name: str, default: int) -> int:
        """An integer query parameter. Refused (400) if it is none, or below 0."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise invalid(f"{name} must be a whole number of at least 0.")
        return int(text)

    def json[T](self, kind: type[T]) -> T:
        """The body as `kind`. Refused (400) if it is not that."""
        if "json" not in (self.header("content-type") or ""):
            raise invalid("The body needs the content type application/json.")
        return decode(self.body, kind)

    def page(
        self,
        default: int,
        maximum: int,
        size: str = "maxPageSize",
        token: str = "pageToken",  # noqa: S107
    ) -> "Page":
        """Where the caller is in a listing. Refused (400) if the token belongs to another question."""
        others = sorted((name, value) for name, value in self.query.items() if name != token)
        asked = msgspec.json.encode([self.url, others])
        mark = hashlib.blake2b(asked, digest_size=9).hexdigest()
        wanted = self.number(size, default) or default
        return Page(
            min(wanted, maximum),
            mark,
            _cursor(self.query.get(token, ""), mark, token),
            self.repeats_page,
        )


class Page(NamedTuple):
    """`cursor` is where the former page ended, None at the start."""

    size: int
    mark: str
    cursor: Any
    repeats: bool

    @property
    def fetch(self) -> int:
        """How many rows show whether there is another page."""
        return self.size + 1

    def cut[T](self, rows: Sequence[T], cursor: Callable[[T], Any]) -> tuple[Sequence[T], str]:
        """The rows of this page, and the token of the next one ("" at the end)."""
        if self.repeats:
            return rows[: self.size], self._token(self.cursor)
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], self._token(cursor(rows[self.size - 1]))

    def _token(self, cursor: Any) -> str:
        return (
            base64.urlsafe_b64encode(msgspec.json.encode([self.mark, cursor])).decode().rstrip("=")
        )


def _cursor(token: str, mark: str, name: str) -> Any:
    if not token:
        return None
    try:
        known, cursor = msgspec.json.decode(
            base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        )
    except (binascii.Error, msgspec.DecodeError, ValueError, TypeError):
        raise invalid(f"{name} is not a token of this listing.") from None
    if known != mark:
        raise invalid(
            f"{name} belongs to other parameters; all of them must stay the same from page to page."
        )
    return cursor


def decode[T](body: bytes, kind: type[T]) -> T:
    """JSON as `kind`. Refused (400) with what is wrong and where."""
    try:
        return msgspec.json.decode(body or b"null", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body cannot be read: {error}.") from None


def listing(name: str, items: Iterable[Any], token: str) -> Answer:
    """A page as v2 writes it: the token is absent at the end."""
    body = {name: list(items)}
    return Answer(200, body | {"nextPageToken": token} if token else body)


def micros() -> int:
    """Now, in microseconds since 1970."""
    return time.time_ns() // 1000


def stamp(at: int) -> str:
    """RFC 3339 in UTC with six digits."""
    moment = dt.datetime.fromtimestamp(at // MICROS, dt.UTC).replace(microsecond=at % MICROS)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> int:
    """RFC 3339 as microseconds. Refused (400)."""
    try:
        parsed = dt.datetime.fromisoformat(text)
        if parsed.tzinfo is not None:
            return (parsed - EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise invalid(f"{text!r} is not a time of RFC 3339 with a time zone.")


def duration(text: str, longest: int) -> int:
    """`"60s"` as whole seconds, 1..longest. Refused (400)."""
    if not re.fullmatch(r"[0-9]{1,15}s", text) or not 1 <= int(text[:-1]) <= longest:
        raise invalid(f"{text!r} is not a duration of 1s to {longest}s in whole seconds.")
    return int(text[:-1])
