"""The package runs wherever it stands, and only its client's half runs on clients."""

from typing import Any

import pytest

from tests.roblox.luau.client import Client
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import evaluate
from tests.roblox.luau.machine import PLACE, LuauError, Tree
from tests.roblox.luau.universe import NIA, Server, Universe

PACKAGE = {"$path": "default.project.json"}
WALLY: Tree = {
    "ReplicatedStorage": {"Packages": {"_Index": {"grps_grps@1.0.0": {"ranks": PACKAGE}}}}
}
WHERE = "game.ReplicatedStorage.Packages._Index['grps_grps@1.0.0'].ranks"
START = "return require({}).start(...)"


def start(universe: Universe, tree: Tree, source: str, **config: Any) -> Server:
    given = {"url": "https://grps.example.org"} | config
    made = Server(universe, given, tree, source)
    universe.servers.append(made)
    return made


def test_the_package_runs_where_wally_places_it(universe: Universe, grps: Grps) -> None:
    server = start(universe, WALLY, START.format(WHERE))
    server.join(NIA)
    universe.run(3)
    assert server.award(NIA, "training") == (1500, "")
    client = Client(server, NIA)
    client.key()
    assert any("15 points" in text for text in client.texts)


def test_two_requires_get_one_grps(universe: Universe) -> None:
    server = start(universe, WALLY, START.format(WHERE))
    assert evaluate(server, f"require({WHERE}) == require({WHERE})") is True
    assert evaluate(server, f"require({WHERE}).get() == grps") is True


def test_a_second_copy_of_the_package_is_refused(universe: Universe) -> None:
    twice = f"require(game.ServerScriptService.GRPS).start(...) {START.format(WHERE)}"
    with pytest.raises(LuauError, match="another copy of GRPS runs in this game"):
        start(universe, PLACE | WALLY, twice)


def test_the_servers_code_is_not_copied_to_clients(universe: Universe) -> None:
    client = Client(universe.playing(), NIA)
    assert evaluate_on(client, "game.ReplicatedStorage.GRPSClient:FindFirstChild('server')") is None
    assert evaluate_on(client, "game.ReplicatedStorage.GRPSClient:FindFirstChild('shared') ~= nil")


def test_a_client_cannot_start_a_server(universe: Universe) -> None:
    client = Client(universe.playing(), NIA)
    with pytest.raises(LuauError, match=r"only a server starts GRPS; on a client call GRPS.client"):
        evaluate_on(client, "require(game.ReplicatedStorage.GRPSClient).start({})")


def test_a_clients_script_opens_the_panel(universe: Universe) -> None:
    client = Client(universe.playing(), NIA)
    evaluate_on(client, "require(game.ReplicatedStorage.GRPSClient).client().toggle()")
    client.run(2)
    assert "Me" in client.buttons


def test_a_server_has_no_panel(universe: Universe) -> None:
    server = universe.playing()
    with pytest.raises(LuauError, match="only a client has a panel"):
        evaluate(server, "require(game.ServerScriptService.GRPS).client()")


def test_a_game_may_leave_the_panel_out(universe: Universe) -> None:
    server = universe.server(panel=False)
    server.join(NIA)
    universe.run(3)
    assert Client(server, NIA).buttons == []


def test_halves_of_an_older_installation_say_what_to_do(universe: Universe) -> None:
    halves = {"ServerScriptService": {"GRPS": {"$path": "server"}}}
    with pytest.raises(LuauError, match="install the whole package"):
        start(universe, halves, START.format("game.ServerScriptService.GRPS"))


def test_an_older_installation_beside_it_is_named(universe: Universe) -> None:
    older = {"ReplicatedStorage": {"GRPSShared": {"$path": "shared"}}}
    server = start(universe, PLACE | older, START.format("game.ServerScriptService.GRPS"))
    assert any("delete ReplicatedStorage.GRPSShared" in line for line in server.machine.said)


def evaluate_on(client: Client, source: str) -> Any:
    return client.machine.call(client.machine.chunk(f"return {source}"))
