"""One rate of calls for all processes, adapted to Roblox's responses."""

import multiprocessing
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from django.conf import settings

from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.operations import DATA_STORE_READ, GET_ENTRY, Budget
from roblox.open_cloud.pacing import Pacer, RateSlot

FAST = Budget("dataStoreRead", 100, 1.0)


@pytest.fixture
def whose() -> str:
    return uuid.uuid4().hex


def pacer(**figures: float | None) -> Pacer:
    return Pacer(settings.REDIS_URL, figures)


def slot(whose: str) -> RateSlot:
    return RateSlot(DATA_STORE_READ, whose, whose)


def spend(redis_url: str, whose: str, count: int) -> None:
    mine = Pacer(redis_url, {})
    for _ in range(count):
        mine.wait(RateSlot(FAST, whose, whose))


def spend_all(mine: Pacer, spent: RateSlot) -> None:
    for _ in range(2000):
        mine.wait(spent, patience=5)


def elapsed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def test_two_processes_share_one_pace(whose: str) -> None:
    spend(settings.REDIS_URL, whose, 1)
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=spend, args=(settings.REDIS_URL, whose, 60)) for _ in range(2)
    ]

    def both() -> None:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    # 120 calls at 97 a second, of which three may go at once. One process alone would need half the
    # time.
    assert elapsed(both) > 1.15


def test_no_limit_is_no_wait(whose: str) -> None:
    free = pacer(dataStoreRead=None)
    for _ in range(10_000):  # at 250 a minute this would take forty minutes
        free.wait(slot(whose), patience=0)


def test_a_wait_that_is_too_long_is_refused_with_its_length(whose: str) -> None:
    slow = pacer(dataStoreRead=1)
    slow.wait(slot(whose))
    with pytest.raises(OpenCloudError, match="used up") as caught:
        slow.wait(slot(whose), patience=5)
    assert caught.value.decision is RetryDecision.WAIT
    assert 50 < (caught.value.retry_after or 0) < 65


def test_a_wait_ends_when_the_work_is_stopped(whose: str) -> None:
    slow = pacer(dataStoreRead=1)
    slow.wait(slot(whose))
    with pytest.raises(OpenCloudError, match="stopped"):
        slow.wait(slot(whose), going_on=lambda: False)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"retry-after": "30"}),
        (429, {"x-ratelimit-reset": "30"}),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}),
    ],
)
def test_what_roblox_says_stops_everybody(whose: str, status: int, headers: dict[str, str]) -> None:
    spent = slot(whose)
    pacer().register_answer(spent, GET_ENTRY, status, httpx.Headers(headers))
    with pytest.raises(OpenCloudError, match="used up"):
        pacer().wait(spent, patience=20)


def test_a_smaller_figure_than_ours_is_believed(whose: str) -> None:
    spent = slot(whose)
    mine = pacer(dataStoreRead=60_000)
    mine.register_answer(spent, GET_ENTRY, 200, httpx.Headers({"x-ratelimit-limit": "2, 2;w=60"}))
    mine.wait(spent)
    with pytest.raises(OpenCloudError, match="used up"):
        spend_all(mine, spent)


def test_without_valkey_each_process_goes_slowly_alone(whose: str) -> None:
    alone = Pacer("redis://127.0.0.1:1/0", {"dataStoreRead": 6000.0})
    spent = slot(whose)

    def all_of_them() -> None:
        for _ in range(11):
            alone.wait(spent)

    # Ten pauses of 41 ms. At the full rate they would take 0.1 s.
    assert elapsed(all_of_them) > 0.4


def test_an_unknown_budget_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="datastoreRead"):
        pacer(datastoreRead=5)
