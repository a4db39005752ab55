"""A worker's connection to the database: shared by its tasks, and renewed when it broke."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from celery import Celery
from django.conf import settings
from django.db import connection

from common.environment import BASE_DIR
from grps_site.models import Heartbeat
from grps_site.ops import reconnecting
from tests.conftest import database_url, free_port

PATIENCE = 60.0  # seconds
QUEUE, NAME = "of the connection's test", "worker_connections"
SESSIONS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
def server(transactional_db: None) -> Iterator["psycopg.Connection[Any]"]:
    """Connect to another database of the same server, as its superuser."""
    address = os.environ["DATABASE_URL"].rpartition("/")[0] + "/postgres"
    with psycopg.connect(address, autocommit=True) as database:
        yield database


@pytest.fixture
def beat_once(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Start a worker. Return a function that lets it run one task."""
    Heartbeat.objects.all().delete()  # of a system that an earlier test ran
    command = ["celery", "--app=grps_site", "worker", "--pool=solo", f"--queues={QUEUE}"]
    worker = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": f"{database_url()}?application_name={NAME}",
            "DATABASE_CONN_MAX_AGE": "3600",  # a slow machine takes longer than a minute
            "LOG_LEVEL": "ERROR",
        },
        stdout=subprocess.DEVNULL,
    )
    broker = Celery(broker=settings.REDIS_URL, set_as_current=False)

    def run_task() -> None:
        broker.send_task("grps_site.heartbeat", queue=QUEUE)
        deadline = time.monotonic() + PATIENCE
        # Sending the task writes the heartbeat of beat.
        while not Heartbeat.objects.filter(name="worker").delete()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    try:
        yield run_task
    finally:
        worker.terminate()
        worker.wait(30)


def test_tasks_share_a_connection_that_is_renewed(
    server: "psycopg.Connection[Any]", beat_once: Callable[[], None]
) -> None:
    def sessions() -> list[int]:
        return server.execute(SESSIONS, [NAME]).fetchone()[0]  # type: ignore[index,no-any-return]

    beat_once()
    first = sessions()
    assert len(first) == 1
    for _ in range(10):
        beat_once()
    assert sessions() == first
    server.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [first])
    beat_once()
    assert len(sessions()) == 1
    assert sessions() != first


def test_a_task_waits_for_a_database_that_restarts(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", free_port())

        def come_back(pause: float) -> None:
            pauses.append(pause)
            if len(pauses) == 3:
                away.undo()

        monkeypatch.setattr(reconnecting.time, "sleep", come_back)
        reconnecting.connect_patiently()
    assert pauses == [2, 4, 8]
    assert connection.connection is not None


def test_after_five_tries_the_task_gets_the_error(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(reconnecting.time, "sleep", pauses.append)
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", free_port())
        reconnecting.connect_patiently()
    assert sum(pauses) == 30
    assert connection.connection is None
