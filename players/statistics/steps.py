"""Do long jobs in steps. Each step is one transaction that stores how far the job has come.

So a killed worker loses at most one step, and two workers do not repeat each other's steps.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction

from common import advisory_lock
from players.models import StatisticsState

LOCK = 4_710_060  # advisory lock: one step at a time


@contextmanager
def step(job: str) -> Iterator[StatisticsState]:
    """Run the block in a transaction, alone among all steps, and save the job's state after it."""
    with transaction.atomic():
        advisory_lock.lock(LOCK)
        state, _ = StatisticsState.objects.get_or_create(name=job)
        yield state
        state.save()


def repeat(one: Callable[[], int], seconds: float) -> int:
    """Call `one` until it returns 0 or the time is over; return the sum of its results."""
    ends, done = time.monotonic() + seconds, 0
    while count := one():
        done += count
        if time.monotonic() > ends:
            break
    return done
