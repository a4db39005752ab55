"""The published example experience: players earn what its script says."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import NIA, Server, Universe

ZED = 157
SPAWN = """
    local Players = game:GetService("Players")
    local player = Players:GetPlayerByUserId(userId)
    local character = Instance.new("Model")
    local humanoid = Instance.new("Humanoid", character)
    humanoid.Died = Instance.new("BindableEvent").Event
    player.Character = character
    player.CharacterAdded:Fire(character)
"""
FALL = """
    local Players = game:GetService("Players")
    local humanoid = Players:GetPlayerByUserId(userId).Character.Humanoid
    if victor then
        local creator = Instance.new("ObjectValue", humanoid)
        creator.Name, creator.Value = "creator", Players:GetPlayerByUserId(victor)
    end
    humanoid.Died:Fire()
"""


def act(server: Server, source: str, *args: object, names: str = "userId") -> None:
    server.machine.call(
        server.machine.chunk(f"local grps, {names} = ... {source}"), server.grps, *args
    )


@pytest.fixture
def server(grps: Grps) -> Server:
    made = Universe(http=grps).example()
    for user_id in (NIA, ZED):
        made.join(user_id)
        act(made, SPAWN, user_id)
    made.universe.run(5)
    return made


def test_a_defeat_earns_a_ko_and_a_wo(server: Server, grps: Grps) -> None:
    act(server, FALL, NIA, ZED, names="userId, victor")
    server.universe.run(10)
    assert (grps.total(ZED), grps.total(NIA)) == (25, 0)
    assert [event[2] for event in grps.ledger] == [1, 1]


def test_a_fall_of_ones_own_is_nobodys_ko(server: Server, grps: Grps) -> None:
    act(server, FALL, NIA, NIA, names="userId, victor")
    act(server, FALL, ZED, None, names="userId, victor")
    server.universe.run(10)
    assert (grps.total(ZED), grps.total(NIA)) == (0, 0)


def test_a_character_that_was_there_first_is_watched_too(grps: Grps) -> None:
    universe = Universe(http=grps)
    server = universe.example(f"local userId = {NIA} {SPAWN} ", present=(NIA,))
    universe.run(5)
    act(server, FALL, NIA, None, names="userId, victor")
    universe.run(10)
    assert len(grps.ledger) == 1


def test_whoever_comes_to_the_finish_is_trained_once_a_stay(server: Server, grps: Grps) -> None:
    touch = """
        local character = game:GetService("Players"):GetPlayerByUserId(userId).Character
        game.Workspace.Finish.Touched:Fire({ Parent = character })
    """
    for _ in range(3):
        act(server, touch, NIA)
    act(server, "game.Workspace.Finish.Touched:Fire({ Parent = game.Workspace })", NIA)
    server.universe.run(10)
    assert (grps.total(NIA), grps.total(ZED)) == (15_00, 0)
    server.leave(NIA)
    server.universe.run(5)
    server.join(NIA)
    act(server, SPAWN, NIA)
    act(server, touch, NIA)
    server.universe.run(10)
    assert grps.total(NIA) == 30_00
