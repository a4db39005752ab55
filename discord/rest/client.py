"""`Discord` makes calls: pace, timeout, size cap, and retries where they may help."""

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from common.version import VERSION
from discord.rest.errors import DiscordError, refused, unanswered, unreadable
from discord.rest.pacing import Pacer
from discord.rest.routes import Route
from roblox.open_cloud.errors import RetryDecision

TRIES = 4
WAITS = 8  # refusals by a limit after which one call gives up
MAX_BODY = 8 * 1024 * 1024  # bytes; a page of 1,000 members has about one
BACKOFF = 0.5  # seconds, doubled for each try
PATIENCE = 60.0  # seconds that a call waits for its limit before it gives up


@dataclass(frozen=True, slots=True)
class Request:
    """One call: `parts` fill the route's path. `reason` is shown in the guild's audit log."""

    route: Route
    parts: Mapping[str, str | int] = field(default_factory=dict)
    query: Mapping[str, str | int] | None = None
    body: Any = None
    reason: str = ""

    @property
    def path(self) -> str:
        parts = {name: quote(str(value), safe="") for name, value in self.parts.items()}
        return self.route.path.format(**parts).lstrip("/")

    @property
    def major(self) -> str:
        """What Discord counts the route's limit for. A token is not shown."""
        value = str(self.parts.get(self.route.major, ""))
        hidden = self.route.major == "token"
        return hashlib.sha256(value.encode()).hexdigest()[:16] if hidden else value


@dataclass
class Discord:
    """Discord's API with one bot's token. Safe to share between threads.

    Every method of the resource modules raises DiscordError and nothing else.
    """

    base_url: str
    token: str = field(repr=False)
    pacer: Pacer
    site: str = "https://localhost"  # the address of this GRPS, which Discord asks for
    timeout: float = 10.0
    going_on: Callable[[], bool] = lambda: True
    patience: float = PATIENCE
    tries: int = TRIES
    http: httpx.Client | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=16)
        # No proxies, credentials or redirects: the token goes to the configured host only.
        self._http = self.http or httpx.Client(
            base_url=self.base_url.rstrip("/") + "/",
            timeout=self.timeout,
            limits=limits,
            trust_env=False,
            follow_redirects=False,
        )

    def for_work(self, going_on: Callable[[], bool], patience: float = PATIENCE) -> "Discord":
        """Return a client on the same connections for a task.

        Its calls wait at most `patience` seconds for their limit, and only while `going_on`.
        """
        return replace(self, going_on=going_on, patience=patience, http=self._http)

    def at_once(self, patience: float, timeout: float) -> "Discord":
        """Return a client for a call that somebody waits for: one try."""
        return replace(self, patience=patience, timeout=timeout, tries=1, http=self._http)

    def call[T](self, request: Request, kind: type[T]) -> T:
        """Make the call and decode its answer as `kind`.

        Raises DiscordError if another try would not help, or after TRIES failures.
        """
        failures = waits = 0
        while True:
            self.pacer.wait(request.route, request.major, self.going_on, self.patience)
            try:
                return _decode(request.route, self._exchange(request), kind)
            except DiscordError as error:
                limited = error.status == 429
                failures, waits = failures + (not limited), waits + limited
                if self._is_final(error, failures, waits):
                    raise
                jitter = random.uniform(0.5, 1.5)  # noqa: S311
                time.sleep(0 if limited else BACKOFF * 2 ** (failures - 1) * jitter)

    def _is_final(self, error: DiscordError, failures: int, waits: int) -> bool:
        if error.decision is RetryDecision.GIVE_UP:
            return True
        return failures >= self.tries or waits >= WAITS or (self.tries == 1 and waits > 0)

    def _exchange(self, request: Request) -> bytes:
        """Send the request once and return the body of a 2xx answer. Raises DiscordError."""
        # A body that arrives very slowly never times out by itself.
        deadline = time.monotonic() + (self.timeout if self.tries == 1 else 3 * self.timeout)
        route = request.route
        try:
            with self._open(request) as response:
                status, headers = response.status_code, response.headers
                body = _read(response, route, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.pacer.register_no_answer(route)
            raise unanswered(route, error) from None
        wrong = None if 200 <= status < 300 else refused(route, status, body, headers)
        self.pacer.register_answer(route, request.major, status, headers, wrong)
        if wrong is not None:
            raise wrong
        return body

    def _open(self, request: Request) -> AbstractContextManager[httpx.Response]:
        # Discord blocks calls without an agent of this form.
        headers = {"user-agent": f"DiscordBot ({self.site}, {VERSION})"}
        if request.route.authorized:
            headers["authorization"] = f"Bot {self.token}"
        if request.reason:
            headers["x-audit-log-reason"] = quote(request.reason[:400], safe=" ")
        content = None if request.body is None else msgspec.json.encode(request.body)
        if content is not None:
            headers["content-type"] = "application/json"
        return self._http.stream(
            request.route.method,
            request.path,
            params=request.query,
            content=content,
            headers=headers,
            timeout=self.timeout,
        )


class Nothing(msgspec.Struct, frozen=True):
    """An answer whose content is not used."""


def _decode[T](route: Route, body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind, strict=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(route, str(error)) from None


def _read(response: httpx.Response, route: Route, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MAX_BODY:
            raise unreadable(route, f"it is larger than {MAX_BODY} bytes")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the body came too slowly")
        parts.append(part)
    return b"".join(parts)
