"""The syntax of officers' commands."""

import pytest

from tests.roblox.luau.helpers import GENERAL, ZED
from tests.roblox.luau.universe import NIA, Universe


@pytest.mark.parametrize("reason", ["x" + " " * 100_000 + "x", "x" * 2001])
def test_a_reason_is_measured_before_it_is_searched(universe: Universe, reason: str) -> None:
    server = universe.playing()
    answer = server.ask(NIA, "act", {"verb": "warn", "userId": ZED, "reason": reason})
    assert answer == {"ok": False, "text": "The reason is too long or not readable."}


def test_an_adjustment_needs_an_amount(universe: Universe) -> None:
    server = universe.playing(GENERAL, NIA)
    assert server.say(GENERAL, f"/grps adjust {NIA}").startswith("Say how many points")
