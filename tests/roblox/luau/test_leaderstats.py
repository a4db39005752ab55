"""Points and rank in the player list."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import evaluate
from tests.roblox.luau.universe import NIA, Universe


def test_points_are_shown_before_the_rank_is_known(universe: Universe, grps: Grps) -> None:
    universe.playing().close()
    grps.away = True
    server = universe.playing()
    universe.run(30)
    shown = "{ player.leaderstats.Points.Value, player.leaderstats.Rank.Value }"
    assert evaluate(server, shown) == [0, "…"]
    me = server.ask(NIA, "me")
    assert (me["rank"], me["points"]) == ("…", 0)
    assert server.ask(NIA, "board")["rows"] == [
        {"userId": NIA, "name": f"player_{NIA}", "rank": "…", "points": 0}
    ]
    grps.away = False
    universe.run(120)
    assert evaluate(server, shown) == [0, "Initiate"]


def test_a_value_of_the_game_is_left_as_it_is(universe: Universe) -> None:
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
