"""Budgets: one pace for all processes, learnt from Roblox's answers, with a breaker for each
universe.
"""

import multiprocessing
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from django.conf import settings

from roblox.open_cloud.budgets import FAILURES, Budgets, Turn
from roblox.open_cloud.errors import OpenCloudError, Verdict
from roblox.open_cloud.operations import DATA_STORE_READ, GET_ENTRY, Budget

FAST = Budget("dataStoreRead", 100, 1.0)


@pytest.fixture
def whose() -> str:
    return uuid.uuid4().hex


def budgets(**figures: float | None) -> Budgets:
    return Budgets(settings.REDIS_URL, figures)


def spend(redis_url: str, whose: str, count: int) -> None:
    mine = Budgets(redis_url, {})
    for _ in range(count):
        mine.wait(Turn(FAST, whose), whose)


def spend_all(mine: Budgets, turn: Turn) -> None:
    for _ in range(2000):
        mine.wait(turn, turn.whose, patience=5)


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

    # 120 calls at 97 a second, of which three may go at once: alone each process would need half as
    # long.
    assert elapsed(both) > 1.15


def test_no_limit_is_no_wait(whose: str) -> None:
    free = budgets(dataStoreRead=None)
    for _ in range(10_000):  # at 250 a minute this would outlast every test run
        free.wait(Turn(DATA_STORE_READ, whose), whose, patience=0)


def test_a_wait_that_is_too_long_is_refused_with_its_length(whose: str) -> None:
    slow = budgets(dataStoreRead=1)
    slow.wait(Turn(DATA_STORE_READ, whose), whose)
    with pytest.raises(OpenCloudError, match="used up") as caught:
        slow.wait(Turn(DATA_STORE_READ, whose), whose, patience=5)
    assert caught.value.verdict is Verdict.WAIT
    assert 50 < (caught.value.retry_after or 0) < 65


def test_a_wait_ends_when_the_work_is_stopped(whose: str) -> None:
    slow = budgets(dataStoreRead=1)
    slow.wait(Turn(DATA_STORE_READ, whose), whose)
    with pytest.raises(OpenCloudError, match="stopped"):
        slow.wait(Turn(DATA_STORE_READ, whose), whose, going_on=lambda: False)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"retry-after": "30"}),
        (429, {"x-ratelimit-reset": "30"}),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}),
    ],
)
def test_what_roblox_says_stops_everybody(whose: str, status: int, headers: dict[str, str]) -> None:
    turn = Turn(DATA_STORE_READ, whose)
    budgets().answered(turn, whose, GET_ENTRY, status, httpx.Headers(headers))
    with pytest.raises(OpenCloudError, match="used up"):
        budgets().wait(turn, whose, patience=20)


def test_a_smaller_figure_than_ours_is_believed(whose: str) -> None:
    turn = Turn(DATA_STORE_READ, whose)
    mine = budgets(dataStoreRead=60_000)
    mine.answered(turn, whose, GET_ENTRY, 200, httpx.Headers({"x-ratelimit-limit": "2, 2;w=60"}))
    mine.wait(turn, whose)
    with pytest.raises(OpenCloudError, match="used up"):
        spend_all(mine, turn)


def test_a_universe_in_trouble_rests_and_another_goes_on(whose: str) -> None:
    mine = budgets(dataStoreRead=None)
    for _ in range(FAILURES):
        mine.failed(whose, GET_ENTRY)
    with pytest.raises(OpenCloudError, match="left alone") as caught:
        mine.wait(Turn(DATA_STORE_READ, whose), whose)
    assert caught.value.verdict is Verdict.WAIT
    other = uuid.uuid4().hex
    mine.wait(Turn(DATA_STORE_READ, other), other)


def test_one_answer_forgets_the_failures_before_it(whose: str) -> None:
    mine = budgets(dataStoreRead=None)
    turn = Turn(DATA_STORE_READ, whose)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            mine.failed(whose, GET_ENTRY)
        mine.answered(turn, whose, GET_ENTRY, 200, httpx.Headers())
    mine.wait(turn, whose)


def test_without_valkey_each_process_goes_slowly_alone(whose: str) -> None:
    alone = Budgets("redis://127.0.0.1:1/0", {"dataStoreRead": 6000.0})
    turn = Turn(DATA_STORE_READ, whose)

    def all_of_them() -> None:
        for _ in range(11):
            alone.wait(turn, whose)

    # Ten pauses of 41 ms; at the whole pace they would be over in 0.1 s.
    assert elapsed(all_of_them) > 0.4


def test_an_unknown_budget_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="datastoreRead"):
        budgets(datastoreRead=5)
