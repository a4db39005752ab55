"""Advisory locks of PostgreSQL, by a number or by a name.

A number is one lock of the whole database. A name is reduced to a 64-bit hash, so two names may
share a lock. That costs time and nothing else.
"""

from django.db import connection

type Key = int | str


def lock(key: Key) -> None:
    """Wait for the lock, and hold it until the transaction ends."""
    _call("pg_advisory_xact_lock", key)


def lock_shared(key: Key) -> None:
    """Wait for a shared hold on the lock, and keep it until the transaction ends.

    Meanwhile nobody can hold the lock exclusively.
    """
    _call("pg_advisory_xact_lock_shared", key)


def try_lock(key: Key) -> bool:
    """Take the lock until the transaction ends. Return False at once if another holds it."""
    return _call("pg_try_advisory_xact_lock", key)


def _call(function: str, key: Key) -> bool:
    argument = "hashtextextended(%s, 0)" if isinstance(key, str) else "%s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({argument})", [key])
        return bool(cursor.fetchone()[0])
