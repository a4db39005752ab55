"""Servers that close, for which Roblox allows thirty seconds."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import KO, TRAINING, ZED, events_only, kinds, sending
from tests.roblox.luau.universe import NIA, Server, Universe


def closed(universe: Universe, server: Server, *leaving: int) -> float:
    """Close a server. Returns the seconds that it took."""
    began = universe.now
    server.close(*leaving)
    return universe.now - began


def test_players_who_leave_a_closing_server_are_saved(universe: Universe) -> None:
    server = universe.playing(NIA, NIA + 1)
    for user_id in (NIA, NIA + 1):
        server.award(user_id, "training")
    server.leave(NIA)
    server.close()
    assert universe.total(NIA) == universe.total(NIA + 1) == 1500
    assert "lease" not in universe.record(NIA)


def test_players_removed_by_a_closing_server_are_saved(universe: Universe) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing()
    server.award(NIA, "training")
    server.close(NIA)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): str(TRAINING)}


def test_a_running_save_is_followed_by_the_last_one(
    universe: Universe,
) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing()
    while not server.session(NIA).get("saving"):
        universe.run(0.25)
    server.award(NIA, "training")
    server.close()
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_a_lease_that_comes_while_closing_is_released(universe: Universe) -> None:
    universe.latency["stores"] = 0.6
    server = universe.playing(ZED)
    server.join(NIA)
    server.award(NIA, "training")
    server.close()
    assert "lease" not in universe.record(NIA)
    assert universe.total(NIA) == TRAINING


def test_the_last_events_follow_those_being_sent(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    universe.latency["http"] = 2
    server.award(NIA, "training")
    while not sending(server):
        universe.run(0.25)
    server.award(NIA, "ko")
    server.do("grps.context.say('test.last', 'the last words')")
    server.close()
    assert grps.total(NIA) == TRAINING + KO
    assert "test.last" in kinds(grps)


def test_a_busy_ordered_store_delays_no_save(universe: Universe) -> None:
    server = universe.playing()
    for _ in range(70):
        server.leave_over("OrderedWrite", 0)
        universe.run(1)
    server.award(NIA, "training")
    server.leave_over("OrderedWrite", 0)
    server.close()
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_unsaved_players_are_saved_when_the_server_closes(
    universe: Universe,
) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    while server.session(NIA).get("saving"):
        universe.run(0.25)
    universe.faults.clear()
    server.close()
    assert universe.total(NIA) == TRAINING


def test_lines_logged_while_closing_reach_grps(universe: Universe, grps: Grps) -> None:
    universe.http = events_only(grps, lambda _: (200, {}, '{"players": [{}]}'))
    server = universe.playing()
    server.award(NIA, "training")
    universe.stores["GRPS_Points"][f"player:{NIA}"] = "7"
    server.close()
    assert {"store.broken", "stop.failed"} <= kinds(grps)


def test_a_closing_server_saves_the_stay_before_too(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    grps.away = True
    server.award(NIA, "training")
    universe.faults = {"UpdateAsync": (1.0, 0.0), "AddAsync": (1.0, 0.0)}
    server.leave(NIA)
    universe.run(20)
    server.join(NIA)
    universe.run(2)
    universe.faults.clear()
    server.close(NIA)
    assert universe.total(NIA) == 15_00


@pytest.mark.parametrize("leaving", [(), (NIA,)])
def test_closing_before_grps_answers_uses_the_kept_policy(
    universe: Universe, leaving: tuple[int, ...]
) -> None:
    universe.playing().close()
    universe.latency["http"] = 12
    server = universe.server()
    server.join(NIA)
    universe.run(2)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(1)
    assert closed(universe, server, *leaving) < 20
    assert universe.total(NIA) == 15_00


def test_a_closing_server_waits_little_for_grps_and_budget(universe: Universe) -> None:
    universe.playing().close()
    universe.latency["http"] = 50
    server = universe.server()
    server.join(NIA)
    universe.run(1)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(0.5)
    server.leave_over("StandardRead", 4)
    assert closed(universe, server) < 20
    assert universe.total(NIA) == 15_00


def test_a_closing_server_does_not_wait_for_its_own_budget(universe: Universe) -> None:
    server = universe.server()
    universe.run(3)
    universe.playing()  # this server holds the lease
    server.join(NIA)
    universe.run(1)
    server.award(NIA, "training")
    server.do("grps.context.api.left = -100")
    server.leave(NIA)
    universe.run(1.5)
    assert closed(universe, server) < 20
    assert universe.total(NIA) == 15_00


def test_the_ordered_store_does_not_delay_closing(universe: Universe, grps: Grps) -> None:
    grps.away = True
    server = universe.server()
    server.join(NIA)
    universe.run(8)
    server.award(NIA, "training")
    server.leave(NIA)
    for _ in range(72):
        server.leave_over("OrderedWrite", 0)
        grps.away = _ < 12
        universe.run(0.25)
    server.machine.call(server.machine.engine.get("close"))
    for _ in range(60):
        server.leave_over("OrderedWrite", 0)
        universe.run(0.25)
    assert universe.total(NIA) == 15_00


def test_a_lost_session_of_unknown_rank_counts_once(universe: Universe, grps: Grps) -> None:
    here = universe.playing()
    here.award(NIA, "training")
    universe.run(6)
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Brand New", "sanction": None}}
    )
    grps.standing[NIA] = ("Brand New", None)
    universe.run(1)
    assert here.award(NIA, "training") == (0, "WAITING")
    here.hang(2000)
    universe.run(1990)
    there = universe.playing()
    universe.run(8)
    there.leave(NIA)
    universe.run(400)
    assert here.session(NIA)["state"] == "lost"
    here.leave(NIA)
    universe.run(30)
    universe.playing()
    universe.run(10)
    assert grps.total(NIA) == universe.total(NIA) == 30_00
