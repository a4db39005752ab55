"""The emulator's time, and times as Open Cloud writes them.

Times are whole microseconds since 1970.
"""

import datetime as dt
import re
import time

from roblox.emulator.errors import invalid

MICROS = 1_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Clock:
    """This machine's time plus what a test advanced it by. The emulator uses no other clock."""

    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> int:
        return time.time_ns() // 1000 + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += round(seconds * MICROS)

    def reset(self) -> None:
        self._ahead = 0


def stamp(at: int) -> str:
    """Format a time as RFC 3339 in UTC with six digits."""
    moment = dt.datetime.fromtimestamp(at // MICROS, dt.UTC).replace(microsecond=at % MICROS)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> int:
    """Parse RFC 3339. Raises ApiError (400)."""
    try:
        parsed = dt.datetime.fromisoformat(text)
        if parsed.tzinfo is not None:
            return (parsed - EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    raise invalid(f"{text!r} is not a time of RFC 3339 with a time zone.")


def duration(text: str, longest: int) -> int:
    """Parse `"60s"` as whole seconds, 1 to `longest`. Raises ApiError (400)."""
    if not re.fullmatch(r"[0-9]{1,15}s", text) or not 1 <= int(text[:-1]) <= longest:
        raise invalid(f"{text!r} is not a duration of 1s to {longest}s in whole seconds.")
    return int(text[:-1])
