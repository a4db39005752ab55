"""Advisory locks shared by delivery workers and taken exclusively by bulk edits of an endpoint.

A worker locks attempts, then deliveries, then endpoints. A bulk edit locks in the other order, so
that the two would deadlock.
"""

from common import advisory_lock

EXCHANGES = 4_710_051  # key of the advisory lock


def shared_lock() -> None:
    """Taken by workers, until the transaction ends."""
    advisory_lock.lock_shared(EXCHANGES)


def exclusive_lock() -> None:
    """Wait for all workers, and keep them out until the transaction ends."""
    advisory_lock.lock(EXCHANGES)
