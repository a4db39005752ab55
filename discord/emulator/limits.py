"""Discord's rate limits: windows of buckets, the bot's global limit, and invalid calls."""

import hashlib
import threading
from dataclasses import dataclass

from discord.emulator.errors import ApiError
from roblox.emulator.clock import MICROS, Clock

# Calls and seconds of each bucket. Discord publishes none: these are in the order of what bots see.
BUCKETS: dict[str, tuple[int, int]] = {
    "application": (60, 60),
    "guild": (10, 10),
    "member": (25, 5),
    "members": (10, 10),
    "roles": (10, 10),
    "messages": (5, 5),
    "edits": (5, 5),
    "commands": (5, 20),
    "interaction": (5, 2),
}
GLOBAL = 50  # calls a second
INVALID, INVALID_SECONDS = 10_000, 600


@dataclass
class _Window:
    started: float
    used: int = 0


class Limiter:
    """Used calls by bucket and guild, channel or webhook."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._buckets: dict[str, int | None] = {name: one[0] for name, one in BUCKETS.items()}
            self._buckets |= {"global": GLOBAL, "invalid": INVALID}
            self._windows: dict[tuple[str, str], _Window] = {}

    def figures(self) -> dict[str, int | None]:
        return dict(self._buckets)

    def change(self, figures: dict[str, int | None]) -> None:
        """Set the calls of a window by bucket, None for any number; `all` means every bucket."""
        with self._lock:
            for name, most in figures.items():
                self._buckets |= dict.fromkeys(self._buckets if name == "all" else [name], most)
            self._windows.clear()

    def take(self, bucket: str, major: str, *, counts_globally: bool) -> dict[str, str]:
        """Use a call and return the headers to send. Raises ApiError (429)."""
        now = self._clock.now() / MICROS
        with self._lock:
            self._check_invalid(now)
            if counts_globally:
                self._take_global(now)
            most, seconds = self._buckets[bucket], BUCKETS[bucket][1]
            if most is None:
                return {}
            window = self._window((bucket, major), seconds, now)
            left = window.started + seconds - now
            if window.used >= most:
                raise _limited(left, _headers(bucket, most, 0, left), scope="user")
            window.used += 1
            return _headers(bucket, most, most - window.used, left)

    def count_invalid(self) -> None:
        with self._lock:
            window = self._window(("invalid", ""), INVALID_SECONDS, self._clock.now() / MICROS)
            window.used += 1

    def invalid(self) -> int:
        """Return the invalid calls of the present ten minutes."""
        with self._lock:
            now = self._clock.now() / MICROS
            return self._window(("invalid", ""), INVALID_SECONDS, now).used

    def _check_invalid(self, now: float) -> None:
        most = self._buckets["invalid"]
        window = self._window(("invalid", ""), INVALID_SECONDS, now)
        if most is not None and window.used >= most:
            left = window.started + INVALID_SECONDS - now
            raise ApiError(429, 0, "blocked", {"retry-after": str(int(left) + 1)})

    def _take_global(self, now: float) -> None:
        most = self._buckets["global"]
        window = self._window(("global", ""), 1, now)
        if most is not None and window.used >= most:
            left = window.started + 1 - now
            raise _limited(left, {"x-ratelimit-global": "true"}, scope="global")
        window.used += 1

    def _window(self, key: tuple[str, str], seconds: int, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or now - window.started >= seconds:
            window = self._windows[key] = _Window(now)
        return window


def _headers(bucket: str, most: int, remaining: int, left: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(most),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset-after": f"{left:.3f}",
        "x-ratelimit-bucket": hashlib.blake2b(bucket.encode(), digest_size=8).hexdigest(),
    }


def _limited(left: float, headers: dict[str, str], scope: str) -> ApiError:
    more = {"retry_after": round(left, 3), "global": scope == "global"}
    headers = headers | {"retry-after": str(int(left) + 1), "x-ratelimit-scope": scope}
    return ApiError(429, 0, "You are being rate limited.", headers, more)
