"""Workers are killed in the middle of a roll-up and a closing, or two of them run at once."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from common.environment import BASE_DIR
from players import tasks
from players.models import Period, PeriodTotal, Player, PlayerRecord
from players.statistics import closing, roll_up
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, database_url
from tests.players.conftest import Game
from tests.players.statistics.conftest import DAY, run
from tests.race.together import at_once

SECONDS = 60
PLAYERS = 60
# A step of few players each. After `most` steps the worker waits within the next one, which has
# written and is not committed.
WORKER = """
import sys, time, datetime
import django
django.setup()
from django.utils import timezone
from players.statistics import closing, full_pass, positions, roll_up, steps
job, most = sys.argv[1], int(sys.argv[2])
roll_up.CHANGED = roll_up.CHANGED.replace("LIMIT 1000", "LIMIT 7")
full_pass.PLAYERS = positions.PAGE = 7
step, count = steps.step, 0

class Paused:
    def __init__(self, name):
        self.inner = step(name)
    def __enter__(self):
        return self.inner.__enter__()
    def __exit__(self, *error):
        global count
        count += 1
        if count > most:
            print("waits", flush=True)
            time.sleep(600)
        return self.inner.__exit__(*error)

roll_up.step = full_pass.step = closing.step = Paused
now = timezone.now()
roll_up.run(now) if job == "roll_up" else closing.run(now + datetime.timedelta(days=8))
"""


@pytest.fixture
def community(transactional_db: None) -> Game:
    call_command("bootstrap", quiet=True)
    game = Game(keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])
    game.send(*(game.event(user_id, awarded=user_id % 16) for user_id in range(1, PLAYERS + 1)))
    return game


def killed_within(job: str, step: int) -> None:
    """Start a worker, and kill it within the step after `step`, before that commits."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, job, str(step)],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGKILL)
    process.wait(SECONDS)
    wait_for_rollback()


def wait_for_rollback() -> None:
    """Wait until the database ended the transaction of a killed worker."""
    for _ in range(SECONDS * 10):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
            if not cursor.fetchone()[0]:
                return
        time.sleep(0.1)
    raise TimeoutError("the killed worker's transaction is still open")


def truth() -> list[tuple[Any, ...]]:
    """Return each player's points by the ledger's days."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT player_id, sum(awarded) FROM daily_points GROUP BY 1 ORDER BY 1")
        return [row for row in cursor.fetchall() if row[1]]


def totals(kind: str) -> list[tuple[Any, ...]]:
    rows = PeriodTotal.objects.filter(period__kind=kind).order_by("player")
    return list(rows.values_list("player", "awarded"))


def test_a_killed_roll_up_goes_on_where_it_was(community: Game) -> None:
    killed_within("roll_up", 3)
    assert PlayerRecord.objects.count() == 21
    killed_within("roll_up", 2)
    assert PlayerRecord.objects.count() == 35
    assert run(tasks.roll_up_statistics, timezone.now()) == PLAYERS - 35
    assert totals("week") == totals("season") == truth()


def test_a_killed_closing_ends_with_the_right_positions(community: Game) -> None:
    run(tasks.roll_up_statistics, timezone.now())
    killed_within("closing", 4)  # within the pass
    assert not Period.objects.exclude(frozen_at=None).exists()
    killed_within("closing", 10)  # past the freezing, which is the sixth step
    assert Period.objects.exclude(frozen_at=None).filter(closed_at=None).exists()
    run(tasks.close_periods, timezone.now() + 8 * DAY)
    week = Period.objects.get(kind="week", closed_at__isnull=False)
    rows = list(PeriodTotal.objects.filter(period=week).order_by("-awarded"))
    for row in rows:
        assert row.position == 1 + sum(other.awarded > row.awarded for other in rows)
    assert week.players == len(rows) == len(truth())


def test_two_workers_at_once_do_the_work_once(community: Game) -> None:
    now = timezone.now()
    outcomes = at_once(lambda: roll_up.run(now), lambda: roll_up.run(now))
    assert sum(outcome.value for outcome in outcomes) == PLAYERS
    later = now + 8 * DAY
    at_once(lambda: closing.run(later), lambda: closing.run(later), lambda: roll_up.run(later))
    assert totals("week") == totals("season") == truth()
    assert Player.objects.count() == PlayerRecord.objects.count() == PLAYERS
    week = Period.objects.get(kind="week", starts_on__lte=now.date(), ends_on__gt=now.date())
    assert week.closed_at is not None
    assert not PeriodTotal.objects.filter(period=week, awarded__gt=0, position=None).exists()
