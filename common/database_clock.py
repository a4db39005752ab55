"""Read the clock that all processes share."""

import datetime as dt

from django.db import connection


def database_time() -> dt.datetime:
    """Return the database's current time, not the start of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found
