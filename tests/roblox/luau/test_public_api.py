"""The functions that a game calls: start, get, award, rank, points, stop."""

from itertools import takewhile
from pathlib import Path

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import evaluate
from tests.roblox.luau.machine import LuauError
from tests.roblox.luau.universe import NIA, Server, Universe

PAYING = """
    local grps
    game:GetService("Players").%s:Connect(function(player) grps:award(player, "training") end)
    grps = require(game.ServerScriptService.GRPS).start(...)
    return grps
"""


def paying(universe: Universe, signal: str) -> Server:
    """Start a game that awards a training to each player named in `signal`. Nia just joined."""
    server = Server(universe, {"url": "https://grps.example.org"}, start=PAYING % signal)
    universe.servers.append(server)
    server.join(NIA)
    return server


def test_other_scripts_get_what_the_first_one_started(universe: Universe) -> None:
    server = universe.playing()
    assert evaluate(server, "require(game.ServerScriptService.GRPS).get() == grps") is True
    assert evaluate(server, "pcall(require(game.ServerScriptService.GRPS).start, {})") is False
    server.do("grps:stop() grps.waited = require(game.ServerScriptService.GRPS).get()")
    universe.run(20)
    assert any("no script has called GRPS.start yet" in line for line in server.machine.said)
    assert evaluate(server, "grps.waited") is None


def test_rank_and_points_are_a_call_away(universe: Universe, grps: Grps) -> None:
    grps.standing[NIA] = ("Captain I", None)
    server = universe.server()
    server.join(NIA)
    assert evaluate(server, "{ tostring(grps:rank(player)), tostring(grps:points(player)) }") == [
        "nil",
        "nil",
    ]
    assert evaluate(server, "grps:isAtLeast(player, 'Initiate')") is False
    universe.run(5)
    server.award(NIA, "wo")
    server.award(NIA, "ko", magnitude=3)
    assert evaluate(server, "{ grps:rank(player), grps:points(player) }") == ["Captain I", 0.75]
    for rank, held in (
        ("Initiate", True),
        ("Captain I", True),
        ("Captain II", False),
        ("Imperator", False),
    ):
        assert evaluate(server, "grps:isAtLeast(player, given)", rank) is held
    with pytest.raises(LuauError, match="the policy has no rank Captian I"):
        evaluate(server, "grps:isAtLeast(player, 'Captian I')")


def test_test_players_of_studio_earn_nothing(universe: Universe, grps: Grps) -> None:
    server = universe.server()
    server.join(-1, "Player1")
    universe.run(5)
    assert server.award(-1, "training") == (0, "NO_SESSION")
    server.leave(-1)
    server.close()
    assert universe.stores.get("GRPS_Points", {}) == {}
    assert grps.asked["/roblox/events"] == 0
    assert server.machine.errors == []


def test_stopping_twice_stops_once(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    server.do("grps:stop()")
    universe.run(5)
    assert universe.total(NIA) == grps.total(NIA) == 1500
    server.join(NIA + 1)  # nobody listens any longer
    universe.run(5)
    assert server.session(NIA + 1) is None
    server.close(NIA)
    assert server.machine.errors == []


@pytest.mark.parametrize("signal", ["PlayerAdded", "PlayerRemoving"])
def test_a_game_awards_in_its_own_handlers(universe: Universe, grps: Grps, signal: str) -> None:
    server = paying(universe, signal)
    universe.run(10)
    server.do(
        "game:GetService('Players').PlayerRemoving:Connect(function(player) grps:award(player, 'operation') end)"
    )
    server.leave(NIA)
    universe.run(10)
    assert grps.total(NIA) == universe.total(NIA) == 40_00


def test_an_early_handler_awards_a_player_who_comes_back(universe: Universe, grps: Grps) -> None:
    server = paying(universe, "PlayerAdded")
    universe.run(8)
    grps.away = True
    server.award(NIA, "ko")
    server.leave(NIA)
    universe.run(5)
    assert server.session(NIA)["state"] == "left"  # with unsent events
    grps.away = False
    server.join(NIA)
    universe.run(130)
    assert grps.total(NIA) == universe.total(NIA) == 30_25


def test_players_of_a_closing_server_can_be_awarded(universe: Universe, grps: Grps) -> None:
    server = paying(universe, "PlayerRemoving")
    universe.run(8)
    server.close(NIA)
    assert universe.total(NIA) == 15_00


def test_a_player_who_is_not_here_earns_nothing(universe: Universe) -> None:
    server = universe.playing()
    server.leave(NIA)
    universe.run(5)
    assert server.award(NIA, "training") == (0, "NO_SESSION")
    assert universe.server().award(NIA, "training") == (0, "NO_SESSION")


def test_the_first_script_of_the_docs_gives_points(universe: Universe, grps: Grps) -> None:
    docs = Path("docs/connect-a-game.md").read_text(encoding="utf-8")
    lines = docs.partition("A Script in `ServerScriptService`")[2].partition("\n\n")[2].splitlines()
    script = "\n".join(takewhile(lambda line: line.startswith("    ") or not line, lines))
    server = Server(universe, {}, start=f"{script} return grps")
    universe.servers.append(server)
    server.join(NIA)
    universe.run(70)
    assert grps.total(NIA) == 15_00
