"""Faults on demand, such as those of a network and a busy service."""

import random
import threading
import time
from collections.abc import Iterator
from typing import Literal

import msgspec
from werkzeug import Response

from roblox.emulator.errors import ApiError, Shape
from roblox.emulator.responses import JSON

Kind = Literal[
    "429",
    "500",
    "502",
    "503",
    "timeoutAfter",
    "drop",
    "truncate",
    "slow",
    "duplicatePage",
    "hugeBody",
]
CODES = {"429": "RESOURCE_EXHAUSTED", "500": "INTERNAL", "503": "UNAVAILABLE"}
HUGE = 64 * 1024 * 1024  # bytes
CHUNK = 1024 * 1024  # bytes of the huge body
SLOW_CHUNKS = 20  # chunks of a slow body


class Fault(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A fault in a share `rate` of the named endpoints' calls, `count` times (None: unlimited)."""

    kind: Kind
    operations: list[str] = msgspec.field(default_factory=lambda: ["*"])
    rate: float = 1.0
    count: int | None = None
    seconds: float = 1.0
    retry_after: float | None = None

    @property
    def names_outcome(self) -> bool:
        """Whether calls are counted under the fault's name, since no status reaches the caller."""
        return self.kind in ("429", "500", "502", "503", "drop", "timeoutAfter")


class Cut(Exception):
    """Raised to end the connection without a complete response."""


class Faults:
    """The active faults. The same seed and the same order of calls cause the same faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.replace([], 0)

    def replace(self, faults: list[Fault], seed: int) -> None:
        with self._lock:
            self._faults = faults
            self._random = random.Random(seed)

    def strike(self, operation: str) -> Fault | None:
        """Choose the fault for this call, if any."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                meant = "*" in fault.operations or operation in fault.operations
                if not meant or fault.count == 0 or self._random.random() >= fault.rate:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None


def refusal(fault: Fault, shape: Shape) -> Response | None:
    """Return the response of a fault before the call is carried out, None for other faults."""
    if fault.kind == "drop":
        return _cut()
    if fault.kind == "502":
        page = b"<html><head><title>502 Bad Gateway</title></head></html>"
        return Response(page, 502, {"content-type": "text/html"})
    if fault.kind not in CODES:
        return None
    code = CODES[fault.kind]
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return ApiError(code, f"A fault of the emulator: {code}.", headers=headers).response(shape)


def distort(response: Response, fault: Fault) -> Response:
    """Return the response that the caller gets after the call was carried out."""
    if fault.kind == "timeoutAfter":
        time.sleep(fault.seconds)
        return _cut()
    if fault.kind == "hugeBody":
        return _streamed(_huge(), HUGE + 14)
    body = response.get_data()
    if fault.kind == "truncate":
        response.set_data(body[: len(body) // 2])
    if fault.kind == "slow" and body:
        response.response = _slowly(body, fault.seconds)
    return response


def _cut() -> Response:
    # The server closes the connection when the body fails, so the promised bytes never arrive.
    return _streamed((_broken() for _ in range(1)), 2)


def _broken() -> bytes:
    raise Cut


def _streamed(body: Iterator[bytes], length: int) -> Response:
    return Response(body, headers={"content-length": str(length)}, content_type=JSON)


def _slowly(body: bytes, seconds: float) -> Iterator[bytes]:
    size = max(1, -(-len(body) // SLOW_CHUNKS))
    chunks = [body[place : place + size] for place in range(0, len(body), size)]
    for chunk in chunks:
        time.sleep(seconds / len(chunks))
        yield chunk


def _huge() -> Iterator[bytes]:
    yield b'{"padding":"'
    for _ in range(HUGE // CHUNK):
        yield b"a" * CHUNK
    yield b'"}'
