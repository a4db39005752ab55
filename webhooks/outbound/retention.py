"""Delete finished deliveries after some weeks. The audit log keeps their events."""

import datetime as dt

from django.db import connection, transaction

from webhooks.endpoints.health import kept_for

BATCH = 5000

DELETE = """
    WITH old AS (
        SELECT id FROM webhook_deliveries
        WHERE status IN ('delivered', 'exhausted') AND finished_at < %s ORDER BY finished_at LIMIT %s
        FOR UPDATE SKIP LOCKED
    ), tries AS (
        DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM old)
    )
    DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM old)"""


def run(now: dt.datetime) -> int:
    """Delete old deliveries in batches. Return their number."""
    deleted = 0
    while gone := _batch(now - kept_for()):
        deleted += gone
    return deleted


def _batch(before: dt.datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DELETE, [before, BATCH])
        return int(cursor.rowcount)
