"""Hints to workers are sent after the commit, never after a rollback, and rarely under load."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import structlog
from celery import Celery, shared_task
from django.conf import settings
from django.db import transaction

from audits import tasks
from audits.actions import Action
from audits.record import Actor, record
from common.task_hints import Hint
from grps_site.ops import brokers

SYSTEM = Actor("system", "x", "x")


class Queue:
    """The broker's queue. Counts only this test's messages, since others send the same tasks."""

    def __init__(self, broker: "redis.Redis[bytes]", request_id: str) -> None:
        self.broker, self.request_id = broker, request_id

    def asked(self, task: str) -> int:
        messages: Any = self.broker.lrange("grps", 0, -1)
        headers = [json.loads(message)["headers"] for message in messages]
        return sum(
            one["task"] == task and one.get("request_id") == self.request_id for one in headers
        )


@pytest.fixture
def queue() -> Iterator[Queue]:
    request_id = uuid.uuid4().hex
    with (
        redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker,
        structlog.contextvars.bound_contextvars(request_id=request_id),
    ):
        yield Queue(broker, request_id)


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the hint, as in a new process: the hint of an earlier test may still block it."""
    monkeypatch.setattr("audits.record.SEALING", Hint(tasks.seal, every=0.25))


@shared_task(name="tests.look")
def look() -> None:
    """Never runs: the test only counts the hints."""


def test_recording_asks_for_a_seal_after_the_commit(
    transactional_db: None, rested: None, queue: Queue
) -> None:
    with transaction.atomic():
        record(Action.POLICY_ACTIVATED, actor=SYSTEM)
        assert queue.asked("audits.seal") == 0
        transaction.set_rollback(True)
    assert queue.asked("audits.seal") == 0
    with transaction.atomic():
        record(Action.POLICY_ACTIVATED, actor=SYSTEM)
    assert queue.asked("audits.seal") == 1


def test_batches_of_earned_points_ask_for_nothing(
    transactional_db: None, rested: None, queue: Queue
) -> None:
    with transaction.atomic():
        record(Action.POINTS_INGESTED, actor=SYSTEM)
    assert queue.asked("audits.seal") == 0


def test_a_thousand_hints_are_two_messages(queue: Queue) -> None:
    hint = Hint(look, every=30)
    for _ in range(1000):
        hint.give()
    assert queue.asked("tests.look") == 2


def test_a_hint_for_later_is_not_given_again_until_then(queue: Queue) -> None:
    hint = Hint(look, every=0.001)
    hint.give(after=30)
    for _ in range(10):
        hint.give(after=30)
        hint.give()
    assert queue.asked("tests.look") == 1


def test_a_broker_that_is_away_stops_nobody() -> None:
    app = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.broker_transport_options = brokers.transport_options("redis://127.0.0.1:1/0")
    hint = Hint(app.task(name="tests.away")(_nothing), every=0)
    with structlog.testing.capture_logs() as said:
        for _ in range(1000):
            hint.give()
    assert [line["task"] for line in said] == ["tests.away"]


def _nothing() -> None:
    """Never runs."""
