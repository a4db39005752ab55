"""Game servers use at most a quarter of Roblox's budgets, and their memory stays flat."""

import json
import os
import random

from tests.roblox.luau import crowd
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import Universe

LONG = bool(os.environ.get("GRPS_LONG"))
MINUTES = 60 if LONG else 5
DAYS = 14 if LONG else 5
STAYS = 4  # of a player per day
SAVE_EVERY = 300 if LONG else 900  # seconds


def test_a_busy_server_takes_a_quarter_of_the_budgets() -> None:
    asked = crowd.shares(MINUTES)
    assert asked["http"] > 0.01
    assert asked["StandardWrite"] > 0.01
    assert {kind: share for kind, share in asked.items() if share > 0.25} == {}


def test_many_players_at_once_stay_within_the_budgets() -> None:
    universe = Universe(http=Grps())
    server = universe.playing(*range(1, 101))
    universe.run(60, most=1)
    before = universe.counts["http"]
    for first in (101, 201):
        for user_id in range(first, first + 100):
            server.leave(user_id - 100)
            server.join(user_id)
        universe.run(6, most=0.5)
        assert all(
            server.session(user_id)["state"] == "ready" for user_id in range(first, first + 100)
        )
        universe.run(20, most=1)
    assert universe.counts["http"] - before < 60  # of 500, in less than a minute


def test_days_of_play_leave_memory_and_profiles_flat() -> None:
    grps, dice = Grps(), random.Random(2)
    universe = Universe(http=grps)
    # Rare saves, since saving is most of the work and does not affect what may grow.
    server = universe.server(
        autosaveSeconds=SAVE_EVERY, leaseSeconds=3 * SAVE_EVERY, flushSeconds=20
    )
    sizes: list[tuple[int, int]] = []
    for hour in range(DAYS * 24):
        if hour % (24 // STAYS) == 0:
            for user_id in range(1, 6):
                server.leave(user_id)
            universe.run(20, most=5)
            for user_id in range(1, 6):
                server.join(user_id)
            universe.run(20, most=5)
        grps.away = hour % 12 == 7
        for _ in range(30):
            server.award(dice.randrange(1, 6), dice.choice(["training", "ko"]))
            universe.run(120, most=20)
        if hour % 6 == 5:
            record = universe.record(1)
            assert (
                len(record["sessions"]) <= STAYS * 3 + 2
            )  # of the days in which events may still arrive
            assert len(record["outbox"]) <= 300
            sizes.append((server.machine.memory, len(json.dumps(record))))
    half = len(sizes) // 2
    # Memory in use varies by a tenth between moments.
    assert max(memory for memory, _ in sizes[half:]) < 1.25 * max(
        memory for memory, _ in sizes[:half]
    )
    assert max(size for _, size in sizes[half:]) < 1.3 * max(size for _, size in sizes[:half])


def test_an_hour_without_grps_loses_no_point() -> None:
    grps = Grps()
    universe = Universe(http=grps)
    server = universe.server()
    server.join(1)
    universe.run(5)
    grps.away = True
    for _ in range(400):
        server.award(1, "wo")
        server.award(1, "training")
        universe.run(9, most=3)
    assert len(server.session(1)["tail"]) == 300
    grps.away = False
    grps.drain(universe.queues["GRPS_Events"])
    universe.run(120)
    server.close()
    assert universe.total(1) == grps.total(1)
    assert [part.sequence for part in grps.parts(1).values()] == [800]
