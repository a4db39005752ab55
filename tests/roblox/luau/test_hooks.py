"""What a game's own scripts add: signals, canEarn, verbs, and bridges to Cmdr and Adonis."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL, MAJOR, evaluate
from tests.roblox.luau.machine import LuauError, take
from tests.roblox.luau.universe import NIA, Server, Universe

FOLLOW = """
    grps.seen = {}
    grps.promoted:Connect(function(player, rank, before)
        table.insert(grps.seen, `{player.UserId} {before} to {rank}`)
    end)
    grps.sanctioned:Connect(function(player, kind) table.insert(grps.seen, `{player.UserId} {kind}`) end)
    grps.eventStarted:Connect(function(event) table.insert(grps.seen, event.kind) end)
"""
HEAL = """
    grps:addVerb({ name = "Heal", atLeast = "Captain I", arguments = { "player", "amount", "text" },
        run = function(player, whom, amount, text)
            return `{player.UserId} heals {whom.UserId} by {amount}: {text}`
        end })
"""
CMDR = """
    local found = { commands = {} }
    found.Registry = { RegisterCommandObject = function(self, command) found.commands[command.Name] = command end }
    local bridge = require(game.ServerScriptService.GRPS.bridges.cmdr)
"""
ADONIS = """
    grps.said = {}
    local server = { Settings = { Prefix = ":" }, Commands = {}, Functions = {
        Hint = function(text, players) table.insert(grps.said, `{players[1].UserId} {text}`) end } }
    require(game.ServerScriptService.GRPS.bridges.adonis)(require(game.ServerScriptService.GRPS))({ Server = server })
    grps.commands = server.Commands
"""


@pytest.fixture
def server(universe: Universe) -> Server:
    return universe.playing(NIA, MAJOR, ADMIRAL)


def hooked(universe: Universe, source: str) -> Server:
    start = f"(...).canEarn = {source} return require(game.ServerScriptService.GRPS).start(...)"
    made = Server(universe, {"url": "https://grps.example.org"}, start=start)
    universe.servers.append(made)
    made.join(NIA)
    universe.run(3)
    return made


def test_promotions_and_sanctions_are_signalled(server: Server) -> None:
    server.do(FOLLOW)
    for standing in ({"rank": "Captain I"}, {"rank": "Initiate"}, {"sanction": "suspension"}):
        server.universe.publish("GRPS", {"grps": 1, "userId": NIA, "standing": standing})
        server.universe.run(1)
    server.do("grps.context.signals:fireEventStarted({ kind = 'training' })")
    assert evaluate(server, "grps.seen") == [
        f"{NIA} Initiate to Captain I",
        f"{NIA} suspension",
        "training",
    ]


def test_what_a_player_joins_with_is_no_news(universe: Universe, grps: Grps) -> None:
    grps.standing[NIA] = ("Captain I", "suspension")
    server = universe.server()
    server.do(FOLLOW)
    server.join(NIA)
    universe.run(3)
    assert evaluate(server, "grps.seen") == {}


def test_a_warning_is_signalled(server: Server) -> None:
    server.do(FOLLOW)
    assert server.say(ADMIRAL, f"/grps warn {NIA} spammed the chat") == "Done."
    server.universe.run(3)
    assert evaluate(server, "grps.seen") == [f"{NIA} warning"]


def test_the_game_may_refuse_an_event(universe: Universe, grps: Grps) -> None:
    server = hooked(universe, "function(player, kind) return kind ~= 'ko' end")
    assert server.give(NIA, "ko") == (0, "REFUSED")
    assert server.give(NIA, "training") == (1500, "")
    universe.run(8)
    assert grps.total(NIA) == 15_00


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("function() error('broken') end", "broken"),
        ("function() coroutine.yield() return false end", "must not wait"),
    ],
)
def test_a_broken_hook_refuses_nothing(universe: Universe, source: str, why: str) -> None:
    server = hooked(universe, source)
    assert server.give(NIA, "training") == (1500, "")
    assert server.give(NIA, "ko") == (25, "")
    complaints = [line for line in server.machine.said if "hook.failed" in line]
    assert len(complaints) == 1
    assert why in complaints[0]


def test_the_hook_gives_nothing(universe: Universe) -> None:
    server = hooked(universe, "function() return true end")
    assert server.give(NIA, "no_such_event")[0] == 0


def test_a_game_has_verbs_of_its_own(server: Server) -> None:
    server.do(HEAL)
    line = f"/grps heal player_{NIA} 2.5 for the fight"
    assert server.say(ADMIRAL, line) == f"{ADMIRAL} heals {NIA} by 2.5: for the fight"
    assert server.say(NIA, line) == "Your rank does not entitle you to this."
    assert "whole username" in server.say(ADMIRAL, "/grps heal zoe 2 why")
    assert "how many points" in server.say(ADMIRAL, f"/grps heal {NIA} lots why")
    assert server.say(ADMIRAL, "/grps help").endswith("heal PLAYER AMOUNT TEXT")
    assert "heal" not in server.say(NIA, "/grps help")


def test_a_failing_verb_says_so(server: Server) -> None:
    server.do(
        "grps:addVerb({ name = 'fail', atLeast = 'Initiate', run = function() error('x') end })"
    )
    assert "The game could not do that" in server.say(NIA, "/grps fail")
    assert any("verb.failed" in line for line in server.machine.said)


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        ("{ name = 'warn', atLeast = 'Initiate' }", "cannot be the name"),
        ("{ name = 'two words', atLeast = 'Initiate' }", "cannot be the name"),
        ("{ name = 'go', atLeast = 'Initiate', arguments = { 'place' } }", "no argument of a verb"),
    ],
)
def test_a_verb_that_cannot_be_is_an_error(server: Server, verb: str, why: str) -> None:
    with pytest.raises(LuauError, match=why):
        evaluate(server, f"grps:addVerb({verb})")


def test_cmdr_runs_grps_commands(server: Server, grps: Grps) -> None:
    server.do(CMDR + "bridge.server(found, grps) grps.cmdr = found.commands")
    run = (
        "grps.cmdr.grpssuspend.Run({ Executor = game.Players:GetPlayerByUserId(given) }, "
        f"{NIA}, '7d', 'harassed others')"
    )
    server.do(f"local given = ... grps.answer = {run}", ADMIRAL)
    server.universe.run(3)
    assert evaluate(server, "grps.answer") == "Done."
    assert (grps.commands[0]["kind"], grps.commands[0]["reason"]) == ("suspend", "harassed others")
    server.do(f"local given = ... grps.answer = {run}", NIA)
    assert "You may not" in evaluate(server, "grps.answer")


def test_cmdr_knows_the_same_commands_on_clients(server: Server) -> None:
    server.do(CMDR + "bridge.server(found, grps) grps.cmdr = found.commands")
    server.do(CMDR + "bridge.client(found) grps.client = found.commands")
    server.do("for _, one in grps.cmdr do one.Run = nil end")
    here, there = evaluate(server, "grps.cmdr"), evaluate(server, "grps.client")
    assert here == there
    known = {"Name", "Description", "Group", "Args"}
    assert all(set(command) == known for command in here.values())
    assert here["grpswarn"]["Args"][0]["Type"] == "playerId"


def test_every_verb_has_its_bridge(server: Server) -> None:
    verbs = evaluate(server, "require(game.ServerScriptService.GRPS.bridges.verbs)")
    own = take(
        server.machine.require("ServerScriptService.GRPS.server.moderation.command_parser").get(
            "VERBS"
        )
    )
    assert {one["verb"] for one in verbs} == set(own) | {"event", "leave", "me"}


def test_a_rank_of_two_words_goes_through_both(server: Server, grps: Grps) -> None:
    server.do(CMDR + "bridge.server(found, grps) grps.cmdr = found.commands" + ADONIS)
    server.do(
        "grps.cmdr.grpsrank.Run({ Executor = game.Players:GetPlayerByUserId(...) }, "
        f"{NIA}, 'Shock Trooper II', 'does the work')",
        ADMIRAL,
    )
    server.universe.run(3)
    server.do(
        "grps.commands.GRPS_rank.Function(game.Players:GetPlayerByUserId(...), "
        f"{{ '{NIA}', 'Shock', 'Trooper II does the work' }})",
        ADMIRAL,
    )
    server.universe.run(3)
    assert [(one["rank"], one["reason"]) for one in grps.commands] == [
        ("Shock Trooper II", "does the work")
    ] * 2


def test_adonis_runs_grps_commands(server: Server, grps: Grps) -> None:
    server.do(ADONIS)
    who = "game.Players:GetPlayerByUserId(...)"
    server.do(f"grps.commands.GRPS.Function({who}, {{ 'warn {NIA} spammed' }})", ADMIRAL)
    server.universe.run(3)
    server.do(f"grps.commands.GRPS_note.Function({who}, {{ '{NIA}', 'is polite' }})", ADMIRAL)
    server.universe.run(3)
    assert evaluate(server, "grps.said") == [f"{ADMIRAL} Done."] * 2
    assert [one["kind"] for one in grps.commands] == ["warn", "note"]
    assert evaluate(server, "grps.commands.GRPS.AdminLevel") == "Players"
