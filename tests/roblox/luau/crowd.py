"""A server with a hundred players and fifty events a second, and its use of Roblox's budgets."""

import random

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import Universe

CROWD, EVENTS = range(1, 101), 50  # players, and events a second
# Requests a minute that Roblox documents for such a server, if it is the only one of its universe.
BUDGETS = {
    "http": 500,
    "StandardRead": 60 + 40 * 100,
    "StandardWrite": 300 + 20 * 100,
    "OrderedList": 5 + 2 * 100,
    "OrderedWrite": 30 + 5 * 100,
}


def shares(minutes: int) -> dict[str, float]:
    """Return the used share of each budget during so many minutes of the game's time.

    Raises AssertionError if a request was throttled, or if GRPS and the data store do not agree.
    """
    grps, dice = Grps(), random.Random(1)
    universe = Universe(http=grps)
    server = universe.server()
    for user_id in CROWD:
        server.join(user_id)
    universe.run(90, most=1)
    before = universe.counts.copy()
    for _ in range(minutes * 60):
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
    assert len(grps.ledger) == minutes * 60 * EVENTS
    return asked
