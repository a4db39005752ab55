"""Sessions of a game server's players, from join to leave."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import KO, TRAINING, ZED
from tests.roblox.luau.universe import NIA, START, Universe


def test_awards_reach_grps_and_the_data_store(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    assert server.award(NIA, "training") == (1500, "")
    assert server.award(NIA, "ko") == (KO, "")
    assert server.award(NIA, "ko") == (0, "KO_COOLDOWN")
    universe.run(6)
    assert grps.total(NIA) == 1500 + KO
    server.leave(NIA)
    universe.run(3)
    assert universe.total(NIA) == 1500 + KO
    record = universe.record(NIA)
    ((epoch, kept),) = record["sessions"].items()
    assert kept | {"savedAt": 0} == {"sequence": 3, "total": 1525, "kos": 2, "wos": 0, "savedAt": 0}
    assert "lease" not in record
    assert record["lastEpoch"] == int(epoch) == START
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): "1525"}
    assert server.machine.errors == []


def test_events_before_the_profile_is_loaded_count_later(universe: Universe) -> None:
    server = universe.server()
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(3)
    assert server.session(NIA)["total"] == 1500


def test_a_player_who_comes_back_at_once_continues(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    server.leave(NIA)
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(10)
    assert server.session(NIA)["known"] == 3000
    assert len({epoch for _, epoch, _ in grps.ledger}) == 2
    server.close()
    assert universe.total(NIA) == grps.total(NIA) == 3000


def test_waiting_events_count_if_grps_never_answered(universe: Universe, grps: Grps) -> None:
    server = universe.playing(ZED)
    universe.latency["http"] = 10
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(3)
    assert server.session(NIA)["state"] == "waiting"
    server.leave(NIA)
    universe.run(3)
    assert universe.total(NIA) == TRAINING
    universe.run(30)
    assert grps.total(NIA) == TRAINING


def test_waiting_events_count_if_the_lease_never_came(
    universe: Universe,
) -> None:
    server = universe.playing(ZED)
    universe.latency["stores"] = 0.6
    server.join(NIA)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(0.25)
    server.leave(NIA)
    universe.run(5)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)
    assert server.session(NIA) is None or server.session(NIA)["waiting"] == {}
