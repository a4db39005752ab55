"""What clients may ask, and what their panel says: nothing that a client sends is decided by it, or breaks anything."""

from typing import Any

import pytest

from tests.luau.grps import Grps
from tests.luau.machine import Machine, take
from tests.luau.universe import Server, Universe

NIA, ZED = 156, 157


@pytest.fixture
def server() -> Server:
    grps = Grps()
    grps.standing[ZED] = ("Tempest Major", None)
    universe = Universe(http=grps)
    made = universe.server()
    made.join(NIA, "Nia")
    made.join(ZED, "Zed")
    universe.run(5)
    return made


def ask(server: Server, user_id: int, *question: Any) -> Any:
    """What GRPSAsk answers a client within some seconds."""
    chunk = server.machine.chunk(
        "local userId, question, text = ... "
        "local player = game.Players:GetPlayerByUserId(userId) "
        "task.spawn(function() "
        "  player.answer = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, question, text) end) "
        "return player"
    )
    player = server.machine.call(chunk, user_id, *question)
    server.universe.run(2)
    return take(server.machine.call(server.machine.chunk("return (...).answer"), player))


def test_a_player_sees_their_own_standing_and_what_is_missing(server: Server) -> None:
    server.award(NIA, "training")
    me = ask(server, NIA, "me")
    assert (me["rank"], me["points"], me["next"]) == ("Initiate", 15, "Shock Trooper I")
    assert me["missing"] == {"points": 35, "days": 0, "recommendations": 0}


def test_the_board_shows_who_is_here_with_the_most_points_first(server: Server) -> None:
    server.award(ZED, "training")
    assert [row["name"] for row in ask(server, NIA, "board")["rows"]] == ["Zed", "Nia"]


def test_an_officer_s_words_go_the_same_way_as_in_the_chat(server: Server) -> None:
    assert ask(server, ZED, "command", "warn Nia spammed the chat") == {"ok": True, "text": "Done."}
    assert ask(server, NIA, "command", "warn Zed why not")["ok"] is False


@pytest.mark.parametrize(
    "question",
    [("fly",), (), (7,), ({"a": 1},), ("command",), ("command", 7), ("command", ["warn"]), ("command", "x" * 601)],
)
def test_nonsense_is_answered_and_breaks_nothing(server: Server, question: tuple[Any, ...]) -> None:
    assert ask(server, NIA, *question)["ok"] is False
    assert server.machine.errors == []


def test_a_client_that_asks_too_often_is_told_so_and_others_are_not(server: Server) -> None:
    chunk = server.machine.chunk(
        "local userId = ... local player, text = game.Players:GetPlayerByUserId(userId), nil "
        "for _ = 1, 12 do text = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, 'board').text end return text"
    )
    assert "Too fast" in str(server.machine.call(chunk, NIA))
    assert ask(server, ZED, "board")["ok"] is True


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234567.5, "1,234,567.5"), (999, "999"), (1000, "1,000"), (-1500.25, "-1,500.25")]
)
def test_numbers_read_well(value: float, text: str) -> None:
    machine = Machine()
    words = machine.require("StarterPlayer.StarterPlayerScripts.GRPSClient.words")
    assert take(machine.call(words.get("number"), value)) == text


def test_the_panel_says_what_is_missing() -> None:
    machine = Machine()
    words = machine.require("StarterPlayer.StarterPlayerScripts.GRPSClient.words")
    me = {"ok": True, "rank": "Initiate", "points": 12.5, "next": "Major"}
    short = me | {"missing": {"points": 1037.5, "days": 1, "recommendations": 0}}
    assert take(machine.call(words.get("own"), short)) == "Initiate, 12.5 points"
    assert take(machine.call(words.get("missing"), short)) == "Major still asks for 1,037.5 points, 1 day."
    due = me | {"missing": {"points": 0, "days": 0, "recommendations": 0}}
    assert take(machine.call(words.get("missing"), due)) == "Major is due."


def test_every_source_of_the_project_compiles() -> None:
    machine = Machine("example.project.json")
    for path in (
        "client/init.client.luau",
        "example/example.server.luau",
    ):
        assert machine._module(path)
