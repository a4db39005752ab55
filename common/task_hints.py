"""Ask a worker to look for work now.

A hint only saves time: a sweep also finds the work of a lost hint.
"""

import time
from typing import Any

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError

# seconds without hints after the broker was unreachable, so that requests do not wait for it again
QUIET = 5.0

log = structlog.get_logger("grps.hints")


class Hint:
    """Starts `task` (with `arguments`) soon, at most once in `every` seconds from this process.

    A run always starts after the hint and so sees everything committed before it. A hint within
    `every` seconds of the last run starts the next run once that time is over. Further hints until
    then add no run.
    """

    def __init__(self, task: Any, every: float, **arguments: Any) -> None:
        self._task = task
        self._arguments = arguments
        self._every = every
        self._free_at = 0.0  # when the last run that was asked for begins
        self._sent_at = float("-inf")

    def after_commit(self) -> None:
        """Give the hint after the current transaction commits, never if it is rolled back."""
        transaction.on_commit(self.give, robust=True)

    def give(self, *, after: float = 0.0) -> None:
        """Request a run now, or after `after` seconds."""
        now = time.monotonic()
        if now < self._free_at:
            return  # a run that begins after this moment is already requested
        wait = max(after, self._sent_at + self._every - now)
        try:
            # The message expires soon: a worker that was stopped must not find thousands.
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
