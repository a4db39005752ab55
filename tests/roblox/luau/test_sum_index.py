"""The ordered store of sums, through which GRPS finds differences."""

from tests.roblox.luau.helpers import TRAINING
from tests.roblox.luau.universe import NIA, Universe


def test_a_failed_write_is_tried_again(universe: Universe) -> None:
    server = universe.playing()
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    server.award(NIA, "training")
    universe.run(100)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}
    universe.faults.clear()
    universe.run(70)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): str(TRAINING)}


def test_a_refused_sum_is_written_later(
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
    assert universe.counts["OrderedWrite"] == asked  # a written sum is not written again


def test_a_late_sum_takes_back_nothing_of_another_server(
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


def test_a_pending_sum_of_a_deleted_profile_makes_no_entry(universe: Universe) -> None:
    server = universe.playing()
    universe.faults["SetIncrementSortedAsync"] = (1.0, 0.0)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(10)
    del universe.stores["GRPS_Points"][f"player:{NIA}"]
    universe.faults.clear()
    universe.run(150)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}


def test_a_sum_beyond_the_limit_is_written_by_a_later_save(universe: Universe) -> None:
    server = universe.playing()
    server.do("grps.context.store.profiles.index.pendingCount = 1000")
    server.award(NIA, "training")
    universe.run(70)
    assert universe.stores.get("GRPS_Points_Index", {}) == {}
    server.do("grps.context.store.profiles.index.pendingCount = 0")
    universe.run(70)
    assert universe.stores["GRPS_Points_Index"] == {str(NIA): "1500"}
