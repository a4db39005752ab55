"""Counts of the calls of each endpoint."""

import threading
from collections import Counter
from typing import Any


class Tally:
    """Counts by endpoint and outcome: a status, or the fault that cut the connection."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, operation: str, outcome: str) -> None:
        with self._lock:
            self._counts[operation, outcome] += 1

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()

    def counted(self) -> dict[str, Any]:
        with self._lock:
            counts = dict(self._counts)
        calls: dict[str, dict[str, int]] = {}
        for (operation, outcome), number in sorted(counts.items()):
            calls.setdefault(operation, {})[outcome] = number
        return {"calls": calls, "total": sum(counts.values())}
