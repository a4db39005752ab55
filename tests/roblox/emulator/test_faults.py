import time
from contextlib import ExitStack

import httpx
import pytest

from tests.roblox.emulator.conftest import API_KEY, ENTRIES, UNIVERSE, Cloud, until

GET = "dataStoreEntryGet"
UPDATE = "dataStoreEntryUpdate"


@pytest.fixture(autouse=True)
def _entry(cloud: Cloud) -> None:
    for number in range(30):
        cloud.act(
            "setEntry",
            universeId=UNIVERSE,
            store="Points",
            key=f"k{number:02}",
            value={"n": number},
        )


def value(cloud: Cloud) -> object:
    return cloud.look("entry", universeId=UNIVERSE, store="Points", key="k00")


@pytest.mark.parametrize(
    ("kind", "code"), [("429", "RESOURCE_EXHAUSTED"), ("500", "INTERNAL"), ("503", "UNAVAILABLE")]
)
def test_a_refusal_comes_before_anything_is_done(cloud: Cloud, kind: str, code: str) -> None:
    cloud.fault(kind, operations=[UPDATE], retryAfter=3)
    refused = cloud.ask("PATCH", f"{ENTRIES}/k00", {"value": 9})
    assert (refused.status_code, refused.json()["code"]) == (int(kind), code)
    assert refused.headers["retry-after"] == "3"
    assert value(cloud) == {"n": 0}
    assert cloud.get(f"{ENTRIES}/k00").status_code == 200


def test_a_bad_gateway_answers_no_json(cloud: Cloud) -> None:
    cloud.fault("502")
    refused = cloud.get(f"{ENTRIES}/k00")
    assert (refused.status_code, refused.headers["content-type"]) == (502, "text/html")


def test_a_fault_strikes_as_often_as_it_is_told(cloud: Cloud) -> None:
    cloud.fault("500", count=2)
    assert [cloud.get(f"{ENTRIES}/k00").status_code for _ in range(3)] == [500, 500, 200]


def test_the_same_seed_strikes_the_same_calls(cloud: Cloud) -> None:
    def statuses() -> list[int]:
        cloud.fault("503", rate=0.3)
        return [cloud.get(f"{ENTRIES}/k00").status_code for _ in range(40)]

    first = statuses()
    assert first == statuses()
    assert 3 < first.count(503) < 25


def test_a_dropped_call_is_not_done(cloud: Cloud) -> None:
    cloud.fault("drop", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        cloud.ask("PATCH", f"{ENTRIES}/k00", {"value": 9})
    assert value(cloud) == {"n": 0}
    assert cloud.look("calls")["calls"] == {UPDATE: {"drop": 1}}


def test_a_call_that_times_out_is_done_all_the_same(cloud: Cloud) -> None:
    cloud.fault("timeoutAfter", seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        cloud.ask("PATCH", f"{ENTRIES}/k00", {"value": 9}, timeout=httpx.Timeout(30, read=0.3))
    until(lambda: value(cloud) == 9)
    cloud.fault("timeoutAfter", seconds=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        cloud.ask("PATCH", f"{ENTRIES}/k00", {"value": 10})


def test_a_truncated_answer_has_a_length_that_fits(cloud: Cloud) -> None:
    cloud.fault("truncate")
    answer = cloud.get(f"{ENTRIES}/k00")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_a_slow_body_is_whole_in_the_end(cloud: Cloud) -> None:
    cloud.fault("slow", seconds=0.6)
    start = time.monotonic()
    assert cloud.get(f"{ENTRIES}/k00").json()["value"] == {"n": 0}
    assert time.monotonic() - start > 0.5


def test_slow_bodies_do_not_stop_other_calls(cloud: Cloud) -> None:
    cloud.fault("slow", seconds=6, operations=[GET])
    with ExitStack() as slow:
        for _ in range(8):
            slow.enter_context(
                cloud.http.stream("GET", f"{ENTRIES}/k00", headers={"x-api-key": API_KEY})
            )
        start = time.monotonic()
        assert cloud.get(ENTRIES).status_code == 200
        assert time.monotonic() - start < 5


def test_the_same_items_come_on_the_next_page_again(cloud: Cloud) -> None:
    cloud.fault("duplicatePage", count=1)
    pages = cloud.pages(ENTRIES, "dataStoreEntries")
    assert [page[0]["id"] for page in pages] == ["k00", "k00", "k10", "k20"]


def test_a_huge_body_is_sixty_four_megabytes(cloud: Cloud) -> None:
    cloud.fault("hugeBody", count=1)
    answer = cloud.http.get(f"{ENTRIES}/k00", headers={"x-api-key": API_KEY})
    assert len(answer.content) > 64 * 1024 * 1024
    assert set(answer.json()) == {"padding"}


def test_calls_are_counted_by_operation_and_status(cloud: Cloud) -> None:
    cloud.fault("429", count=1)
    for _ in range(3):
        cloud.get(f"{ENTRIES}/k00")
    cloud.get(ENTRIES)
    assert cloud.look("calls") == {
        "calls": {GET: {"200": 2, "429": 1}, "dataStoreEntryList": {"200": 1}},
        "total": 4,
    }
    cloud.tell("calls/reset")
    assert cloud.look("calls") == {"calls": {}, "total": 0}


def test_an_empty_set_is_calm_again(cloud: Cloud) -> None:
    cloud.fault("500")
    cloud.tell("faults", {"faults": []})
    assert cloud.get(f"{ENTRIES}/k00").status_code == 200
