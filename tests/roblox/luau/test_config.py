"""The configuration of a game."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import evaluate
from tests.roblox.luau.machine import LuauError
from tests.roblox.luau.universe import NIA, Universe


def test_studio_can_play_from_memory(universe: Universe, grps: Grps) -> None:
    universe.faults = dict.fromkeys(("UpdateAsync", "GetAsync", "SetIncrementAsync"), (1.0, 0.0))
    universe.in_studio = True
    server = universe.server(memory=True)
    server.join(NIA)
    universe.run(3)
    server.award(NIA, "training")
    server.leave(NIA)
    universe.run(3)
    server.join(NIA)
    universe.run(8)
    assert server.session(NIA)["known"] == 1500
    assert universe.stores == {}
    assert grps.asked["/roblox/events"] == 0  # points of a test experience are sent nowhere
    server.close()
    again = universe.server(memory=True)
    again.join(NIA)
    universe.run(8)
    assert again.award(NIA, "operation") == (2500, "")
    universe.run(60)
    assert again.session(NIA)["known"] == 2500
    assert not again.session(NIA)["tail"]
    assert grps.ledger == {}


def test_a_published_game_does_not_play_from_memory(universe: Universe) -> None:
    with pytest.raises(LuauError, match="memory is for play tests in Studio"):
        universe.server(memory=True)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"url": "grps.example.org"}, "url must be the address"),
        ({"stoer": "x"}, "stoer is unknown"),
        ({"flushSeconds": "often"}, "flushSeconds must be a number"),
        ({"autosaveSeconds": 1}, "use 30 seconds or more"),
        ({"autosaveSeconds": 100}, "three times autosaveSeconds"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fix(
    universe: Universe, config: dict[str, object], words: str
) -> None:
    with pytest.raises(Exception, match=words):
        universe.server(**config)


def test_player_list_and_chat_can_be_left_to_the_game(universe: Universe) -> None:
    server = universe.server(leaderstats=False, chat=False)
    server.join(NIA)
    universe.run(5)
    server.award(NIA, "training")
    assert evaluate(server, "player:FindFirstChild('leaderstats') == nil") is True
    assert server.say(NIA, "/grps me") == ""
