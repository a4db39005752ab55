"""Sessions whose lease cannot be taken."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import crashed
from tests.roblox.luau.universe import NIA, Universe


def test_leaving_before_the_lease_comes_loses_nothing(universe: Universe, grps: Grps) -> None:
    server = crashed(universe)
    server.leave(NIA)
    universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 90_00
    assert "store.unearned" not in {line["kind"] for line in grps.lines}


def test_hopping_between_servers_passes_no_cap(universe: Universe, grps: Grps) -> None:
    universe.playing().crash()
    for _ in range(3):
        server = universe.server()
        server.join(NIA)
        universe.run(20)
        for _ in range(60):
            server.award(NIA, "training")
        server.leave(NIA)
        universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 500_00


def test_the_sweep_forgets_nobody_who_is_being_saved(universe: Universe, grps: Grps) -> None:
    server = crashed(universe)
    universe.latency["http"] = 4
    server.leave(NIA)
    universe.run(2)
    server.do("grps.context.store:sweep() grps.context.store:sweep()")
    universe.run(120)
    assert grps.total(NIA) == universe.total(NIA) == 90_00


def test_closing_before_the_lease_comes_loses_nothing(universe: Universe, grps: Grps) -> None:
    server = crashed(universe)
    grps.away = True
    server.close(NIA)
    assert universe.total(NIA) == 90_00
    grps.away = False
    universe.queues.clear()
    universe.run(300)
    later = universe.playing()
    universe.run(90)
    later.close()
    assert (
        grps.total(NIA) == universe.total(NIA) == 90_00
    )  # the unsent events were added to those of the record
    assert not universe.record(NIA).get("strays")


def test_suspended_players_earn_nothing_without_a_lease(universe: Universe, grps: Grps) -> None:
    grps.standing[NIA] = ("Suspended", "suspension")
    crashed(universe).leave(NIA)
    universe.run(20)
    assert grps.total(NIA) == universe.total(NIA) == 0
