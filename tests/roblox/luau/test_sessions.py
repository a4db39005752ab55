"""Details that a game may add to events."""

from typing import Any

import pytest

from tests.roblox.luau.helpers import TRAINING
from tests.roblox.luau.machine import LuauError
from tests.roblox.luau.universe import NIA, Universe


@pytest.mark.parametrize("wrong", [1.5, 0, -1, float("nan"), float("inf"), 2e6, "3"])
def test_a_magnitude_that_grps_refuses_is_an_error(universe: Universe, wrong: Any) -> None:
    server = universe.playing()
    with pytest.raises(LuauError, match="magnitude must be a whole number"):
        server.give(NIA, "ko", magnitude=wrong)
    assert server.give(NIA, "training") == (TRAINING, "")
    server.close()
    assert universe.total(NIA) == TRAINING


@pytest.mark.parametrize("wrong", [-1, float("nan"), 1e9, "long"])
def test_an_impossible_duration_is_an_error(universe: Universe, wrong: Any) -> None:
    with pytest.raises(LuauError, match="duration must be seconds"):
        universe.playing().give(NIA, "activity", duration=wrong)


def test_a_duration_is_sent_in_whole_seconds(universe: Universe) -> None:
    server = universe.playing()
    assert server.give(NIA, "activity", duration=300.7) == (100, "")
    assert server.session(NIA)["tail"][0]["duration"] == 300
