"""A server with a hundred players and fifty events a second, and its use of Roblox's budgets."""

import random

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import Server, Universe

CROWD, EVENTS = range(1, 101), 50  # players, and events a second
# Requests a minute that Roblox documents for such a server, if it is the only one of its universe.
BUDGETS = {
    "http": 500,
    "StandardRead": 60 + 40 * 100,
    "StandardWrite": 300 + 20 * 100,
    "OrderedList": 5 + 2 * 100,
    "OrderedWrite": 30 + 5 * 100,
}


# One event with a host after the other, in which everybody takes part: what the host says, by
# the seconds since its start.
HOST, ROUND = 1, 300
SAYS = {5: "/grps event start training", 240: "/grps event end", 250: "/grps award all training"}
MOVE_EVERY = 30  # seconds; so everybody is active all the time
MOVE = """
local grps = ...
for _, player in game:GetService("Players"):GetPlayers() do
    grps:active(player)
end
"""


def shares(minutes: int) -> dict[str, float]:
    """Return the used share of each budget during so many minutes of the game's time.

    Raises AssertionError if a request was throttled, if GRPS and the data store do not agree, or
    if GRPS was not told of every event with a host and of everybody's active minutes.
    """
    grps, dice = Grps(standing={HOST: ("Supreme Admirals", None)}), random.Random(1)
    universe = Universe(http=grps)
    server = universe.server()
    for user_id in CROWD:
        server.join(user_id)
    universe.run(90, most=1)
    before, rows = universe.counts.copy(), len(grps.ledger)
    for second in range(minutes * 60):
        _take_part(server, second)
        for _ in range(EVENTS):
            server.award(dice.choice(CROWD), dice.choice(["ko", "wo"]))
        universe.run(1, most=1)
    asked = {
        kind: (universe.counts[kind] - before[kind]) / minutes / most
        for kind, most in BUDGETS.items()
    }
    assert universe.counts["throttled"] == 0, universe.counts
    universe.run(120, most=1)
    server.close()
    assert all(universe.total(user_id) == grps.total(user_id) for user_id in CROWD)
    ticks = len(grps.ledger) - rows - minutes * 60 * EVENTS  # the policy's event of activity
    assert len(CROWD) * (minutes * 60 // 300) <= ticks
    _check_reports(grps, minutes)
    return asked


def _take_part(server: Server, second: int) -> None:
    """Let everybody move, and the host say what this second of an event is for."""
    if second % MOVE_EVERY == 0:
        server.machine.call(server.machine.chunk(MOVE), server.grps)
    if text := SAYS.get(second % ROUND):
        server.machine.call(server.outside.get("say"), HOST, text)


def _check_reports(grps: Grps, minutes: int) -> None:
    """Check the reports of events with a host, and the active minutes."""
    awarded = [one for one in grps.hosted if one.get("award")]
    assert len({one["id"] for one in awarded}) == minutes * 60 // ROUND
    assert {len(one["attendees"]) for one in awarded} == {len(CROWD) - 1}
    assert len(grps.hosted) > 4 * len(awarded)  # reports of an event that runs
    assert {user_id for user_id, _ in grps.active} == set(CROWD)
    assert min(grps.active.values()) >= minutes
