"""Rate limits: so many calls of a class in a sliding window, per universe, per key's owner, or per user."""

import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A class of calls. `per`: universe, owner or user."""

    calls: float | None
    window: float = 60.0
    per: str = "universe"


# The budgets that a universe has with nobody online, which it shares with its game servers.
DOCUMENTED = {
    **{f"dataStore{act}": Limit(300) for act in ("Read", "Write", "List", "Remove")},
    **{f"ordered{act}": Limit(300) for act in ("Read", "Write", "List", "Remove")},
    "dataStoreSnapshot": Limit(60),
    "groups": Limit(300, per="owner"),
    "group": Limit(150, per="owner"),
    "groupLog": Limit(100, per="owner"),
    "restrictionGet": Limit(50, 1.0),
    "restrictionList": Limit(50, 1.0),
    "restrictionLogs": Limit(50, 1.0),
    "restrictionUpdate": Limit(10, 1.0),
    "restrictionOfUser": Limit(2, per="user"),
    "messages": Limit(5000),
    "queues": Limit(1000),
    "users": Limit(1000, per="owner"),
    "keys": Limit(100, per="owner"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller is told: the figure, what is left of it, and the seconds until there is more."""

    limit: Limit
    left: int
    reset: float
    allowed: bool

    def headers(self) -> dict[str, str]:
        calls = f"{self.limit.calls:g}"
        told = {
            "x-ratelimit-limit": f"{calls}, {calls};w={self.limit.window:g}",
            "x-ratelimit-remaining": str(max(0, self.left)),
            "x-ratelimit-reset": str(max(1, round(self.reset))),
        }
        return told if self.allowed else told | {"retry-after": str(max(1, round(self.reset + 0.5)))}


class Limits:
    """The counters of this process; they begin anew with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self.figures = dict(DOCUMENTED)
            self._seen: dict[tuple[str, str], deque[float]] = {}

    def change(self, figures: dict[str, float | None]) -> None:
        """New figures by class; `all` for every class; None for no limit. Raises KeyError."""
        with self._lock:
            for name, calls in figures.items():
                for one in list(DOCUMENTED) if name == "all" else [name]:
                    known = DOCUMENTED[one]
                    self.figures[one] = Limit(calls, known.window, known.per)
            self._seen.clear()

    def spend(self, name: str, whose: str) -> Standing | None:
        """Count a call; None where there is no limit."""
        limit = self.figures[name]
        if limit.calls is None:
            return None
        now = time.monotonic()
        with self._lock:
            seen = self._seen.setdefault((name, whose), deque())
            while seen and seen[0] <= now - limit.window:
                seen.popleft()
            allowed = len(seen) < limit.calls
            if allowed:
                seen.append(now)
            reset = seen[0] + limit.window - now if seen else 0.0
            return Standing(limit, int(limit.calls) - len(seen), reset, allowed)
