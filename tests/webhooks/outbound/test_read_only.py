"""The database becomes read-only while a real worker sends webhooks."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Q

from common.environment import BASE_DIR
from tests.conftest import database_url
from tests.read_only import read_only_database
from tests.webhooks.conftest import Office
from tests.webhooks.receivers import Answer, Received, Receiver
from webhooks.models import WebhookAttempt, WebhookDelivery
from webhooks.tasks import deliver

EVENTS = 50
SLOTS = 16  # calls that may be under way at once
PATIENCE = 60  # seconds


@pytest.fixture
def _worker(office: Office) -> Iterator[None]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--app=grps_site", "worker"),
            *("--queues=webhooks", "--pool=solo", "--without-mingle", "--without-gossip"),
        ],
        cwd=BASE_DIR,
        env=os.environ
        | {"DATABASE_URL": database_url(), "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"},
        stderr=subprocess.DEVNULL,
    )
    yield
    process.kill()
    process.wait()


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("_worker")
def test_nothing_is_lost_noted_as_failed_or_sent_again(office: Office, receiver: Receiver) -> None:
    def slowly(request: Received) -> Answer:
        time.sleep(0.3)
        return 200, {}, b"ok"

    receiver.answer = slowly
    office.endpoint(receiver, events=["policy.*"])
    for _ in range(EVENTS):
        office.happen()
    office.fan_out()
    deliver.apply_async()
    wait_for(lambda: len(receiver.requests) > SLOTS)
    with read_only_database():
        sent = len(receiver.requests)
        time.sleep(3)
        assert len(receiver.requests) <= sent + SLOTS
        assert not WebhookDelivery.objects.filter(
            Q(status="exhausted") | Q(attempts__gt=1)
        ).exists()
        deliver.apply_async()  # waits as a task
    wait_for(lambda: not WebhookDelivery.objects.exclude(status="delivered").exists())
    times = Counter(one.headers["webhook-id"] for one in receiver.requests)
    assert len(times) == EVENTS
    assert sum(count - 1 for count in times.values()) <= SLOTS
    assert set(WebhookAttempt.objects.values_list("outcome", flat=True)) == {"succeeded"}
