"""Faults on demand: what a network and a busy service do to callers."""

import random
import threading
from collections.abc import Iterator
from typing import Literal

import msgspec

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
HUGE = 64 * 1024 * 1024  # bytes
PIECE = 1024 * 1024  # bytes


class Fault(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Strikes at a share `rate` of the named operations, `count` times at most (None: without end)."""

    kind: Kind
    operations: list[str] = msgspec.field(default_factory=lambda: ["*"])
    rate: float = 1.0
    count: int | None = None
    seconds: float = 1.0
    retry_after: float | None = None


class Faults:
    """The set in force. With the same seed and the same calls in the same order it strikes the
    same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.replace([], 0)

    def replace(self, faults: list[Fault], seed: int) -> None:
        with self._lock:
            self._faults = faults
            self._random = random.Random(seed)

    def strike(self, operation: str) -> Fault | None:
        """The fault that this call meets, if any."""
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


def huge() -> Iterator[bytes]:
    """JSON that is far larger than any answer has a reason to be."""
    yield b'{"padding":"'
    for _ in range(HUGE // PIECE):
        yield b"a" * PIECE
    yield b'"}'
