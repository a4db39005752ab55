"""Calls to data stores, their retries and their budgets."""

import pytest

from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Universe


def test_the_reserve_of_a_budget_is_for_leaving_players(universe: Universe) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    server.leave_over("StandardWrite", 4)
    server.join(NIA + 1)
    server.leave(NIA)
    universe.run(0.5)
    assert universe.total(NIA) == 1500
    assert server.session(NIA + 1)["state"] == "waiting"
    universe.run(4)
    assert server.session(NIA + 1)["state"] == "ready"


def test_calls_wait_in_order_urgent_ones_first(
    universe: Universe,
) -> None:
    server = universe.playing()
    universe.run(20)
    server.leave_over("StandardWrite", 0)
    server.do(
        """
        local calls = require(game.ServerScriptService.GRPS.server.data.datastore_retry)
        local store = game:GetService("DataStoreService"):GetDataStore("another")
        grps.order = {}
        local function call(name, urgent)
            task.spawn(function()
                calls.update(store, name, function()
                    table.insert(grps.order, name)
                    return { 1 }, {}
                end, urgent)
            end)
        end
        for place = 1, 20 do call("saved " .. place) end
        call("left 1", true)
        call("left 2", true)
        """
    )
    universe.run(60)
    order = take(server.machine.call(server.machine.chunk("return (...).order"), server.grps))
    assert order == ["left 1", "left 2", *(f"saved {place}" for place in range(1, 21))]
    assert universe.counts["throttled"] == 0


@pytest.mark.parametrize("told", [("newer",), ("older",)])
def test_budgets_are_read_by_either_of_their_names(
    universe: Universe, told: tuple[str, ...]
) -> None:
    universe.budgets_told = told
    server = universe.server()
    for user_id in range(1, 61):
        server.leave_over("StandardRead", 0)
        server.join(user_id)
    universe.run(60)
    assert universe.counts["throttled"] == 0
    assert server.session(60)["state"] == "ready"


def test_a_budget_of_zero_blocks_nobody_for_ever(
    universe: Universe,
) -> None:
    universe.budgets_told = ()
    server = universe.server()
    server.join(NIA)
    universe.run(30)
    assert server.session(NIA)["state"] == "waiting"
    universe.run(40)
    assert server.session(NIA)["state"] == "ready"
