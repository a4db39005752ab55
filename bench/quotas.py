"""Judge a week of the policy's quotas in a community of which one percent are officers."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

EVERY = 100  # of so many players one is an officer
MONDAY = dt.date(2001, 1, 1)

PROMOTE = """
    UPDATE players SET rank_id = (SELECT id FROM ranks WHERE name = %s) WHERE id %% %s = 0"""
PLAY = """
    INSERT INTO active_days (player_id, day, origin, minutes)
    SELECT id, DATE '2001-01-01' + (id / %(every)s %% 7)::int, 'nexus', (id / %(every)s %% 120)::int
    FROM players WHERE id %% %(every)s = 0
    ON CONFLICT DO NOTHING"""


def scan() -> float:
    """Read every player once, in one process; return the seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        started = time.perf_counter()
        cursor.execute("SELECT sum(points), max(rank_since), max(rank_id) FROM players")
        return time.perf_counter() - started


@contextmanager
def officers() -> Iterator[None]:
    """Let one percent of the players be officers with active minutes. Roll back at the end."""
    from players.active_policy import active
    from players.policy.community import quota_of
    from players.policy.quotas import bound_ranks

    bundle = active().bundle
    rank = bound_ranks(quota_of(bundle.documents["community"]["quotas"][0]), bundle)[0]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(PROMOTE, [rank, EVERY])
            cursor.execute(PLAY, {"every": EVERY})
            cursor.execute("ANALYZE players, active_days")
        yield
        transaction.set_rollback(True)


def close() -> float:
    """Judge a week of the policy's quotas, and forget it; return the seconds of the judgement."""
    from players.active_policy import active
    from players.models import QuotaPeriod, QuotaResult
    from players.quotas.closing import judge_due

    for rule in active().bundle.documents["community"]["quotas"]:
        QuotaPeriod.objects.create(
            quota=rule["name"],
            key="2001-W01",
            starts_on=MONDAY,
            ends_on=MONDAY + dt.timedelta(days=7),
            rule=rule,
            opened_at=dt.datetime(2001, 1, 1, tzinfo=dt.UTC),
        )
    started = time.perf_counter()
    judge_due(dt.datetime(2001, 1, 9, tzinfo=dt.UTC))
    seconds = time.perf_counter() - started
    if not QuotaResult.objects.exists():
        raise RuntimeError("the policy's quotas bind nobody of the filled database")
    QuotaResult.objects.all().delete()
    QuotaPeriod.objects.all().delete()
    return seconds
