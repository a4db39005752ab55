"""PostgreSQL's advisory locks, by a number or by a name.

A number is one lock of the whole database. A name stands for its 64-bit hash: two names may share a
lock, which costs time and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

type Key = int | str


def lock(key: Key) -> None:
    """Wait for the lock, and hold it until the transaction ends."""
    _call("pg_advisory_xact_lock", key)


def lock_shared(key: Key) -> None:
    """Wait until nobody holds the lock alone, and keep such holders out until the transaction ends."""
    _call("pg_advisory_xact_lock_shared", key)


def try_lock(key: Key) -> bool:
    """Take the lock until the transaction ends; False at once where another holds it."""
    return _call("pg_try_advisory_xact_lock", key)


@contextmanager
def try_session_lock(key: Key) -> Iterator[bool]:
    """Whether the lock was free. If so, the database session holds it, also between transactions,
    until the block ends.
    """
    held = _call("pg_try_advisory_lock", key)
    try:
        yield held
    finally:
        if held:
            _call("pg_advisory_unlock", key)


def _call(function: str, key: Key) -> bool:
    argument = "hashtextextended(%s, 0)" if isinstance(key, str) else "%s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({argument})", [key])
        return bool(cursor.fetchone()[0])
