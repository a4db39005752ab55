"""A breaker for each universe, shared by all processes."""

import uuid

import httpx
import pytest
from django.conf import settings

from roblox.open_cloud.breaker import FAILURES
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.operations import DATA_STORE_READ, GET_ENTRY
from roblox.open_cloud.pacing import Pacer, RateSlot


@pytest.fixture
def pacer() -> Pacer:
    return Pacer(settings.REDIS_URL, {"dataStoreRead": None})


@pytest.fixture
def slot() -> RateSlot:
    return a_universe()


def a_universe() -> RateSlot:
    universe = uuid.uuid4().hex
    return RateSlot(DATA_STORE_READ, universe, universe)


def fail(pacer: Pacer, slot: RateSlot, times: int) -> None:
    for _ in range(times):
        pacer.register_no_answer(slot, GET_ENTRY)


def test_a_universe_in_trouble_rests_and_another_goes_on(pacer: Pacer, slot: RateSlot) -> None:
    fail(pacer, slot, FAILURES)
    with pytest.raises(OpenCloudError, match="pause") as caught:
        pacer.wait(slot)
    assert caught.value.decision is RetryDecision.WAIT
    pacer.wait(a_universe())


def test_server_errors_are_failures_too(pacer: Pacer, slot: RateSlot) -> None:
    for _ in range(FAILURES):
        pacer.register_answer(slot, GET_ENTRY, 503, httpx.Headers())
    with pytest.raises(OpenCloudError, match="pause"):
        pacer.wait(slot)


def test_one_answer_forgets_the_failures_before_it(pacer: Pacer, slot: RateSlot) -> None:
    fail(pacer, slot, FAILURES - 1)
    pacer.register_answer(slot, GET_ENTRY, 200, httpx.Headers())
    fail(pacer, slot, FAILURES - 1)
    pacer.wait(slot)
    fail(pacer, slot, 1)
    with pytest.raises(OpenCloudError, match="pause"):
        pacer.wait(slot)
