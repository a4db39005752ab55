"""Asking a worker to look now. A hint only makes things quick: a sweep finds whatever a lost one
was about.
"""

import time
from typing import Any

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError

# seconds without hints after the broker could not be reached: nobody's request waits for it twice
QUIET = 5.0

log = structlog.get_logger("grps.hints")


class Hint:
    """Starts `task` (with `arguments`) soon, at most every `every` seconds from this process
    however often it is given.

    Whatever had committed when a hint was given is seen by a run: one that was asked for less than
    `every` seconds ago and has not begun waits out that time first.
    """

    def __init__(self, task: Any, every: float, **arguments: Any) -> None:
        self._task = task
        self._arguments = arguments
        self._every = every
        self._free_at = 0.0  # when the last run that was asked for begins
        self._sent_at = float("-inf")

    def after_commit(self) -> None:
        """Give the hint when the present transaction has committed; never if it is rolled back."""
        transaction.on_commit(self.give, robust=True)

    def give(self, *, after: float = 0.0) -> None:
        """Ask for a run now, or in so many seconds."""
        now = time.monotonic()
        if now < self._free_at:
            return  # a run is to come that begins after this moment
        wait = max(after, self._sent_at + self._every - now)
        try:
            # The message dies soon after: a stopped worker must not find thousands.
            self._task.apply_async(
                kwargs=self._arguments, retry=False, countdown=wait or None, expires=wait + 60
            )
        except OperationalError as error:
            log.warning(
                "the broker is away; the sweep will find the work",
                task=self._task.name,
                error=str(error),
            )
            self._free_at = time.monotonic() + QUIET
            return
        self._sent_at = self._free_at = now + wait
