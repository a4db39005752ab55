"""Keep the connections of workers, which outlive tasks: a broken one is made again, in several tries."""

import time

import structlog
from django.db import DatabaseError, close_old_connections, connection

PAUSES = (2.0, 4.0, 8.0, 16.0)  # seconds between five tries; a failover takes less

log = structlog.get_logger("grps.database")


def connect_patiently() -> None:
    """Connect to the database before a task, and wait while it restarts.

    After the last try the task itself gets the error.
    """
    close_old_connections()
    if connection.in_atomic_block:
        return
    for pause in PAUSES:
        if _is_connected():
            return
        log.warning("the database is away; trying again", seconds=pause)
        time.sleep(pause)
    _is_connected()


def _is_connected() -> bool:
    try:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True
