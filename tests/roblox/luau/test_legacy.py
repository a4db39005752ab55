"""Points from before GRPS: taken over once by the game, and never added to an import."""

import json
from typing import Any

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.machine import LuauError
from tests.roblox.luau.universe import NIA, Server, Universe

# Starts GRPS with a reader of the package, or a game's own function.
START = """
local config = ...
local name = config.legacy
local GRPS = require(game:GetService("ServerScriptService").GRPS)
config.legacy = GRPS.legacyReaders[config.legacy] or function(entry)
    if name == "broken" then error("no such field") end
    return if type(entry) == "table" then { points = entry.Gold, kos = 2 } else nil
end
return GRPS.start(config)
"""


def playing(universe: Universe, legacy: str, **config: Any) -> Server:
    given = {"url": "https://grps.example.org", "legacy": legacy} | config
    server = Server(universe, given, start=START)
    universe.servers.append(server)
    server.join(NIA)
    universe.run(3)
    return server


def put(universe: Universe, store: str, key: str, value: Any) -> None:
    universe.stores[store] = {key: json.dumps(value)}


def entry(universe: Universe, key: str) -> Any:
    return json.loads(universe.read("GRPS_Points", key) or "null")


@pytest.mark.parametrize(
    ("reader", "value", "total"),
    [
        ("auto", 120, 12_000),
        ("auto", "12.5", 1250),
        ("points", {"Total Points": 7}, 700),
        ("profileStore", {"Data": {"XP": 9, "Kills": 3}, "MetaData": {}}, 900),
        ("dataStore2", {"points": 4}, 400),
        ("own", {"Gold": 5}, 500),
    ],
)
def test_an_old_entry_is_taken_over(
    universe: Universe, grps: Grps, reader: str, value: Any, total: int
) -> None:
    put(universe, "GRPS_Points", f"Player_{NIA}", value)
    server = playing(universe, reader, keyForm="Player_{userId}")
    assert server.session(NIA)["known"] == total
    server.award(NIA, "training")
    server.close()
    legacy = entry(universe, f"Player_{NIA}")["sessions"]["0"]
    assert (legacy["sequence"], legacy["total"]) == (1, total)
    again = playing(universe, reader, keyForm="Player_{userId}")
    assert again.session(NIA)["known"] == total + 1500


def test_an_entry_of_another_data_store_is_read_once(universe: Universe, grps: Grps) -> None:
    put(universe, "Old", f"id-{NIA}", {"Gold": 8})
    where = {"legacyStore": "Old", "legacyKeyForm": "id-{userId}"}
    playing(universe, "own", **where).close()
    put(universe, "Old", f"id-{NIA}", {"Gold": 800})
    server = playing(universe, "own", **where)
    assert server.session(NIA)["known"] == 800
    assert universe.record(NIA)["sessions"]["0"]["kos"] == 2


def test_a_reader_that_fails_leaves_the_entry_as_it_is(universe: Universe, grps: Grps) -> None:
    put(universe, "GRPS_Points", f"player:{NIA}", {"Gold": 8})
    server = playing(universe, "broken")
    assert server.award(NIA, "training") == (0, "NO_SESSION")
    assert universe.record(NIA) == {"Gold": 8}


def test_a_key_form_needs_the_user_id(universe: Universe) -> None:
    with pytest.raises(LuauError, match="keyForm must contain"):
        playing(universe, "auto", keyForm="Player")
