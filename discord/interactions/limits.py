"""Bounds on what one person, and all together, may ask of one process.

Every interaction comes from Discord's addresses, so the limit of an address would stop all members
at once. A process counts by itself: a person who asks too often wastes nobody's round trip.
"""

import threading
import time

WINDOW = 60.0  # seconds
MOST_PEOPLE = 20_000  # that a process remembers
COMMANDS = 30  # of one person in a window
TYPED = 120  # offers of names while one person types, in a window
ALL = 6000  # of all people in a window


class Bound:
    """Counts the requests of each person in windows of a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._window = 0
        self._counts: dict[int, int] = {}
        self._lock = threading.Lock()

    def take(self, person: int) -> bool:
        """Count one request. Return whether it is within the bound."""
        window = int(time.monotonic() // WINDOW)
        with self._lock:  # request threads share it
            if window != self._window or len(self._counts) >= MOST_PEOPLE:
                self._window, self._counts = window, {}
            count = self._counts[person] = self._counts.get(person, 0) + 1
        return count <= self._most

    def forget(self) -> None:
        with self._lock:
            self._counts = {}


commands, typed, everybody = Bound(COMMANDS), Bound(TYPED), Bound(ALL)


def why_not(person: int, *, typing: bool) -> str:
    """Count one interaction. Return why it is not answered, or ""."""
    if not (typed if typing else commands).take(person):
        return "You asked very often: wait a minute."
    if not everybody.take(0):
        return "GRPS is asked very often at the moment: try again in a minute."
    return ""
