"""The same work over any broker: the embedded Valkey, the system's Redis, and RabbitMQ."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from django.conf import settings as django_settings

from common.environment import BASE_DIR
from grps_site.ops.brokers import transport_options
from roblox.models import Experience
from syncs import jobs
from syncs.models import SyncJob
from tests.conftest import TESTER, database_url, free_port
from tests.roblox_world import World

REDIS = shutil.which("redis-server") or "/usr/bin/redis-server"


@contextmanager
def redis_of_the_system(folder: Path) -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [REDIS, "--port", str(port), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    try:
        with redis.Redis(port=port) as client:
            for _ in range(100):
                try:
                    client.ping()
                    break
                except redis.RedisError:
                    time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def works(broker: str, community: World, nexus: Experience) -> None:
    """Check that a worker on this broker continues a job after a hint."""
    community.seed(30)
    job, _ = jobs.request("points", nexus, actor=TESTER)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": broker,
        "OPEN_CLOUD_URL": community.url,
        "LOG_LEVEL": "ERROR",
    }
    command = [
        sys.executable,
        "-m",
        "celery",
        "--app=grps_site",
        "worker",
        "--queues=syncs",
        "--concurrency=1",
    ]
    worker = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL)
    try:
        Celery(broker=broker, set_as_current=False).send_task("syncs.run_jobs", queue="syncs")
        deadline = time.monotonic() + 60
        while SyncJob.objects.get(pk=job.pk).status != "done":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(30)


def test_it_works_on_the_embedded_valkey(community: World, nexus: Experience) -> None:
    works(django_settings.REDIS_URL, community, nexus)


@pytest.mark.skipif(not Path(REDIS).exists(), reason="this machine has no redis-server of its own")
def test_it_works_on_a_redis_of_the_system(
    community: World, nexus: Experience, tmp_path: Path
) -> None:
    with redis_of_the_system(tmp_path) as broker:
        works(broker, community, nexus)


RABBIT = os.environ.get("GRPS_TEST_AMQP_URL", "")


@pytest.mark.skipif(not RABBIT, reason="GRPS_TEST_AMQP_URL names no RabbitMQ to test with")
def test_it_works_on_rabbitmq(community: World, nexus: Experience) -> None:
    works(RABBIT, community, nexus)


def test_sqs_is_told_its_region_and_how_its_queues_are_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SQS_REGION", "eu-central-1")
    monkeypatch.setenv("SQS_QUEUE_PREFIX", "storm-")
    options: dict[str, Any] = transport_options("sqs://")
    assert (options["region"], options["queue_name_prefix"]) == ("eu-central-1", "storm-")
    assert options["visibility_timeout"] > django_settings.CELERY_TASK_TIME_LIMIT


def test_sqs_without_a_region_stops_the_start_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SQS_REGION", raising=False)
    with pytest.raises(SystemExit, match="SQS_REGION"):
        transport_options("sqs://")


def test_a_lost_worker_is_noticed_after_the_longest_task() -> None:
    assert (
        transport_options("redis://x")["visibility_timeout"]
        > django_settings.CELERY_TASK_TIME_LIMIT
    )
    assert "visibility_timeout" not in transport_options("amqp://x")
