"""Whoever judges a period is killed in the middle, or two do it at once. Nothing comes twice."""

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from django.core.management import call_command

from audits.models import AuditEvent
from common.environment import BASE_DIR
from players.models import QuotaPeriod, QuotaResult, Sanction
from players.quotas import closing
from tests.conftest import database_url
from tests.players.quotas.test_closing import MONDAY, WEEK, make, play, put_in_force
from tests.players.statistics.test_killed import wait_for_rollback
from tests.race.together import at_once

SECONDS = 60
PLAYERS = 8
MISSED = PLAYERS - 1
# Pages of three. After `most` steps the worker waits within the next one, which has written and is
# not committed.
WORKER = """
import sys, time, datetime
import django
django.setup()
from players.quotas import closing
closing.PLAYERS = closing.MISSES = 3
most, count = int(sys.argv[1]), 0

def paused(inner):
    def step(*arguments):
        global count
        done, count = inner(*arguments), count + 1
        if count > most:
            print("waits", flush=True)
            time.sleep(600)
        return done
    return step

closing._judge, closing._follow = paused(closing._judge), paused(closing._follow)
closing.run(datetime.datetime.fromisoformat(sys.argv[2]))
"""


@pytest.fixture
def captains(transactional_db: None) -> None:
    call_command("bootstrap", quiet=True)
    put_in_force(misses=[{"after": 1, "outcome": "warn"}])
    players = [make(user_id) for user_id in range(1, PLAYERS + 1)]
    closing.run(MONDAY)
    play(players[0], MONDAY, 70)


def killed_after(steps: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(steps), (MONDAY + WEEK).isoformat()],
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


def check() -> None:
    """Check that everybody was judged once, and each miss had its warning and event once."""
    period = QuotaPeriod.objects.get(starts_on=MONDAY.date())
    assert (period.status, period.met, period.missed) == ("closed", 1, MISSED)
    outcomes = Counter(QuotaResult.objects.values_list("state", "outcome"))
    assert outcomes == {("met", ""): 1, ("missed", "warn"): MISSED}
    warned = Counter(Sanction.objects.values_list("player__user_id", flat=True))
    assert warned == dict.fromkeys(range(2, PLAYERS + 1), 1)
    assert AuditEvent.objects.filter(action="quota.missed").count() == MISSED
    assert AuditEvent.objects.filter(action="quota.closed").count() == 1


def test_a_killed_judgement_goes_on_where_it_was(captains: None) -> None:
    killed_after(1)
    assert QuotaResult.objects.count() == 3
    killed_after(3)  # two pages of judgement, one of misses, and killed within the next
    assert QuotaResult.objects.count() == PLAYERS
    assert Sanction.objects.count() == 3
    closing.run(MONDAY + WEEK)
    check()


def test_two_judges_at_once_judge_once(captains: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "PLAYERS", 3)
    monkeypatch.setattr(closing, "MISSES", 3)
    at_once(*[lambda: closing.run(MONDAY + WEEK)] * 2)
    check()
