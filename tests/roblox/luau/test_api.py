"""The request budget of a game server."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import MAJOR
from tests.roblox.luau.universe import NIA, Universe

SEARCH = "local userId, text = ... grps.context.search:find(game.Players:GetPlayerByUserId(userId), text)"


def test_members_who_ask_endlessly_delay_nobody(universe: Universe, grps: Grps) -> None:
    server = universe.playing(*range(1000, 1010), NIA)
    for second in range(240):
        for member in range(1000, 1010):
            server.do(
                "task.spawn(grps.command, grps, game.Players:GetPlayerByUserId(...), 'warn 999999 spam')",
                member,
            )
        if second % 10 == 0:
            server.award(NIA, "training")
        universe.run(1)
    assert grps.asked["/roblox/players/999999"] == 0
    assert grps.total(NIA) == 24 * 15_00
    server.join(7)
    universe.run(3)
    assert server.session(7)["state"] == "ready"


def test_officers_who_search_endlessly_leave_half_the_budget(
    universe: Universe, grps: Grps
) -> None:
    officers = range(2000, 2030)
    for officer in officers:
        grps.standing[officer] = ("Tempest Major", None)
    server = universe.playing(NIA, *officers)
    universe.run(60)
    for second in range(180):
        for officer in officers:
            server.do(SEARCH, officer, f"somebody {second}")
        if second % 10 == 0:
            server.award(NIA, "training")
        universe.run(1)
    universe.run(6)
    assert grps.total(NIA) == 18 * 15_00
    assert 100 < grps.asked["/roblox/players"] < 400  # of 5,400


def test_a_command_is_sent_at_once_or_not_at_all(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    universe.http = lambda url, *call: (
        (503, {"Retry-After": "300"}, "{}") if "events" in url else grps(url, *call)
    )
    server.award(NIA, "training")
    universe.run(10)
    assert "does not answer now" in server.say(MAJOR, f"/grps warn {NIA} spam")
    universe.http = grps
    universe.run(400)
    assert grps.commands == []
