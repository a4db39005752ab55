"""A worker's connection to the database: shared by its tasks, and renewed when it broke."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import redis
from celery import Celery
from django.conf import settings
from django.db import connection

from common.environment import BASE_DIR
from grps_site.ops import reconnecting
from tests.conftest import database_url, free_port
from tests.pooling import session_task

PATIENCE = 60  # seconds
QUEUE, NAME = "of the connection's test", "worker_connections"
SESSIONS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
def server() -> Iterator["psycopg.Connection[Any]"]:
    """Connect to another database of the same server, as its superuser."""
    address = os.environ["DATABASE_URL"].rpartition("/")[0] + "/postgres"
    with psycopg.connect(address, autocommit=True) as database:
        yield database


@pytest.fixture
def session_of_task(transactional_db: None) -> Iterator[Callable[[], int]]:
    """Start a worker. Return a function that lets it run a task and returns the task's session.

    The task itself tells its session. Nobody else runs it, and nothing is read after its end.
    """
    command = ["celery", "--app=grps_site", "worker", "--pool=solo", f"--queues={QUEUE}"]
    worker = subprocess.Popen(
        [sys.executable, "-m", *command, f"--include={session_task.__name__}"],
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
    valkey = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2 * PATIENCE)

    def run_task() -> int:
        key = uuid.uuid4().hex
        broker.send_task(session_task.NAME, [key], queue=QUEUE)
        told = valkey.blpop([key], timeout=PATIENCE)
        assert told, "the worker ran no task"
        return int(told[1])

    try:
        yield run_task
    finally:
        valkey.close()
        worker.terminate()
        worker.wait(PATIENCE)


def test_tasks_share_a_connection_that_is_renewed(
    server: "psycopg.Connection[Any]", session_of_task: Callable[[], int]
) -> None:
    def wait_until_it_alone_is_left(session: int) -> None:
        """The server notices late that the worker closed what it opened while it started."""
        deadline = time.monotonic() + PATIENCE
        while server.execute(SESSIONS, [NAME]).fetchone() != ([session],):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    first = session_of_task()
    assert {session_of_task() for _ in range(10)} == {first}
    wait_until_it_alone_is_left(first)
    server.execute("SELECT pg_terminate_backend(%s, 30000)", [first])
    second = session_of_task()
    assert second != first
    assert session_of_task() == second
    wait_until_it_alone_is_left(second)


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
