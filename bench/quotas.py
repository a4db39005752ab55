"""Judge a week of a quota that binds few players, some, or most of them."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

EVERY = 100  # of so many players one is an officer
MONDAY = dt.date(2001, 1, 1)

COUNTS = """
    SELECT r.name, count(p.id) FROM ranks r LEFT JOIN players p ON p.rank_id = r.id
    GROUP BY r.name ORDER BY 2"""
PROMOTE = """
    UPDATE players SET rank_id = (SELECT id FROM ranks WHERE name = %s) WHERE id %% %s = 0"""
PLAY = """
    INSERT INTO active_days (player_id, day, origin, minutes)
    SELECT p.id, DATE '2001-01-01' + (p.id %% 7)::int, 'nexus', (p.id %% 120)::int
    FROM players p JOIN ranks r ON r.id = p.rank_id WHERE r.name = %s
    ON CONFLICT DO NOTHING"""
BARE = """
    INSERT INTO quota_results (player_id, period_id, state, minutes, attended, hosted, misses)
    SELECT p.id, %s, 'free', 0, 0, 0, 0 FROM players p JOIN ranks r ON r.id = p.rank_id
    WHERE r.name = %s ORDER BY p.id"""


def scan() -> float:
    """Read every player once, in one process; return the seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        started = time.perf_counter()
        cursor.execute("SELECT sum(points), max(rank_since), max(rank_id) FROM players")
        return time.perf_counter() - started


def held() -> list[tuple[str, float]]:
    """Return ranks with the percentage of the players who hold them, the rarest first."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        counts = cursor.fetchall()
    everybody = sum(count for _, count in counts)
    return [(name, 100 * count / everybody) for name, count in counts]


@contextmanager
def playing(rank: str, promoted: bool) -> Iterator[None]:
    """Let the holders of a rank have active minutes. Roll back at the end.

    `promoted`: one percent of the players is given the rank first.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            if promoted:
                cursor.execute(PROMOTE, [rank, EVERY])
            cursor.execute(PLAY, [rank])
            cursor.execute("ANALYZE players, active_days")
        yield
        transaction.set_rollback(True)


def insert(rank: str) -> float:
    """Insert results of the holders of a rank without judging them; return the seconds."""
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(BARE, [0, rank])
        seconds = time.perf_counter() - started
        cursor.execute("TRUNCATE quota_results")
    return seconds


def close(rank: str) -> float:
    """Judge a week of a quota, and forget it; return the seconds of the judgement."""
    from players.active_policy import active
    from players.models import QuotaPeriod
    from players.quotas.closing import judge_due

    (rule, *_) = active().bundle.documents["community"]["quotas"]
    period = QuotaPeriod.objects.create(
        quota=rule["name"],
        key="2001-W01",
        starts_on=MONDAY,
        ends_on=MONDAY + dt.timedelta(days=7),
        rule=rule | {"levels": [], "ranks": [rank], "minutes": 60, "hosted": 0},
        opened_at=dt.datetime(2001, 1, 1, tzinfo=dt.UTC),
    )
    started = time.perf_counter()
    while judge_due(dt.datetime(2001, 1, 9, tzinfo=dt.UTC)):
        pass
    seconds = time.perf_counter() - started
    period.refresh_from_db()
    if period.status != "closed" or not period.met or not period.free:
        raise RuntimeError(f"the quota was not judged as expected: {period.status}")
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE quota_results")
    period.delete()
    return seconds
