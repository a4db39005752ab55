"""Counters of failed sign-ins. One event a minute for each way reports their number.

Anybody can cause failures, so they must not create a row each.
"""

from django.db import connection

EVERY = 60  # seconds between two events of one way of signing in

COUNT = """
    INSERT INTO refused_sign_ins (way, waiting, why) VALUES (%s, 1, %s)
    ON CONFLICT (way) DO UPDATE SET waiting = refused_sign_ins.waiting + 1, why = excluded.why
    RETURNING told_at IS NULL OR told_at <= now() - make_interval(secs => %s)"""
DUE = """
    SELECT way, why FROM refused_sign_ins WHERE waiting > 0 AND told_at <= now() - make_interval(secs => %s)
    ORDER BY way FOR UPDATE SKIP LOCKED"""
TAKE = """
    UPDATE refused_sign_ins r SET waiting = 0, told_at = now()
    FROM (SELECT way, waiting FROM refused_sign_ins WHERE way = %s FOR UPDATE) before
    WHERE r.way = before.way RETURNING before.waiting"""


def count(way: str, why: str) -> int:
    """Count one failure. Return the number to report now, 0 within a minute after the last event.

    Call it in the transaction of the event.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [way, why, EVERY])
        (due,) = cursor.fetchone()
    return _take(way) if due else 0


def due() -> list[tuple[str, str, int]]:
    """Return way, last cause and number of the failures to report now.

    Call it in the transaction of the events.
    """
    with connection.cursor() as cursor:
        cursor.execute(DUE, [EVERY])
        found = cursor.fetchall()
    return [(way, why, _take(way)) for way, why in found]


def _take(way: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [way])
        (waiting,) = cursor.fetchone()
    return int(waiting)
