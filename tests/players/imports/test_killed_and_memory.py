"""Imports whose process is killed, and the memory that many rows need."""

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone

from audits.models import AuditEvent
from common.environment import BASE_DIR
from players.imports import checks, lifecycle, name_resolution, runner
from players.imports.lifecycle import IMPORTS, ImportRequest
from players.imports.values import ParsedRow
from players.models import Import, LedgerEntry, Player
from players.points import consistency
from tests import first_start
from tests.conftest import database_url
from tests.players.imports.conftest import OWNER

PATIENCE = 90  # seconds
ROWS = 1_500  # three chunks


def rows(number: int) -> Iterator[ParsedRow]:
    for one in range(1, number + 1):
        yield ParsedRow(one, given=f"player {one}", user_id=one, points=500)


def collect(job: Import) -> None:
    gc.collect()


def checked(number: int) -> Import:
    """Return an import of so many new players that waits for its start.

    Garbage is collected after each chunk, so that only what is kept counts as its memory.
    """
    request = ImportRequest("nexus", OWNER, "we move in", timezone.now())
    job = lifecycle.begin_file(request, rows(number))
    assert runner.run(job.pk, on_chunk=collect)
    return lifecycle.find(job.pk)


@pytest.mark.django_db(transaction=True)
def test_an_import_that_is_killed_goes_on() -> None:
    first_start.bootstrap()
    job = checked(ROWS)
    IMPORTS.start(job.pk, by=OWNER, now=timezone.now())
    environment = {**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "manage.py", "import", "apply", str(job.pk)]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + PATIENCE
    while not job.lines.filter(status="applied").exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = job.lines.filter(status="pending").count()
    assert 0 < left < ROWS, "it was killed too early or too late"
    Import.objects.update(lease_until=Now(), retry_at=Now())  # as after the lease's time
    assert runner.run(job.pk)
    done = lifecycle.find(job.pk)
    assert (done.status, done.applied) == ("done", ROWS)
    assert LedgerEntry.objects.count() == ROWS
    assert Player.objects.aggregate(sum=Sum("points"))["sum"] == ROWS * 5
    told = [one.details for one in AuditEvent.objects.filter(action="import.applied")]
    assert sum(one["count"] for one in told if one.get("partOf") == f"import:{job.pk}") == ROWS
    assert consistency.verify() == []


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    first_start.bootstrap()
    monkeypatch.setattr(checks.rows_after, "__defaults__", (100,))  # rows of a chunk
    monkeypatch.setattr(name_resolution, "CHUNK", 100)
    checked(200)  # modules and statements are kept from now on
    peaks = []
    for number in (300, 1_200):
        tracemalloc.start()
        assert checked(number).changing == number
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    few, many = peaks
    assert many < few * 1.4, peaks
