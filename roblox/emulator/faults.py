"""Faults on demand: what a network and a tired service do to a caller."""

import random
import threading
from dataclasses import dataclass
from typing import Any

KINDS = {"429", "500", "502", "503", "timeoutAfter", "drop", "truncate", "slow", "duplicatePage", "hugeBody"}


@dataclass(slots=True)
class Fault:
    """One kind of trouble for some operations (`*`: all), at a rate, for so many calls (None: for ever)."""

    kind: str
    operations: list[str]
    rate: float
    count: int | None
    seconds: float
    retry_after: float | None


class Faults:
    """The faults that are switched on; the dice are seeded, so that a storm can be had again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set([], 0)

    def set(self, documents: list[dict[str, Any]], seed: int) -> None:
        """Replace all faults. Raises ValueError for what is malformed."""
        faults = [
            Fault(
                kind=str(one["kind"]),
                operations=list(one.get("operations") or ["*"]),
                rate=float(one.get("rate", 1.0)),
                count=one.get("count"),
                seconds=float(one.get("seconds", 1.0)),
                retry_after=one.get("retryAfter"),
            )
            for one in documents
        ]
        unknown = {fault.kind for fault in faults} - KINDS
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(sorted(KINDS))}")
        with self._lock:
            self._faults = faults
            self._dice = random.Random(seed)

    def strike(self, operation: str) -> Fault | None:
        """The fault that this call meets, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.count == 0 or not {"*", operation} & set(fault.operations):
                    continue
                if self._dice.random() < fault.rate:
                    if fault.count is not None:
                        fault.count -= 1
                    return fault
        return None
