"""Where sign-ins came from is forgotten by its age: it says who somebody is, and nobody needs it
for long.

Of a refused sign-in the name that was given goes with it. The commitments stay, so the chain proves
that it was there.
"""

import datetime as dt

from django.db import connection

from audits.actions import Action
from audits.record import forget

REFUSED = dt.timedelta(days=30)  # long enough to see who tries passwords
ALLOWED = dt.timedelta(days=90)  # long enough to find out that an account is used by somebody else
BATCH = 1_000  # events

# By the partial index of the addresses that are still there; there are never more than 90 days of
# them.
DUE = """
    SELECT p.event_id, a.action = %s FROM audit_personal p JOIN audits a ON a.id = p.event_id
    WHERE p.field = 'address' AND a.at < CASE WHEN a.action = %s THEN %s::timestamptz ELSE %s::timestamptz END
    ORDER BY p.event_id LIMIT %s"""
ROWS = """
    SELECT id FROM audit_personal
    WHERE event_id = ANY(%s::bigint[]) OR (event_id = ANY(%s::bigint[]) AND field = 'address') ORDER BY id"""


def forget_due(now: dt.datetime) -> int:
    """Forget what is old enough; how many personal values that were."""
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
