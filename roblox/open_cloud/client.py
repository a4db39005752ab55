"""`OpenCloud`: one call at a time through budget, breaker, timeout and size cap, and again where
that may help.
"""

import hashlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from roblox.open_cloud.budgets import PATIENCE, Budgets, Turn
from roblox.open_cloud.errors import OpenCloudError, Verdict, refused, unanswered, unreadable
from roblox.open_cloud.operations import Operation

TRIES = 5
MAX_BODY = 8 * 1024 * 1024  # bytes; an entry's value holds 4,194,304 characters
BACKOFF = 0.5  # seconds, doubled for each try
WAITS = 20  # refusals by a limit that one call sits out


def fingerprint(api_key: str) -> str:
    """How a key is named where it must not be seen."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]


@dataclass
class OpenCloud:
    """Open Cloud with one API key. Safe to share between threads.

    Every method of the resource modules raises OpenCloudError and nothing else.
    """

    base_url: str
    api_key: str
    budgets: Budgets
    timeout: float = 10.0
    going_on: Callable[[], bool] = lambda: True
    patience: float = PATIENCE
    tries: int = TRIES
    http: httpx.Client | None = None

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
        # No proxies or credentials from the environment: the key goes to Roblox and nowhere else.
        self._http = self.http or httpx.Client(
            base_url=self.base_url, timeout=self.timeout, limits=limits, trust_env=False
        )

    def for_work(self, going_on: Callable[[], bool], patience: float) -> "OpenCloud":
        """The same client, on the same connections, whose calls wait at most `patience` seconds for
        their turn, and only while `going_on` says yes.
        """
        return replace(self, going_on=going_on, patience=patience, http=self._http)

    def at_once(self, patience: float, timeout: float) -> "OpenCloud":
        """The same client for somebody who waits for the answer: one try, with so many seconds for
        its turn and for Roblox.
        """
        return replace(self, patience=patience, timeout=timeout, tries=1, http=self._http)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.api_key)

    def call[T](
        self,
        operation: Operation,
        answer: type[T],
        *,
        parts: Mapping[str, str | int],
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        also: Turn | None = None,
    ) -> T:
        """Make the call and read its answer as `answer`. `also`: a second budget that it spends.

        Raises OpenCloudError once retrying is no use, or has been of none.
        """
        target = str(parts.get("universe") or parts.get("group") or "roblox")
        turn = Turn(
            operation.budget, target if operation.budget.per == "universe" else self.fingerprint
        )
        tries = waits = 0
        while True:
            if also is not None:
                self.budgets.wait(also, target, self.going_on, self.patience)
            self.budgets.wait(turn, target, self.going_on, self.patience)
            try:
                return self._once(operation, answer, turn, target, parts, query, body)
            except OpenCloudError as error:
                tries, waits = (tries, waits + 1) if error.status == 429 else (tries + 1, waits)
                hopeless = error.verdict is Verdict.GIVE_UP or error.conflict
                if hopeless or tries >= self.tries or waits >= WAITS or (self.tries == 1 and waits):
                    raise
                jitter = random.uniform(0.5, 1.5)  # noqa: S311
                time.sleep(0 if error.status == 429 else BACKOFF * 2 ** (tries - 1) * jitter)

    def _once[T](
        self,
        operation: Operation,
        answer: type[T],
        turn: Turn,
        target: str,
        parts: Mapping[str, str | int],
        query: Mapping[str, str | int] | None,
        body: Any,
    ) -> T:
        path = operation.path.format(
            **{name: quote(str(value), safe="") for name, value in parts.items()}
        )
        content = None if body is None else msgspec.json.encode(body)
        headers = {"x-api-key": self.api_key} | (
            {"content-type": "application/json"} if content is not None else {}
        )
        # A body that trickles never times out by itself.
        deadline = time.monotonic() + (self.timeout if self.tries == 1 else 3 * self.timeout)
        ask = partial(
            self._http.stream,
            operation.method,
            path,
            params=query,
            content=content,
            headers=headers,
        )
        try:
            with ask(timeout=self.timeout) as response:
                status, received = response.status_code, _read(response, operation, deadline)
                told = response.headers
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.budgets.failed(target, operation)
            raise unanswered(operation, error) from error
        self.budgets.answered(turn, target, operation, status, told)
        if not 200 <= status < 300:
            raise refused(operation, status, received, told)
        try:
            return msgspec.json.decode(received or b"{}", type=answer)
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
