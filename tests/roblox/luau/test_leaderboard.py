"""The leaderboard in a game: from GRPS or the ordered store, requested once for all clients."""

from typing import Any

import msgspec
import pytest

from players.api import public_schemas, schemas
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Server, Universe

ZED = 157


@pytest.fixture
def grps() -> Grps:
    made = Grps(names={NIA: "Nia", ZED: "Zed"})
    made.adjusted = {NIA: (1, 1250), ZED: (1, 5000)}
    return made


@pytest.fixture
def server(grps: Grps) -> Server:
    made = Universe(http=grps).server()
    made.join(NIA, "Nia")
    made.universe.run(5)
    return made


def test_grps_is_played_as_it_speaks(grps: Grps) -> None:
    grps.counts = {"points": True, "privateServers": False, "studio": False}
    for path, shape in (
        ("/leaderboard/top?limit=50", public_schemas.TopOut),
        ("/roblox/players?search=ni", schemas.GameSearchOut),
        (f"/roblox/players/{NIA}?after=0", schemas.JoinOut),
        (f"/roblox/joins?players={NIA}:0,{ZED}:41", schemas.JoinsOut),
    ):
        answer = grps(
            f"https://grps.example.org{path}", "GET", {"x-grps-api-key": "secret of GRPS_KEY"}, ""
        )
        assert answer is not None
        assert msgspec.json.decode(answer[2], type=shape)


def tops(server: Server, count: int = 1, seconds: float = 3) -> list[Any]:
    """Ask for the leaderboard `count` times at once. Returns the answers."""
    chunk = server.machine.chunk(
        "local board, count = (...).context.remotes.parts.leaderboard, select(2, ...) local answers = {} "
        "for _ = 1, count do task.spawn(function() table.insert(answers, board:top()) end) end return answers"
    )
    answers = server.machine.call(chunk, server.grps, count)
    server.universe.run(seconds)
    found: list[Any] = take(answers)
    return found


def test_everybody_is_shown_as_grps_counts_them(server: Server) -> None:
    (answer,) = tops(server)
    assert answer == {
        "ok": True,
        "rows": [
            {"place": 1, "name": "Zed", "rank": "Initiate", "points": 50},
            {"place": 2, "name": "Nia", "rank": "Initiate", "points": 12.5},
        ],
    }


def test_many_who_ask_at_once_and_for_a_minute_are_one_request(server: Server, grps: Grps) -> None:
    assert len(tops(server, 40)) == 40
    server.universe.run(50)
    tops(server)
    assert grps.asked["/leaderboard/top"] == 1
    server.universe.run(10)
    tops(server)
    assert grps.asked["/leaderboard/top"] == 2


def test_without_grps_the_sums_of_the_game_are_shown(server: Server, grps: Grps) -> None:
    server.universe.stores["GRPS_Points_Index"] = {
        str(number): str(number * 100) for number in range(1, 61)
    }
    server.universe.stores["GRPS_Points_Index"][str(NIA)] = "990050"
    grps.away = True
    answers = tops(server, 10, seconds=10)
    assert all(answer == answers[0] for answer in answers)
    rows = answers[0]["rows"]
    assert rows[:2] == [
        {"place": 1, "name": "Nia", "points": 9900.5},
        {"place": 2, "name": "player_60", "points": 60},
    ]
    assert len(rows) == 50
    assert "without adjustments" in answers[0]["text"]
    assert server.universe.counts["GetSortedAsync"] == 1
    server.universe.run(60)
    tops(server)
    assert server.universe.counts["GetSortedAsync"] == 2
    # The server saved Nia's points, so the list has one more name to look up.
    assert server.universe.counts["name"] == 50


def test_unknown_names_are_ids_and_are_asked_again(server: Server, grps: Grps) -> None:
    server.universe.stores["GRPS_Points_Index"] = {"7": "100"}
    server.universe.faults["GetNameFromUserIdAsync"] = (1.0, 0.0)
    grps.away = True
    assert tops(server)[0]["rows"][0]["name"] == "user 7"
    server.universe.faults.clear()
    server.universe.run(60)
    assert tops(server)[0]["rows"][0]["name"] == "player_7"


def test_where_nothing_answers_it_says_so_and_tries_again_soon(server: Server, grps: Grps) -> None:
    grps.away = True
    server.universe.faults["GetSortedAsync"] = (1.0, 0.0)
    assert tops(server, seconds=5)[0]["ok"] is False
    grps.away = False
    server.universe.run(10)
    assert tops(server)[0]["ok"] is True


@pytest.mark.parametrize(
    "body", ["[]", '"x"', "null", '{"players": 7}', '{"players": [7, {"points": "x"}]}']
)
def test_what_is_no_leaderboard_breaks_nothing(body: str) -> None:
    grps = Grps()

    def http(url: str, *call: Any) -> Any:
        return (200, {}, body) if "leaderboard" in url else grps(url, *call)

    server = Universe(http=http).server()
    server.universe.run(5)
    assert tops(server)[0]["ok"] is True
    assert server.machine.errors == []


def test_a_grps_that_asks_to_be_left_alone_is(server: Server, grps: Grps) -> None:
    server.do("grps.context.api.quietUntil = os.clock() + 300")
    assert "without adjustments" in tops(server)[0]["text"]
    assert grps.asked["/leaderboard/top"] == 0


def test_in_studio_without_data_stores_it_works_from_memory(grps: Grps) -> None:
    grps.away = True
    server = Universe(http=grps, in_studio=True).server(memory=True)
    server.join(NIA, "Nia")
    server.universe.run(2)
    server.do("grps.context.store.profiles.index.sums:SetAsync('156', 1500)")
    assert tops(server)[0]["rows"] == [{"place": 1, "name": "Nia", "points": 15}]
