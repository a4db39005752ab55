"""Every role runs from the packages of production alone, and ends by SIGTERM without losing work."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from celery import Celery

from tests.conftest import free_port
from tests.deploy.conftest import owner_url
from tests.deploy.installation import PATIENCE, Installation, Process

ENDED_BY_SIGTERM = {0, -signal.SIGTERM}
BY_PROXY = {"Host": "grps.example.org", "X-Forwarded-Proto": "https"}
IN_OTHERS = ("worker", "sync-worker", "webhook-worker", "beat")


@pytest.fixture(scope="module")
def roles(installation: Installation) -> dict[str, Process]:
    """Start every process of docs/run.md at once."""
    started = {role: installation.start(role) for role in IN_OTHERS}
    options = ("--host=127.0.0.1", "--workers=1")
    started["web"] = installation.start("web", *options, PORT=str(free_port()))
    return started


def test_every_module_of_production_imports_with_its_packages_alone(
    installation: Installation,
) -> None:
    done = installation.run(
        "-m", "deploy.image_files", "--imports", DJANGO_SETTINGS_MODULE="grps_site.settings"
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_environment_has_no_other_packages(installation: Installation) -> None:
    done = installation.run("-c", "import psutil")
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("role", ["web", *IN_OTHERS])
def test_its_healthcheck_says_that_it_works(roles: dict[str, Process], role: str) -> None:
    roles[role].wait_until_healthy()


def test_together_they_are_a_healthy_system(roles: dict[str, Process]) -> None:
    url = f"http://127.0.0.1:{roles['web'].environment['PORT']}"
    answer = _until(lambda: httpx.get(f"{url}/health/deep"), lambda got: got.status_code == 200)
    assert answer.json()["checks"]["worker"]["ok"]


def test_web_finishes_a_request_before_it_ends(roles: dict[str, Process]) -> None:
    web = roles["web"]
    answers: list[httpx.Response] = []

    def read() -> None:
        url = f"http://127.0.0.1:{web.environment['PORT']}/metrics/health"
        answers.append(httpx.get(url, headers=BY_PROXY, timeout=30))

    with _locked("decisions") as wait_for_waiter:
        reader = threading.Thread(target=read)
        reader.start()
        wait_for_waiter()
        web.request_end()
        time.sleep(0.5)
        assert web.process.poll() is None, web.said()
    reader.join()
    assert answers[0].status_code == 200
    assert web.end() in ENDED_BY_SIGTERM


def test_a_worker_finishes_its_task_before_it_ends(roles: dict[str, Process]) -> None:
    worker = roles["worker"]
    with psycopg.connect(owner_url(), autocommit=True) as connection:
        connection.execute("INSERT INTO nonces VALUES ('old', now() - interval '1 day')")
        with _locked("nonces") as wait_for_waiter:
            Celery(broker=os.environ["REDIS_URL"]).send_task(
                "grps_site.purge_nonces", queue="grps", ignore_result=True
            )
            wait_for_waiter()
            worker.request_end()
            time.sleep(0.5)
            assert worker.process.poll() is None, worker.said()
        assert worker.end() == 0, worker.said()
        assert connection.execute("SELECT count(*) FROM nonces").fetchone() == (0,)


@pytest.mark.parametrize("role", ["beat", "sync-worker", "webhook-worker"])
def test_it_ends_by_itself(roles: dict[str, Process], role: str) -> None:
    roles[role].request_end()
    assert roles[role].end() == 0, roles[role].said()


def test_a_silent_worker_is_unhealthy(roles: dict[str, Process]) -> None:
    mark = roles["worker"].environment["GRPS_RUNTIME"] + "/worker"
    os.utime(mark, (time.time() - 120,) * 2)
    check = roles["worker"].health()
    assert (check.returncode, "last seen" in check.stderr) == (1, True)


@pytest.mark.skipif("GRPS_LONG" not in os.environ, reason="make test-long runs it")
def test_all_in_one_starts_a_killed_process_again_and_ends_as_a_whole(
    installation: Installation,
) -> None:
    everything = installation.start("all", PORT=str(free_port()))
    everything.wait_until_healthy()
    family = psutil.Process(everything.process.pid).children(recursive=True)
    (worker, *_) = [one for one in family if "--concurrency=1" in one.cmdline()]
    worker.kill()
    _until(everything.said, lambda said: "worker ended with code -9" in said)
    everything.wait_until_healthy()
    family = psutil.Process(everything.process.pid).children(recursive=True)
    everything.request_end()
    assert everything.end() == 0, everything.said()
    assert [one for one in family if one.is_running()] == []


@contextmanager
def _locked(table: str) -> Iterator[Callable[[], Any]]:
    """Lock a table. Yields a function that waits until another connection waits for it."""
    query = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    with psycopg.connect(owner_url()) as holder, psycopg.connect(owner_url()) as observer:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield lambda: _until(
            lambda: observer.execute(query, [table]).fetchone(), lambda row: row != (0,)
        )
        holder.rollback()


def _until[T](read: Callable[[], T], is_right: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not is_right(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found
