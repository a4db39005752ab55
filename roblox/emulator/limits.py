"""Roblox's rate limits: fixed windows, counted in memory."""

import math
import threading
from dataclasses import dataclass, replace

from roblox.emulator.clock import MICROS, Clock
from roblox.emulator.errors import ApiError

MOST_WINDOWS = 50_000  # above this number, windows that are over are deleted


@dataclass(frozen=True)
class Limit:
    """A limit of `maximum` units (None: any number) in `window` seconds.

    Counted for each universe, key owner or banned user (`by`).
    """

    name: str
    maximum: int | None
    window: int
    by: str


# Data stores: the shared budget of a universe without players. v1 has separate budgets.
LIMITS = (
    Limit("dataStoreRead", 300, 60, "universe"),
    Limit("dataStoreWrite", 300, 60, "universe"),
    Limit("dataStoreList", 300, 60, "universe"),
    Limit("dataStoreRemove", 300, 60, "universe"),
    Limit("dataStoreSnapshot", 60, 60, "owner"),
    Limit("dataStoreV1Read", 300, 60, "universe"),
    Limit("dataStoreV1Write", 300, 60, "universe"),
    Limit("orderedRead", 300, 60, "universe"),
    Limit("orderedWrite", 300, 60, "universe"),
    Limit("orderedList", 300, 60, "universe"),
    Limit("orderedRemove", 300, 60, "universe"),
    Limit("orderedV1Read", 300, 60, "universe"),
    Limit("orderedV1Write", 300, 60, "universe"),
    Limit("groupGet", 150, 60, "owner"),
    Limit("groupMemberships", 300, 60, "owner"),
    Limit("groupRoles", 300, 60, "owner"),
    Limit("groupAssign", 300, 60, "owner"),
    Limit("groupUnassign", 300, 60, "owner"),
    Limit("groupJoinRequests", 300, 60, "owner"),
    Limit("groupAccept", 100, 60, "owner"),
    Limit("groupDecline", 100, 60, "owner"),
    Limit("groupUpdate", 300, 60, "owner"),
    Limit("groupAuditLog", 100, 60, "owner"),
    Limit("restrictionGet", 50, 1, "universe"),
    Limit("restrictionList", 50, 1, "universe"),
    Limit("restrictionLogs", 50, 1, "universe"),
    Limit("restrictionUpdate", 10, 1, "universe"),
    Limit("restrictionUpdateUser", 2, 60, "user"),
    Limit("messaging", 5000, 60, "universe"),
    Limit("queueUnits", 1000, 60, "universe"),
    Limit("users", 1000, 60, "owner"),
)


@dataclass
class _Window:
    started: float
    used: int


class Limiter:
    """Used units of each universe, key owner and banned user."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._limits = {limit.name: limit for limit in LIMITS}
            self._windows: dict[tuple[str, str], _Window] = {}

    def figures(self) -> dict[str, int | None]:
        """Return the maximum of each class."""
        return {limit.name: limit.maximum for limit in self._limits.values()}

    def change(self, figures: dict[str, int | None]) -> None:
        """Set maxima by class; `all` means every class. Raises KeyError for an unknown class."""
        with self._lock:
            for name, maximum in figures.items():
                for changed in list(self._limits) if name == "all" else [name]:
                    self._limits[changed] = replace(self._limits[changed], maximum=maximum)
            self._windows.clear()

    def by(self, name: str) -> str:
        """Return what a class is counted for."""
        return self._limits[name].by

    def take(self, wanted: list[tuple[str, str]]) -> dict[str, str]:
        """Use one unit of each (class, subject) and return the headers to send.

        Raises ApiError (429), without using any, if one of them is used up.
        """
        now = self._now()
        with self._lock:
            pairs = [(self._limits[name], subject) for name, subject in wanted]
            limited = [
                (limit, self._window(limit, subject, now))
                for limit, subject in pairs
                if limit.maximum is not None
            ]
            if not limited:
                return {}
            full = [
                (limit, window) for limit, window in limited if window.used >= (limit.maximum or 0)
            ]
            if full:
                raise _exhausted(full, limited, now)
            for _, window in limited:
                window.used += 1
            return _headers(limited, now)

    def take_more(self, name: str, subject: str, units: int) -> None:
        """Use units of a call that is already done."""
        with self._lock:
            self._window(self._limits[name], subject, self._now()).used += units

    def _now(self) -> float:
        return self._clock.now() / MICROS

    def _window(self, limit: Limit, subject: str, now: float) -> _Window:
        window = self._windows.get((limit.name, subject))
        if window is None or now - window.started >= limit.window:
            if len(self._windows) > MOST_WINDOWS:
                self._drop_old(now)
            window = self._windows[limit.name, subject] = _Window(now, 0)
        return window

    def _drop_old(self, now: float) -> None:
        over = [
            key
            for key, window in self._windows.items()
            if now - window.started >= self._limits[key[0]].window
        ]
        for key in over:
            del self._windows[key]


def _headers(limited: list[tuple[Limit, _Window]], now: float) -> dict[str, str]:
    limit, window = min(limited, key=lambda pair: (pair[0].maximum or 0) - pair[1].used)
    figures = ", ".join(f"{one.maximum};w={one.window}" for one, _ in limited)
    return {
        "x-ratelimit-limit": f"{limit.maximum}, {figures}",
        "x-ratelimit-remaining": str(max((limit.maximum or 0) - window.used, 0)),
        "x-ratelimit-reset": str(_seconds_left(limit, window, now)),
    }


def _exhausted(
    full: list[tuple[Limit, _Window]], limited: list[tuple[Limit, _Window]], now: float
) -> ApiError:
    wait = max(_seconds_left(limit, window, now) for limit, window in full)
    headers = _headers(limited, now) | {"retry-after": str(wait)}
    message = f"Too many requests: {full[0][0].name} is used up."
    return ApiError("RESOURCE_EXHAUSTED", message, headers=headers)


def _seconds_left(limit: Limit, window: _Window, now: float) -> int:
    return max(1, math.ceil(window.started + limit.window - now))
