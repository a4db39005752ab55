"""Leases and saves of profiles, through crashes, hangs and failures."""

import json

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    KO,
    TRAINING,
    ZED,
    kinds,
    stay,
)
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, START, Universe


def test_a_second_server_waits_for_the_first(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    first_epoch = first.session(NIA)["epoch"]
    second = universe.server()
    second.join(NIA)
    universe.run(20)
    assert second.session(NIA)["state"] == "waiting"
    assert second.award(NIA, "training") == (0, "WAITING")
    first.leave(NIA)
    universe.run(8)
    assert second.session(NIA)["state"] == "ready"
    assert second.session(NIA)["epoch"] > first_epoch
    universe.run(6)
    assert grps.total(NIA) == 3000
    second.close()
    assert universe.total(NIA) == 3000


def test_the_lease_of_a_crashed_server_ends(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    universe.run(6)  # sent, and not yet saved
    first.crash()
    second = universe.server()
    second.join(NIA)
    universe.run(230)
    assert second.session(NIA)["state"] == "waiting"
    universe.run(30)
    assert second.session(NIA)["state"] == "ready"
    second.award(NIA, "training")
    second.close()
    assert (
        universe.total(NIA) == grps.total(NIA) == 3000
    )  # GRPS sent it; the data store did not have it


def test_a_lease_dated_ahead_ends_as_soon_as_others(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    universe.run(70)
    first.crash()
    record = universe.record(NIA)
    record["lease"]["until"] += 86_400  # the crashed server's clock was a day fast
    universe.stores["GRPS_Points"][f"player:{NIA}"] = json.dumps(record)
    second = universe.server()
    second.join(NIA)
    universe.run(280)
    assert second.session(NIA)["state"] == "ready"
    second.award(NIA, "training")
    second.close()
    assert universe.total(NIA) == grps.total(NIA) == 3000


def test_a_renewed_lease_is_not_taken(universe: Universe, grps: Grps) -> None:
    universe.playing()
    second = universe.server()
    second.join(NIA)
    for _ in range(10):
        universe.run(60)
        record = universe.record(NIA)
        record["lease"]["until"] += 86_400
        universe.stores["GRPS_Points"][f"player:{NIA}"] = json.dumps(record)
    assert second.session(NIA)["state"] == "waiting"


def test_a_server_without_its_lease_still_sends(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)  # it cannot save for longer than the lease lasts
    universe.run(300)
    universe.faults.clear()
    second = universe.server()
    second.join(NIA)
    universe.run(10)
    assert second.session(NIA)["state"] == "ready"
    universe.run(70)
    assert first.session(NIA)["state"] == "lost"
    assert first.award(NIA, "training") == (0, "NO_SESSION")
    second.award(NIA, "training")
    second.close()
    first.close()
    assert universe.total(NIA) == grps.total(NIA) == 3000


def test_a_server_that_hung_writes_its_own_session(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    first.hang(600)  # before it saved or sent
    universe.run(260)
    second = universe.playing()
    second.award(NIA, "ko")
    universe.run(20)
    second.leave(NIA)
    universe.run(600)
    assert first.session(NIA)["state"] == "lost"
    record = universe.record(NIA)
    assert [kept["total"] for _, kept in sorted(record["sessions"].items())] == [1500, KO]
    assert "lease" not in record
    assert universe.total(NIA) == grps.total(NIA) == 1500 + KO


def test_a_failed_call_that_was_done_takes_one_epoch(universe: Universe) -> None:
    universe.faults["UpdateAsync"] = (0.0, 1.0)
    server = universe.server()
    server.join(NIA)
    universe.run(8)
    universe.faults.clear()
    universe.run(20)
    assert server.session(NIA)["epoch"] == universe.record(NIA)["lastEpoch"] == START


def test_a_running_save_does_not_replace_the_last_one(universe: Universe) -> None:
    server = universe.playing()
    while not server.session(NIA).get("saving"):
        universe.run(0.25)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(0.25)
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    universe.run(200)
    assert server.session(NIA)["saved"] is False
    universe.faults.clear()
    universe.run(120)
    assert universe.total(NIA) == TRAINING
    assert "lease" not in universe.record(NIA)


def test_coming_back_unsaved_loses_nothing(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    grps.away = True
    universe.run(200)
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    universe.run(1)
    server.join(NIA)
    universe.run(200)
    universe.faults.clear()
    universe.run(200)
    assert server.session(NIA)["state"] == "ready"
    assert server.session(NIA)["known"] == TRAINING
    server.close()
    assert universe.total(NIA) == TRAINING


def test_a_profile_broken_during_the_stay_is_logged(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    universe.stores["GRPS_Points"][f"player:{NIA}"] = '"somebody else writes here"'
    server.award(NIA, "training")
    universe.run(90)
    assert server.session(NIA)["state"] == "broken"
    assert "store.broken" in kinds(grps)
    assert server.award(NIA, "training") == (0, "NO_SESSION")


def test_unsaved_players_are_saved_later(universe: Universe) -> None:
    server = universe.playing(NIA, ZED)
    server.award(NIA, "training")
    universe.faults["UpdateAsync"] = (1.0, 0.0)
    server.leave(NIA)
    universe.run(300)
    assert universe.total(NIA) == 0
    universe.faults.clear()
    universe.run(120)
    assert universe.total(NIA) == TRAINING


@pytest.mark.parametrize("away", [False, True])
def test_leaving_twice_unsaved_loses_nothing(universe: Universe, grps: Grps, away: bool) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(8)
    server.award(NIA, "operation")
    grps.away = away
    universe.faults = {"UpdateAsync": (1.0, 0.0), "AddAsync": (1.0, 0.0)}
    server.leave(NIA)
    universe.run(1)
    server.join(NIA)
    universe.run(20)
    server.leave(NIA)
    universe.run(120)
    universe.faults.clear()
    grps.away = False
    universe.run(300)
    assert universe.total(NIA) == 40_00
    assert "lease" not in universe.record(NIA)
    later = universe.playing()  # unsent events are in the record
    universe.run(10)
    later.close()
    assert grps.total(NIA) == universe.total(NIA) == 40_00
    assert (
        take(
            server.machine.call(
                server.machine.chunk("return #(...).context.store:all()"), server.grps
            )
        )
        == 0
    )


def test_a_last_save_overtakes_one_that_waits_for_budget(universe: Universe) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    for _ in range(280):
        server.leave_over("StandardWrite", 3)
        universe.run(0.25)
    assert server.session(NIA)["saving"] is True
    server.machine.call(server.machine.engine.get("close"))
    for _ in range(40):
        server.leave_over("StandardWrite", 3)
        universe.run(0.25)
    assert universe.total(NIA) == 15_00
    assert "lease" not in universe.record(NIA)


def test_a_profile_deleted_during_a_stay_is_leased_again(universe: Universe, grps: Grps) -> None:
    stay(universe, "operation")
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(10)
    del universe.stores["GRPS_Points"][f"player:{NIA}"]
    universe.run(130)
    assert server.award(NIA, "training") == (15_00, "")
    universe.run(70)
    server.close()
    assert grps.total(NIA) == universe.total(NIA) == 55_00
    assert "store.relet" in {line["kind"] for line in grps.lines}


def test_a_profile_restored_during_a_stay_is_leased_again(universe: Universe, grps: Grps) -> None:
    stay(universe, "training")
    older = universe.stores["GRPS_Points"][f"player:{NIA}"]
    server = universe.playing()
    server.award(NIA, "operation")
    universe.run(70)
    universe.stores["GRPS_Points"][f"player:{NIA}"] = older
    universe.run(70)
    assert server.award(NIA, "training") == (15_00, "")
    server.close()
    assert grps.total(NIA) == universe.total(NIA) == 55_00


def test_a_restored_foreign_lease_is_replaced(universe: Universe, grps: Grps) -> None:
    there = universe.playing()
    there.award(NIA, "ko")
    universe.run(70)
    older = universe.stores["GRPS_Points"][f"player:{NIA}"]
    there.leave(NIA)
    universe.run(10)
    here = universe.playing()
    here.award(NIA, "training")
    universe.run(10)
    universe.stores["GRPS_Points"][f"player:{NIA}"] = older
    universe.run(70)
    assert here.session(NIA)["state"] == "ready"
    assert universe.record(NIA)["lastEpoch"] == here.session(NIA)["epoch"]
    here.award(NIA, "training")
    universe.run(130)
    here.close()
    assert grps.total(NIA) == universe.total(NIA) == 30_25


def test_a_lease_that_another_server_had_is_lost(universe: Universe, grps: Grps) -> None:
    here = universe.playing()
    here.hang(400)
    universe.run(320)
    there = universe.playing()
    there.award(NIA, "training")
    there.leave(NIA)
    universe.run(10)
    assert "lease" not in universe.record(NIA)
    universe.run(200)
    assert here.session(NIA)["state"] == "lost"
    assert here.award(NIA, "training") == (0, "NO_SESSION")
