"""Servers that close in the middle of everything: Roblox lets them take thirty seconds."""

import pytest

from tests.luau.grps import Grps
from tests.luau.universe import NIA, Server, Universe


def closed(universe: Universe, server: Server, *leaving: int) -> float:
    """Seconds that it took."""
    began = universe.now
    server.close(*leaving)
    return universe.now - began


@pytest.mark.parametrize("leaving", [(), (NIA,)])
def test_a_server_that_closes_before_grps_answered_counts_by_the_policy_that_was_kept(
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


def test_a_closing_server_waits_little_for_grps_and_for_the_budget(universe: Universe) -> None:
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


def test_a_closing_server_does_not_wait_for_calls_that_it_may_not_make(universe: Universe) -> None:
    server = universe.server()
    universe.run(3)
    universe.playing()  # holds the lease
    server.join(NIA)
    universe.run(1)
    server.award(NIA, "training")
    server.do("grps.context.api.left = -100")
    server.leave(NIA)
    universe.run(1.5)
    assert closed(universe, server) < 20
    assert universe.total(NIA) == 15_00


def test_the_ordered_store_holds_up_no_closing(universe: Universe, grps: Grps) -> None:
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


def test_a_lost_session_whose_rank_was_unknown_counts_once(universe: Universe, grps: Grps) -> None:
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
