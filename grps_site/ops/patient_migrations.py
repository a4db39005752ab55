"""Apply migrations without delaying others: a migration that gets no lock soon is tried again.

A statement that waits for a lock lets every later statement on the table wait behind it, also
reads. So a migration waits at most LOCK_TIMEOUT, is rolled back, and is tried again after a pause.
"""

import time
from collections.abc import Callable

import structlog
from django.db import OperationalError, connection
from psycopg import errors

LOCK_TIMEOUT = "2s"
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before the five tries that follow the first
BUSY = (errors.LockNotAvailable, errors.DeadlockDetected)
log = structlog.get_logger("grps.migrate")


def apply(migrate: Callable[[], object]) -> None:
    """Call `migrate` until it gets its locks. What it applied before stays applied.

    Raises OperationalError when the last try got no lock either.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = 0")
    try:
        for pause in PAUSES:
            try:
                migrate()
            except OperationalError as error:
                if not isinstance(error.__cause__, BUSY):
                    raise
                log.warning("a table is in use; trying again", seconds=pause, error=str(error))
                time.sleep(pause)
            else:
                return
        migrate()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout; RESET statement_timeout")
