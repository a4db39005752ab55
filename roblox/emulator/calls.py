"""A call of an endpoint: its parameters, body and key, and its page of a listing."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from werkzeug import Request

from roblox.emulator.errors import invalid
from roblox.emulator.store import Store


class ApiKey(NamedTuple):
    """An API key. `grants` pairs a scope with its universes; both may be `*`."""

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
    """One request to one endpoint. `path`: the path's parameters. `now` is in microseconds."""

    store: Store
    request: Request
    path: dict[str, str]
    now: int
    key: ApiKey | None = None
    repeats_page: bool = False  # a fault: the next page has the same items again
    extra_units: int = 0  # units of its limit that the call costs beyond one

    @property
    def universe(self) -> int:
        return int(self.path["universe"])

    @property
    def owner(self) -> int:
        assert self.key is not None, "only endpoints with a key ask for its owner"
        return self.key.owner

    @property
    def body(self) -> bytes:
        return self.request.get_data()

    def query(self, name: str) -> str:
        """Return a query parameter, "" by default. The v1 services ignore the name's case."""
        arguments = self.request.args
        if name in arguments or self.request.path.startswith("/cloud/"):
            return arguments.get(name, "")
        found = (value for key, value in arguments.items() if key.lower() == name.lower())
        return next(found, "")

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, default false. Raises ApiError (400) for others."""
        text = (self.query(name) or "false").lower()
        if text not in ("true", "false"):
            raise invalid(f"{name} must be true or false.")
        return text == "true"

    def number(self, name: str, default: int) -> int:
        """Return an integer query parameter. Raises ApiError (400) unless it is at least 0."""
        text = self.query(name)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise invalid(f"{name} must be a whole number of at least 0.")
        return int(text)

    def json[T](self, kind: type[T]) -> T:
        """Decode the body as `kind`. Raises ApiError (400) for anything else."""
        if "json" not in self.request.mimetype:
            raise invalid("The body needs the content type application/json.")
        return decode(self.body, kind)

    def page(
        self,
        default: int,
        maximum: int,
        size: str = "maxPageSize",
        token: str = "pageToken",  # noqa: S107
    ) -> "Paging":
        """Return the requested page. Raises ApiError (400) for a token of another listing."""
        others = sorted(item for item in self.request.args.items() if item[0] != token)
        asked = msgspec.json.encode([self.request.path, others])
        mark = hashlib.blake2b(asked, digest_size=9).hexdigest()
        wanted = self.number(size, default) or default
        cursor = _cursor(self.query(token), mark, token)
        return Paging(min(wanted, maximum), mark, cursor, self.repeats_page)


class Paging(NamedTuple):
    """A page to return. `mark` identifies the listing; `cursor` is the last page's end or None."""

    size: int
    mark: str
    cursor: Any
    repeats: bool

    @property
    def fetch(self) -> int:
        """Return the number of rows to read: one more shows whether there is another page."""
        return self.size + 1

    def cut[T](self, rows: Sequence[T], cursor: Callable[[T], Any]) -> tuple[Sequence[T], str]:
        """Return the rows of this page and the next page's token ("" at the end)."""
        if self.repeats:
            return rows[: self.size], self._token(self.cursor)
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], self._token(cursor(rows[self.size - 1]))

    def _token(self, cursor: Any) -> str:
        content = msgspec.json.encode([self.mark, cursor])
        return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _cursor(token: str, mark: str, name: str) -> Any:
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        known, cursor = msgspec.json.decode(base64.urlsafe_b64decode(padded))
    except (binascii.Error, msgspec.DecodeError, ValueError, TypeError):
        raise invalid(f"{name} is not a token of this listing.") from None
    if known != mark:
        raise invalid(
            f"{name} belongs to other parameters; all of them must stay the same from page to page."
        )
    return cursor


def decode[T](body: bytes, kind: type[T]) -> T:
    """Decode JSON as `kind`. Raises ApiError (400) naming what is wrong and where."""
    try:
        return msgspec.json.decode(body or b"null", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body cannot be read: {error}.") from None
