"""Read public data from a replica of the database (DATABASE_REPLICA_URL), while it is fresh.

Within `reading()`, the default connection of this thread is the replica's. A replica that is
further behind than MOST_BEHIND, or cannot be reached, is not used.
"""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections

from common import database_clock

ALIAS = "replica"
MOST_BEHIND = dt.timedelta(seconds=10)
CHECKED = 1.0  # seconds between two looks at the replica's age
AWAY = 10.0  # seconds until a replica that failed is tried again
AGE = "SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp()"
log = structlog.get_logger("grps.replica")


class _State(NamedTuple):
    """The last commit that the replica has, None if it is not used until `until`."""

    replayed: dt.datetime | None
    until: float


_state = _State(None, 0.0)
_as_of: ContextVar[dt.datetime | None] = ContextVar("as_of", default=None)


def as_of() -> dt.datetime:
    """Return the moment whose data is read: now, or the replica's last commit."""
    return _as_of.get() or database_clock.now()


@contextmanager
def reading() -> Iterator[bool]:
    """Read from the replica within the block. Yields False if the primary is read."""
    replayed = _replayed()
    if replayed is None:
        yield False
        return
    primary = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = connections[ALIAS]
    token = _as_of.set(replayed)
    try:
        yield True
    finally:
        _as_of.reset(token)
        connections[DEFAULT_DB_ALIAS] = primary


def give_up(reason: str) -> None:
    """Read from the primary for a while."""
    global _state
    log.warning("the replica is not used", reason=reason, seconds=AWAY)
    _state = _State(None, time.monotonic() + AWAY)


def _replayed() -> dt.datetime | None:
    """Return the replica's last commit, None if it must not be used."""
    global _state
    if ALIAS not in settings.DATABASES:
        return None
    if time.monotonic() >= _state.until:
        # Other threads keep to the last result meanwhile.
        _state = _State(_state.replayed, time.monotonic() + AWAY)
        try:
            found = _look()
        except Error as error:
            connections[ALIAS].close()
            give_up(str(error))
        else:
            _state = _State(found, time.monotonic() + CHECKED)
    replayed = _state.replayed
    fresh = replayed is not None and database_clock.now() - replayed <= MOST_BEHIND
    return replayed if fresh else None


def _look() -> dt.datetime | None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(AGE)
        is_replica, replayed = cursor.fetchone()
    return replayed if is_replica else None
