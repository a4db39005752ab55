"""A worker is killed while it carries out a bulk job."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.utils import timezone

from audits.models import AuditEvent
from common.environment import BASE_DIR
from players.models import BulkJob, BulkRow, Player
from players.moderation import approvals
from tests import first_start
from tests.conftest import database_url
from tests.players.bulk.helpers import OLGA, SVEN, go_as_far_as_the_request, make, preview

SECONDS = 120  # the longest time of a process; nothing here takes that long
WORKER = """
import itertools, sys, time
import django
django.setup()
from players.bulk import row_executor
print("going", flush=True)
step, steps, most = row_executor.step, itertools.count(1), int(sys.argv[1])
row_executor.step = lambda job_id: step(job_id) if next(steps) <= most else time.sleep(600)
row_executor.run_due()
"""


def worker(most: int) -> "subprocess.Popen[str]":
    """Start a worker that pauses after `most` rows, so that it can be killed at any time."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(most)],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.django_db(transaction=True)
def test_repeated_kills_lose_no_row() -> None:
    first_start.bootstrap()
    count = 200
    make(range(1, count + 1))
    job = preview("adjust", range(1, count + 1), amount=1_00)
    asked = go_as_far_as_the_request(job, OLGA)
    approvals.approve(asked.pk, by=SVEN, reason="agreed", now=timezone.now())
    seen = 0
    for _ in range(3):
        process = worker(50)
        deadline = time.monotonic() + SECONDS
        while (
            BulkJob.objects.get().done < seen + 15
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for_the_dead()
        settled = BulkRow.objects.filter(job=job, status="done").count()
        assert settled == BulkJob.objects.get().done == Player.objects.filter(adjusted=1).count()
        seen = settled
    assert 45 <= seen < count
    output, _ = worker(2 * count).communicate(timeout=SECONDS)
    job.refresh_from_db()
    assert (job.status, job.done, job.failed) == ("done", count, 0), output
    assert Player.objects.filter(adjusted=1, adjusted_sequence=1).count() == count
    assert AuditEvent.objects.filter(action="points.adjusted").count() == count
    assert AuditEvent.objects.filter(action="bulk.finished").count() == 1


def wait_for_the_dead() -> None:
    """Wait until the server has noticed the killed process and rolled its transaction back."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state IN ('active', 'idle in transaction')"
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.05)
