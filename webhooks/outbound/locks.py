"""Advisory locks shared by delivery workers and taken exclusively by bulk edits of an endpoint.

A worker locks attempts, then deliveries, then endpoints. A bulk edit locks in the opposite order,
so without these locks the two would deadlock.
"""

from common import advisory_lock

EXCHANGES = 4_710_051  # key of the advisory lock


def shared_lock() -> None:
    """Take the lock of a worker, until the transaction ends."""
    advisory_lock.lock_shared(EXCHANGES)


def exclusive_lock() -> None:
    """Wait for all workers, and block them until the transaction ends."""
    advisory_lock.lock(EXCHANGES)
