"""Delete the addresses of sign-ins from the log once they are old.

An address identifies a person, and nobody needs it for long. With the address of a refused sign-in
goes the name that was entered. The commitments stay, so the chain still proves that the values
existed.
"""

import datetime as dt

from django.db import connection

from audits.actions import Action
from audits.record import forget

REFUSED = dt.timedelta(days=30)  # long enough to notice attempts to guess passwords
ALLOWED = dt.timedelta(days=90)  # long enough to notice that somebody else uses an account
BATCH = 1_000  # events

# Uses the partial index of addresses, which never holds more than 90 days of them.
DUE = """
    SELECT p.event_id, a.action = %s FROM audit_personal p JOIN audits a ON a.id = p.event_id
    WHERE p.field = 'address' AND a.at < CASE WHEN a.action = %s THEN %s::timestamptz ELSE %s::timestamptz END
    ORDER BY p.event_id LIMIT %s"""
ROWS = """
    SELECT id FROM audit_personal
    WHERE event_id = ANY(%s::bigint[]) OR (event_id = ANY(%s::bigint[]) AND field = 'address') ORDER BY id"""


def forget_due(now: dt.datetime) -> int:
    """Delete the personal values that are old enough, and return their number."""
    refused, total = str(Action.STAFF_SIGN_IN_FAILED), 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(DUE, [refused, refused, now - REFUSED, now - ALLOWED, BATCH])
            events = cursor.fetchall()
            whole = [event for event, failed in events if failed]
            cursor.execute(ROWS, [whole, [event for event, failed in events if not failed]])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return total
        total += forget(ids, why="age")
