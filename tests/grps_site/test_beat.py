"""Beat by the database's clock, and two beats on one schedule."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from common import database_clock
from common.environment import BASE_DIR
from grps_site import beat, celery_app
from grps_site.models import BeatLease, Heartbeat
from grps_site.task_requests import Request
from grps_site.tasks import heartbeat
from tests.conftest import database_url
from tests.shared_clock import clock_at

HOUR = dt.timedelta(hours=1)
PATIENCE = 60  # seconds


@pytest.fixture
def periodic(db: None) -> PeriodicTask:
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    task: PeriodicTask = PeriodicTask.objects.create(
        name="heartbeat", task="grps_site.heartbeat", interval=every, expire_seconds=30
    )
    return task


@contextmanager
def running_beat(log: Path, says: bytes) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a beat, and wait for a text in its log."""
    command = [sys.executable, "-m", "celery", "--app=grps_site", "beat", "--pidfile="]
    environment = os.environ | {"DATABASE_URL": database_url(), "LOG_LEVEL": "INFO"}
    with log.open("wb") as lines:
        process = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stderr=lines)
    try:
        wait_for(lambda: says in log.read_bytes())
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def beat_is_seen() -> None:
    """Wait for the next heartbeat of a beat."""
    moment = database_clock.database_time()
    wait_for(lambda: Heartbeat.objects.filter(name="beat", seen_at__gt=moment).exists())


@pytest.mark.django_db(transaction=True)
def test_two_beats_send_each_task_once_and_replace_each_other(
    periodic: PeriodicTask, tmp_path: Path
) -> None:
    """The last run in the future, left by a beat with a wrong clock, must not stop the task."""
    PeriodicTask.objects.update(last_run_at=timezone.now() + 2 * HOUR)
    with (
        redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker,
        running_beat(tmp_path / "one", b"this beat sends") as one,
    ):
        beat_is_seen()
        with running_beat(tmp_path / "other", b"another beat sends") as other:
            beat_is_seen()
            before = broker.llen(settings.CELERY_TASK_DEFAULT_QUEUE)
            time.sleep(3)
            assert broker.llen(settings.CELERY_TASK_DEFAULT_QUEUE) - before <= 4
            one.kill()
            one.wait()
            BeatLease.objects.update(lease_until=Now() - HOUR)  # instead of a wait
            beat_is_seen()
            other.terminate()
            assert other.wait(PATIENCE) == 0
        broker.delete(settings.CELERY_TASK_DEFAULT_QUEUE)
    assert not BeatLease.objects.exclude(lease_until=None).exists()  # the next beat starts at once
    assert PeriodicTask.objects.get(name="heartbeat").last_run_at <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [-2 * HOUR, 2 * HOUR], ids=["slow", "fast"])
def test_a_wrong_clock_moves_no_schedule(periodic: PeriodicTask, wrong: dt.timedelta) -> None:
    noon = CrontabSchedule.objects.create(minute="0", hour="12", timezone="UTC")
    nightly = PeriodicTask(name="nightly", task="x", crontab=noon)
    at_noon = dt.datetime(2030, 6, 1, 12, 0, 1, tzinfo=dt.UTC)
    nightly.last_run_at = at_noon - dt.timedelta(hours=23)
    periodic.last_run_at = at_noon - dt.timedelta(seconds=0.4)
    with time_machine.travel(at_noon + wrong, tick=False), clock_at(at_noon):
        assert beat.Entry(nightly, app=celery_app).is_due().is_due
        state = beat.Entry(periodic, app=celery_app).is_due()
        nightly.last_run_at = at_noon
        assert not beat.Entry(nightly, app=celery_app).is_due().is_due
    assert not state.is_due
    assert state.next == pytest.approx(0.6, abs=0.01)


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [-2 * HOUR, 2 * HOUR], ids=["slow", "fast"])
def test_a_worker_with_a_wrong_clock_keeps_delays_and_expiries(wrong: dt.timedelta) -> None:
    now = database_clock.now()
    with time_machine.travel(now + wrong):
        message = celery_app.amqp.create_task_message(
            "id", "grps_site.heartbeat", (), {}, countdown=10, expires=60
        )
        request = received(message)
        assert not request.maybe_expire()
        assert request.eta is not None
        wait = request.eta - dt.datetime.now(dt.UTC)
        assert wait.total_seconds() == pytest.approx(10, abs=1)
        late = celery_app.amqp.create_task_message("id", "grps_site.heartbeat", (), {}, expires=-1)
        assert received(late).maybe_expire()


def received(message: Any) -> Request:
    """Return a message as a worker receives it."""
    headers, properties, body, _ = message
    raw = SimpleNamespace(
        headers=headers,
        properties=properties,
        payload=body,
        body=b"",
        content_type="application/json",
        content_encoding="utf-8",
        delivery_info={},
    )
    return Request(raw, app=celery_app, headers=headers, body=body, decoded=True)


class Unavailable(Exception):
    """Another attempt is requested."""


@pytest.mark.django_db
def test_a_task_waits_for_a_read_only_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def retry(**options: Any) -> Exception:
        return Unavailable()

    monkeypatch.setattr(heartbeat, "retry", retry)
    monkeypatch.setattr(connection, "close", lambda: None)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(Unavailable):
            heartbeat()
        transaction.set_rollback(True)


def test_a_task_waits_for_longer_than_celerys_three_retries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = 0

    def unavailable_at_first(name: str) -> None:
        nonlocal runs
        runs += 1
        if runs <= 10:
            raise OperationalError("the connection failed")

    monkeypatch.setattr("grps_site.tasks._record", unavailable_at_first)
    monkeypatch.setattr("grps_site.ops.reconnecting.connect_patiently", lambda: None)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert heartbeat.apply().state == "SUCCESS"
    assert runs == 11
