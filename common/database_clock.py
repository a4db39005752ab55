"""The clock that all processes share."""

import datetime as dt

from django.db import connection


def database_time() -> dt.datetime:
    """The database's time now, not that of the transaction's begin."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found
