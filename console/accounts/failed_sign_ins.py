"""Sign-ins that failed: each is counted, and one event a minute of each way says how many there
were.

Anybody can make them fail, as often as they like, so none may cost a row for ever.
"""

from django.db import connection

EVERY = 60  # seconds between two events of one way

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
    """Count one; how many an event has to tell of now, 0 while the last event is younger than a
    minute.

    In the transaction of the event.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [way, why, EVERY])
        (due,) = cursor.fetchone()
    return _take(way) if due else 0


def due() -> list[tuple[str, str, int]]:
    """Way, last cause and number of what was counted and is to be told now. In the transaction of
    the events.
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
