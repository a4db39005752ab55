"""What a developer meets who just put the modules into a game: mistakes that name themselves, and a
handle to ask.
"""

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.luau.grps import Grps
from tests.luau.machine import LuauError, take
from tests.luau.universe import NIA, Answer, Http, Server, Universe


def refusing(status: int) -> Http:
    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return status, {}, "{}"

    return http


def warnings(server: Server) -> list[str]:
    return [line for line in server.machine.said if "policy.away" in line]


def evaluate(server: Server, source: str, *args: Any) -> Any:
    chunk = server.machine.chunk(f"local grps, player, given = ... return {source}")
    player = server.machine.call(
        server.machine.chunk(f"return game.Players:GetPlayerByUserId({NIA})")
    )
    return take(server.machine.call(chunk, server.grps, player, *args))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the key in the secret GRPS_KEY"),
        (403, "put a valid key"),
        (502, "answers 502"),
    ],
)
def test_a_key_that_grps_does_not_take_is_told_at_once_with_its_mend(
    universe: Universe, status: int, words: str
) -> None:
    universe.http = refusing(status)
    server = universe.server()
    universe.run(2)
    (line,) = warnings(server)
    assert words in line
    assert "nothing counts until there is a policy" in line
    universe.run(500)
    assert len(warnings(server)) == 1  # and not at every look
    universe.run(200)
    assert len(warnings(server)) == 2


def test_a_missing_secret_is_told_and_so_is_the_next_trouble(
    universe: Universe, grps: Grps
) -> None:
    universe.secrets.clear()
    server = universe.server()
    universe.run(2)
    assert "there is no secret GRPS_KEY" in warnings(server)[0]
    universe.secrets.add("GRPS_KEY")
    grps.away = True
    universe.run(20)
    assert "nobody answers at https://grps.example.org" in warnings(server)[-1]
    grps.away = False
    universe.run(20)
    server.join(NIA)
    universe.run(3)
    assert server.award(NIA, "training") == (1500, "")
    assert len(warnings(server)) == 2


def test_with_a_policy_kept_from_before_points_are_not_said_to_wait(
    universe: Universe, grps: Grps
) -> None:
    universe.playing().close()
    grps.away = True
    server = universe.playing()
    universe.run(5)
    (line,) = warnings(server)
    assert "nothing counts" not in line


def test_points_are_shown_before_anything_is_earned_and_while_the_rank_is_not_known(
    universe: Universe, grps: Grps
) -> None:
    universe.playing().close()
    grps.away = True
    server = universe.playing()
    universe.run(30)
    shown = "{ player.leaderstats.Points.Value, player.leaderstats.Rank.Value }"
    assert evaluate(server, shown) == [0, "…"]
    me = server.ask(NIA, "me")
    assert (me["rank"], me["points"]) == ("…", 0)
    assert server.ask(NIA, "board")["rows"] == [{"name": f"player_{NIA}", "rank": "…", "points": 0}]
    grps.away = False
    universe.run(120)
    assert evaluate(server, shown) == [0, "Initiate"]


def test_a_value_of_the_games_own_is_left_as_it_is(universe: Universe) -> None:
    server = universe.server()
    server.machine.call(
        server.machine.chunk(
            "game.Players.PlayerAdded:Connect(function(player) "
            "local folder = Instance.new('Folder') folder.Name = 'leaderstats' folder.Parent = player "
            "local own = Instance.new('IntValue') own.Name = 'Rank' own.Value = 7 own.Parent = folder end)"
        )
    )
    server.join(NIA)
    universe.run(5)
    server.award(NIA, "training")
    server.award(NIA, "training")
    assert evaluate(
        server, "{ player.leaderstats.Points.Value, player.leaderstats.Rank.Value }"
    ) == [30, 7]
    assert len([line for line in server.machine.said if "leaderstats.taken" in line]) == 1
    assert server.machine.errors == []


def test_the_board_and_the_chat_can_be_left_to_the_game(universe: Universe) -> None:
    server = universe.server(leaderstats=False, chat=False)
    server.join(NIA)
    universe.run(5)
    server.award(NIA, "training")
    assert evaluate(server, "player:FindFirstChild('leaderstats') == nil") is True
    assert server.say(NIA, "/grps me") == ""


def test_another_script_gets_what_the_first_one_started(universe: Universe) -> None:
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


def test_players_of_a_test_with_several_clients_earn_nothing_and_break_nothing(
    universe: Universe, grps: Grps
) -> None:
    server = universe.server()
    server.join(-1, "Player1")
    universe.run(5)
    assert server.award(-1, "training") == (0, "NO_SESSION")
    server.leave(-1)
    server.close()
    assert universe.stores.get("GRPS_Points", {}) == {}
    assert grps.asked["/roblox/events"] == 0
    assert server.machine.errors == []


def test_stopping_twice_stops_once_and_the_server_closes_in_order(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    server.do("grps:stop()")
    universe.run(5)
    assert universe.total(NIA) == grps.total(NIA) == 1500
    server.join(NIA + 1)  # nobody listens any more
    universe.run(5)
    assert server.session(NIA + 1) is None
    server.close(NIA)
    assert server.machine.errors == []


PAYING = """
    local grps
    game:GetService("Players").%s:Connect(function(player) grps:award(player, "training") end)
    grps = require(game.ServerScriptService.GRPS).start(...)
    return grps
"""


def paying(universe: Universe, signal: str) -> Server:
    """A server of a game that trains whoever it hears of by `signal`; Nia just joined."""
    server = Server(universe, {"url": "https://grps.example.org"}, start=PAYING % signal)
    universe.servers.append(server)
    server.join(NIA)
    return server


@pytest.mark.parametrize("signal", ["PlayerAdded", "PlayerRemoving"])
def test_a_game_pays_in_its_own_handlers_whichever_is_called_first(
    universe: Universe, grps: Grps, signal: str
) -> None:
    server = paying(universe, signal)
    universe.run(10)
    server.do(
        "game:GetService('Players').PlayerRemoving:Connect(function(player) grps:award(player, 'operation') end)"
    )
    server.leave(NIA)
    universe.run(10)
    assert grps.total(NIA) == universe.total(NIA) == 40_00


def test_whoever_comes_back_is_paid_by_a_handler_that_is_called_first(
    universe: Universe, grps: Grps
) -> None:
    server = paying(universe, "PlayerAdded")
    universe.run(8)
    grps.away = True
    server.award(NIA, "ko")
    server.leave(NIA)
    universe.run(5)
    assert server.session(NIA)["state"] == "left"  # with something unsent
    grps.away = False
    server.join(NIA)
    universe.run(130)
    assert grps.total(NIA) == universe.total(NIA) == 30_25


def test_whoever_is_sent_away_by_a_closing_server_is_paid_as_ever(
    universe: Universe, grps: Grps
) -> None:
    server = paying(universe, "PlayerRemoving")
    universe.run(8)
    server.close(NIA)
    assert universe.total(NIA) == 15_00


def test_whoever_is_not_here_earns_nothing(universe: Universe) -> None:
    server = universe.playing()
    server.leave(NIA)
    universe.run(5)
    assert server.award(NIA, "training") == (0, "NO_SESSION")
    assert universe.server().award(NIA, "training") == (0, "NO_SESSION")


def test_the_first_script_of_the_docs_gives_first_points_as_it_stands(
    universe: Universe, grps: Grps
) -> None:
    docs = Path("docs/connect-a-game.md").read_text(encoding="utf-8")
    lines = docs.partition("A Script in `ServerScriptService`")[2].partition("\n\n")[2].splitlines()
    script = "\n".join(takewhile(lambda line: line.startswith("    ") or not line, lines))
    server = Server(universe, {}, start=f"{script} return grps")
    universe.servers.append(server)
    server.join(NIA)
    universe.run(70)
    assert grps.total(NIA) == 15_00
