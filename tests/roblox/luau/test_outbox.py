"""Sending events to GRPS, and the queue during an outage."""

import json
from typing import Any

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    KO,
    MAJOR,
    TRAINING,
    events_only,
)
from tests.roblox.luau.universe import NIA, Answer, Universe


def test_events_wait_in_the_queue_and_count_once(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    grps.away = True
    for _ in range(5):
        server.award(NIA, "training")
        universe.run(60)
    assert len(universe.queues["GRPS_Events"]) == 5
    server.close()
    grps.away = False
    grps.drain(universe.queues["GRPS_Events"])
    assert grps.total(NIA) == universe.total(NIA) == 7500
    later = universe.playing()
    universe.run(30)
    later.close()
    assert grps.total(NIA) == universe.total(NIA) == 7500
    assert not universe.record(NIA)["outbox"]


@pytest.mark.parametrize("nonsense", ["null", "7", '{"players": [{}]}', "no JSON"])
def test_an_unreadable_answer_ends_nothing(universe: Universe, grps: Grps, nonsense: str) -> None:
    odd = {"now": True}
    universe.http = events_only(grps, lambda _: (200, {}, nonsense) if odd["now"] else None)
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(30)
    odd["now"] = False
    server.award(NIA, "ko")
    universe.run(90)
    server.close()
    assert grps.total(NIA) == TRAINING + KO
    assert universe.total(NIA) == TRAINING + KO


def test_one_refused_event_is_dropped_and_others_land(universe: Universe, grps: Grps) -> None:
    def spoiled(events: list[dict[str, Any]]) -> Answer | None:
        return (400, {}, "malformed") if any(event["type"] == "wo" for event in events) else None

    universe.http = events_only(grps, spoiled)
    server = universe.playing(*range(1, 9))
    for user_id in range(1, 9):
        server.award(user_id, "training")
        server.award(user_id, "ko")
    server.award(5, "wo")
    universe.run(120)
    assert len(grps.ledger) == 16
    assert server.session(5)["tail"] == {}
    (line,) = [line for line in grps.lines if line["kind"] == "outbox.rejected"]
    assert (line["userId"], "wo" in line["text"]) == (5, True)


def test_events_refused_for_a_clock_are_sent_until_they_count(
    universe: Universe, grps: Grps
) -> None:
    sent: list[int] = []
    slow = {"now": True}

    def early(events: list[dict[str, Any]]) -> Answer | None:
        if not slow["now"]:
            return None
        sent.append(len(events))
        rejected = [{"index": at, "code": "TOO_EARLY", "detail": ""} for at in range(len(events))]
        return 200, {}, json.dumps({"accepted": 0, "duplicates": 0, "rejected": rejected})

    universe.http = events_only(grps, early)
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(180)
    assert sent == [1, 1, 1]  # once a minute
    assert [line["kind"] for line in grps.lines if "outbox" in line["kind"]] == ["outbox.early"]
    server.close()
    assert universe.record(NIA)["outbox"]
    slow["now"] = False
    later = universe.playing()
    universe.run(30)
    later.close()
    assert grps.total(NIA) == universe.total(NIA) == TRAINING
    assert not universe.record(NIA)["outbox"]


def test_many_early_events_hold_up_no_others(universe: Universe, grps: Grps) -> None:
    def early(events: list[dict[str, Any]]) -> Answer | None:
        of_nia = [at for at, event in enumerate(events) if event["userId"] == NIA]
        rejected = [{"index": at, "code": "TOO_EARLY", "detail": ""} for at in of_nia]
        answer = grps.take([event for event in events if event["userId"] != NIA])
        return 200, {}, json.dumps(answer | {"rejected": rejected})

    universe.http = events_only(grps, early)
    server = universe.playing(NIA, MAJOR)
    for _ in range(600):
        server.award(NIA, "wo")
    server.award(MAJOR, "training")
    universe.run(60)
    assert (grps.total(NIA), grps.total(MAJOR)) == (0, TRAINING)


def test_days_without_grps_leave_a_bounded_outbox(universe: Universe, grps: Grps) -> None:
    universe.playing().close()  # loads the policy
    grps.away = True
    for _ in range(5):
        server = universe.playing()
        for _ in range(280):
            server.award(NIA, "wo")
        server.award(NIA, "training")
        server.close()
    record = universe.record(NIA)
    assert len(record["outbox"]) == 1000
    assert universe.total(NIA) == sum(kept["total"] for kept in record["sessions"].values())
    assert [kept["sequence"] for kept in record["sessions"].values()] == [281] * 5


def test_the_queue_takes_this_servers_share_of_unsaved_events(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(*range(1, 41))
    grps.away = True
    for _ in range(120):
        for user_id in range(1, 41):
            server.award(user_id, "training")
        universe.run(2)
    own = 1000 + 600 * 40
    assert own * 0.6 < universe.stored < own  # of 113,536 bytes
    assert sum("outbox.unqueued" in line for line in server.machine.said) == 1
    server.crash()
    grps.away = False
    grps.drain(universe.queues["GRPS_Events"])
    assert all(grps.total(user_id) > 0 for user_id in range(1, 41))


def test_saved_events_need_no_queue(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.do("grps.context.outbox.loop:stop()")
    grps.away = True
    server.award(NIA, "training")
    universe.run(70)
    server.do("grps.context.outbox:flush()")
    universe.run(5)
    assert universe.queues == {}
    server.award(NIA, "training")
    server.do("grps.context.outbox:flush()")
    universe.run(5)
    (item,) = universe.queues["GRPS_Events"]
    assert [event["sequence"] for event in json.loads(item)["events"]] == [2]


def test_a_small_queue_has_the_last_event_of_each_player(universe: Universe, grps: Grps) -> None:
    server = universe.playing(NIA, MAJOR)
    grps.away = True
    for _ in range(30):
        server.award(NIA, "training")
    server.award(MAJOR, "training")
    universe.run(12)
    (item,) = universe.queues["GRPS_Events"]
    found = json.loads(item)["events"]
    assert {event["userId"]: event["sequence"] for event in found} == {NIA: 30, MAJOR: 1}
    server.crash()
    grps.away = False
    grps.drain([item])
    assert (grps.total(NIA), grps.total(MAJOR)) == (30 * 15_00, 15_00)


def test_after_an_outage_the_queue_has_room_again(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    for _ in range(2):
        grps.away = True
        universe.faults["AddAsync"] = (1.0, 0.0)
        server.award(NIA, "wo")
        universe.run(12)
        universe.faults.clear()
        server.award(NIA, "wo")
        universe.run(40)
        assert universe.queues == {}  # it is not tried again after a refusal
        grps.away = False
        for _ in range(8):
            universe.run(60)
            server.award(NIA, "wo")
        universe.run(10)
    grps.away = True
    server.award(NIA, "wo")
    universe.run(12)
    assert len(universe.queues["GRPS_Events"]) == 1


def test_a_game_may_have_no_queue(universe: Universe, grps: Grps) -> None:
    server = universe.server(queue="")
    server.join(NIA)
    universe.run(3)
    grps.away = True
    server.award(NIA, "training")
    universe.run(30)
    grps.away = False
    universe.run(90)
    assert universe.queues == {}
    assert grps.total(NIA) == universe.total(NIA) == 15_00


def test_a_queue_that_takes_nothing_is_logged(universe: Universe, grps: Grps) -> None:
    universe.faults["AddAsync"] = (1.0, 0.0)
    server = universe.playing()
    grps.away = True
    server.award(NIA, "training")
    universe.run(120)
    assert universe.queues == {}
    grps.away = False
    universe.run(200)
    assert grps.total(NIA) == 15_00
    assert "outbox.unqueued" in {line["kind"] for line in grps.lines}
