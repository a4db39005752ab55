"""`OpenCloud` makes calls: budget, breaker, timeout, size cap, and retries where they may help."""

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from common import previous_secrets, tracing
from roblox.open_cloud.errors import (
    OpenCloudError,
    RetryDecision,
    refused,
    unanswered,
    unreadable,
)
from roblox.open_cloud.operations import Operation
from roblox.open_cloud.pacing import PATIENCE, Pacer, RateSlot

TRIES = 5
MAX_BODY = 8 * 1024 * 1024  # bytes; an entry's value holds 4,194,304 characters
BACKOFF = 0.5  # seconds, doubled for each try
REFUSED_FOR = 60.0  # seconds for which a refused key is not tried while there is another
WAITS = 20  # refusals by a limit after which one call gives up


_refused_until: dict[str, float] = {}  # by fingerprint of the key


def fingerprint(api_key: str) -> str:
    """Return a short id for a key, for places that must not show the key."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Request:
    """One call: `parts` fill the operation's path, `also` is a second budget that it spends."""

    operation: Operation
    parts: Mapping[str, str | int]
    query: Mapping[str, str | int] | None = None
    body: Any = None
    also: RateSlot | None = None

    @property
    def target(self) -> str:
        """The universe or group that is called."""
        return str(self.parts.get("universe") or self.parts.get("group") or "roblox")

    @property
    def path(self) -> str:
        parts = {name: quote(str(value), safe="") for name, value in self.parts.items()}
        return self.operation.path.format(**parts)


@dataclass
class OpenCloud:
    """Open Cloud with one API key. Safe to share between threads.

    Every method of the resource modules raises OpenCloudError and nothing else.
    """

    base_url: str
    api_key: str
    pacer: Pacer
    timeout: float = 10.0
    going_on: Callable[[], bool] = lambda: True
    patience: float = PATIENCE
    tries: int = TRIES
    spare_keys: tuple[str, ...] = ()  # used in this order if Roblox refuses the key
    http: httpx.Client | None = None

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
        # No proxies or credentials from the environment: the key goes to Roblox and nowhere else.
        self._http = self.http or httpx.Client(
            base_url=self.base_url, timeout=self.timeout, limits=limits, trust_env=False
        )

    def for_work(self, going_on: Callable[[], bool], patience: float) -> "OpenCloud":
        """Return a client on the same connections for a job.

        Its calls wait at most `patience` seconds for their budget, and only while `going_on`.
        """
        return replace(self, going_on=going_on, patience=patience, http=self._http)

    def at_once(self, patience: float, timeout: float) -> "OpenCloud":
        """Return a client for an interactive call: one try.

        It waits at most `patience` seconds for the budget and `timeout` seconds for the answer.
        """
        return replace(self, patience=patience, timeout=timeout, tries=1, http=self._http)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.api_key)

    def call[T](self, request: Request, kind: type[T]) -> T:
        """Make the call with the first key that works, and decode its answer as `kind`.

        Raises OpenCloudError if another try would not help, or after TRIES failures.
        """
        if not self.spare_keys:
            return self._call(request, kind)
        if _refused_until.get(self.fingerprint, 0.0) < time.monotonic():
            try:
                return self._call(request, kind)
            except OpenCloudError as error:
                if error.status != 401:
                    raise
                _refused_until[self.fingerprint] = time.monotonic() + REFUSED_FOR
        previous_secrets.used("ROBLOX_OPEN_CLOUD_API_KEY")
        return self._with_next_key().call(request, kind)

    def _with_next_key(self) -> "OpenCloud":
        following, *rest = self.spare_keys
        return replace(self, api_key=following, spare_keys=tuple(rest), http=self._http)

    def _call[T](self, request: Request, kind: type[T]) -> T:
        budget = request.operation.budget
        owner = request.target if budget.per == "universe" else self.fingerprint
        slot = RateSlot(budget, owner, request.target)
        failures = waits = 0
        while True:
            for one in filter(None, (request.also, slot)):
                self.pacer.wait(one, self.going_on, self.patience)
            try:
                return _decode(request.operation, self._exchange(request, slot), kind)
            except OpenCloudError as error:
                limited = error.status == 429
                failures, waits = failures + (not limited), waits + limited
                if self._is_final(error, failures, waits):
                    raise
                jitter = random.uniform(0.5, 1.5)  # noqa: S311
                time.sleep(0 if limited else BACKOFF * 2 ** (failures - 1) * jitter)

    def _is_final(self, error: OpenCloudError, failures: int, waits: int) -> bool:
        if error.decision is RetryDecision.GIVE_UP or error.conflict:
            return True
        return failures >= self.tries or waits >= WAITS or (self.tries == 1 and waits > 0)

    def _exchange(self, request: Request, slot: RateSlot) -> bytes:
        """Send the request once and return the body of a 2xx answer. Raises OpenCloudError."""
        # A body that arrives very slowly never times out by itself.
        deadline = time.monotonic() + (self.timeout if self.tries == 1 else 3 * self.timeout)
        operation = request.operation
        try:
            with self._open(request) as response:
                status, headers = response.status_code, response.headers
                body = _read(response, operation, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.pacer.register_no_answer(slot, operation)
            raise unanswered(operation, error) from error
        self.pacer.register_answer(slot, operation, status, headers)
        if not 200 <= status < 300:
            raise refused(operation, status, body, headers)
        return body

    def _open(self, request: Request) -> AbstractContextManager[httpx.Response]:
        content = None if request.body is None else msgspec.json.encode(request.body)
        content_type = {} if content is None else {"content-type": "application/json"}
        return self._http.stream(
            request.operation.method,
            request.path,
            params=request.query,
            content=content,
            headers={"x-api-key": self.api_key, **content_type, **tracing.headers()},
            timeout=self.timeout,
        )


def _decode[T](operation: Operation, body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(operation, str(error)) from None


def _read(response: httpx.Response, operation: Operation, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MAX_BODY:
            raise unreadable(operation, f"it is larger than {MAX_BODY} bytes")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the body came too slowly")
        parts.append(part)
    return b"".join(parts)
