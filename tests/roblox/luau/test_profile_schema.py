"""Profiles in the data store: epochs, folding, older and broken entries."""

import json

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    KO,
    LATE,
    stay,
)
from tests.roblox.luau.universe import NIA, Universe


def test_stays_have_their_own_epochs_and_old_ones_fold(universe: Universe, grps: Grps) -> None:
    epochs = []
    for _ in range(3):
        server = universe.playing()
        epochs.append(server.session(NIA)["epoch"])
        server.award(NIA, "training")
        universe.run(6)
        server.close()
        universe.now += LATE
    record = universe.record(NIA)
    assert len(set(epochs)) == 3
    assert [*record["sessions"]] == [str(epochs[2])]
    assert (record["folded"]["through"], record["folded"]["total"]) == (epochs[1], 3000)
    assert universe.total(NIA) == grps.total(NIA) == 4500


def test_a_session_that_grps_lacks_events_of_is_not_folded(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    grps.away = True
    server.award(NIA, "training")
    universe.run(6)
    server.close()
    later = universe.playing()
    later.award(NIA, "training")
    universe.run(70)
    first, _ = sorted(universe.record(NIA)["sessions"])
    assert len(universe.record(NIA)["outbox"]) == 2
    grps.away = False
    universe.run(200)
    assert grps.total(NIA) == 3000  # the second server sent the first one's event
    later.close()
    universe.now += LATE
    universe.playing().close()
    assert first not in universe.record(NIA)["sessions"]
    assert universe.total(NIA) == 3000


def test_a_profile_of_an_older_game_is_taken_over(universe: Universe) -> None:
    universe.stores["GRPS_Points"] = {
        f"player:{NIA}": json.dumps({"points": 1218.5, "kos": 33, "wos": 4})
    }
    server = universe.playing()
    assert server.session(NIA)["known"] == 121_850
    server.award(NIA, "training")
    server.close()
    assert universe.total(NIA) == 121_850 + 1500
    legacy = {"sequence": 1, "total": 121_850, "kos": 33, "wos": 4}
    assert universe.record(NIA)["sessions"]["0"] == legacy


def test_a_broken_profile_stays_as_it_is_and_is_logged(universe: Universe, grps: Grps) -> None:
    broken = json.dumps({"grps": 1, "sessions": {"1": {"sequence": "many", "total": 3}}})
    universe.stores["GRPS_Points"] = {f"player:{NIA}": broken}
    server = universe.playing()
    assert server.award(NIA, "training") == (0, "NO_SESSION")
    universe.run(120)
    server.close()
    assert universe.stores["GRPS_Points"][f"player:{NIA}"] == broken
    assert any(line["kind"] == "store.broken" and line["userId"] == NIA for line in grps.lines)


def test_a_session_is_not_folded_while_events_may_be_queued(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    first.award(NIA, "training")
    universe.run(70)  # sent and saved
    grps.away = True
    first.award(NIA, "ko")
    universe.run(20)  # in the queue, and not yet saved
    first.crash()
    universe.run(2 * 86_400, most=600)
    grps.away = False
    second = universe.playing()
    second.award(NIA, "training")
    universe.run(130)
    second.close()
    grps.drain(universe.queues["GRPS_Events"])
    universe.playing().close()
    assert universe.total(NIA) == grps.total(NIA) == 3000 + KO


def test_a_deleted_profile_gives_no_epoch_twice(universe: Universe, grps: Grps) -> None:
    stay(universe, "training")
    stay(universe, "operation")
    del universe.stores["GRPS_Points"][f"player:{NIA}"]
    stay(universe, "training")
    assert grps.total(NIA) == universe.total(NIA) == 55_00


def test_a_restored_profile_gives_no_epoch_twice(universe: Universe, grps: Grps) -> None:
    stay(universe, "training")
    older = universe.stores["GRPS_Points"][f"player:{NIA}"]
    stay(universe, "operation")
    universe.stores["GRPS_Points"][f"player:{NIA}"] = older
    stay(universe, "training")
    assert grps.total(NIA) == universe.total(NIA) == 55_00


def test_other_fields_of_an_older_game_stay(universe: Universe) -> None:
    older = {"points": 12.5, "kos": 1, "medals": ["gold"], "sessions": 7, "lease": "x"}
    universe.stores["GRPS_Points"] = {f"player:{NIA}": json.dumps(older)}
    stay(universe, "training")
    record = universe.record(NIA)
    assert record["medals"] == ["gold"]
    assert "points" not in record
    assert universe.total(NIA) == 27_50
