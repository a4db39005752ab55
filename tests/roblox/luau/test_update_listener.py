"""Messages from GRPS to game servers."""

from tests.roblox.luau.universe import NIA, Universe


def test_an_older_adjustment_changes_nothing(
    universe: Universe,
) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.publish("GRPS", {"grps": 1, "userId": NIA, "adjusted": {"sequence": 2, "total": -500}})
    universe.publish("GRPS", {"grps": 1, "userId": NIA, "adjusted": {"sequence": 1, "total": 900}})
    universe.run(1)
    assert server.session(NIA)["known"] == 1000


def test_suspended_players_earn_nothing_until_the_end(universe: Universe) -> None:
    server = universe.playing()
    suspended = {
        "grps": 1,
        "userId": NIA,
        "standing": {"rank": "Suspended", "sanction": "suspension"},
    }
    universe.publish("GRPS", suspended)
    universe.run(1)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": None}}
    )
    universe.run(1)
    assert server.award(NIA, "training") == (1500, "")
