"""Records that are deleted, put back, or older than these modules, and the ordered store that
follows them.
"""

import json

from tests.luau.grps import Grps
from tests.luau.universe import NIA, Universe


def stay(universe: Universe, kind: str) -> None:
    server = universe.playing()
    server.award(NIA, kind)
    universe.run(8)
    server.close()


def test_a_record_that_was_deleted_gives_no_epoch_twice_and_comes_back(
    universe: Universe, grps: Grps
) -> None:
    stay(universe, "training")
    stay(universe, "operation")
    del universe.stores["GRPS_Points"][f"player:{NIA}"]
    stay(universe, "training")
    assert grps.total(NIA) == universe.total(NIA) == 55_00


def test_a_record_that_was_put_back_gives_no_epoch_twice_either(
    universe: Universe, grps: Grps
) -> None:
    stay(universe, "training")
    older = universe.stores["GRPS_Points"][f"player:{NIA}"]
    stay(universe, "operation")
    universe.stores["GRPS_Points"][f"player:{NIA}"] = older
    stay(universe, "training")
    assert grps.total(NIA) == universe.total(NIA) == 55_00


def test_what_an_older_game_kept_beside_its_points_stays(universe: Universe) -> None:
    older = {"points": 12.5, "kos": 1, "medals": ["gold"], "sessions": 7, "lease": "x"}
    universe.stores["GRPS_Points"] = {f"player:{NIA}": json.dumps(older)}
    stay(universe, "training")
    record = universe.record(NIA)
    assert record["medals"] == ["gold"]
    assert "points" not in record
    assert universe.total(NIA) == 27_50


def test_a_record_that_is_deleted_in_the_middle_of_a_stay_is_leased_again(
    universe: Universe, grps: Grps
) -> None:
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


def test_a_record_that_is_put_back_in_the_middle_of_a_stay_is_leased_again(
    universe: Universe, grps: Grps
) -> None:
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


def test_a_record_of_which_another_lease_comes_back_is_leased_again_under_a_known_epoch(
    universe: Universe, grps: Grps
) -> None:
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


def test_a_lease_that_another_server_had_since_is_lost_for_good(
    universe: Universe, grps: Grps
) -> None:
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


# The ordered store, by which GRPS finds what differs


def test_a_sum_that_the_ordered_store_did_not_take_is_written_later_also_of_whoever_left(
    universe: Universe,
) -> None:
    server = universe.playing()
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(20)
    assert universe.total(NIA) == 15_00
    assert str(NIA) not in universe.stores.get("GRPS_Points_Index", {})
    universe.faults.clear()
    universe.run(70)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): "1500"}
    asked = universe.counts["OrderedWrite"]
    universe.run(200)
    assert universe.counts["OrderedWrite"] == asked  # what is owed no more is not written again


def test_what_is_owed_to_the_ordered_store_takes_nothing_of_another_server_back(
    universe: Universe,
) -> None:
    here = universe.playing()
    here.award(NIA, "training")
    universe.run(10)
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    here.leave(NIA)
    universe.run(10)
    universe.faults.clear()
    there = universe.playing()
    there.award(NIA, "operation")
    universe.run(5)
    there.leave(NIA)
    universe.run(150)
    assert (
        universe.stores["GRPS_Points_Index"]
        == {str(NIA): str(universe.total(NIA))}
        == {str(NIA): "4000"}
    )


def test_what_is_owed_of_a_record_that_is_gone_makes_no_entry(universe: Universe) -> None:
    server = universe.playing()
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(10)
    del universe.stores["GRPS_Points"][f"player:{NIA}"]
    universe.faults.clear()
    universe.run(150)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}


def test_a_sum_beyond_what_may_be_owed_is_written_by_a_later_save(universe: Universe) -> None:
    server = universe.playing()
    server.do("grps.context.store.profiles.index.pendingCount = 1000")
    server.award(NIA, "training")
    universe.run(70)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}
    server.do("grps.context.store.profiles.index.pendingCount = 0")
    universe.run(70)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): "1500"}
