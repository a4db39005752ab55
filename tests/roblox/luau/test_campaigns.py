"""Random campaigns of crashes and failures: GRPS and the data stores agree at the end."""

import os
import random
from collections import defaultdict
from typing import Any

import pytest

from tests.roblox.luau.crowd import MOVE
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL
from tests.roblox.luau.universe import Server, Universe


def _troubled(grps: Grps, seed: int) -> Universe:
    universe = Universe(http=grps, seed=seed, losing_messages=0.3)
    universe.faults = dict.fromkeys(
        ("UpdateAsync", "GetAsync", "SetIncrementSortedAsync"), (0.05, 0.05)
    )
    return universe


def _end(universe: Universe, grps: Grps, players: list[int]) -> None:
    """End all failures, and let everybody join once more."""
    grps.away = False
    universe.faults.clear()
    for server in list(universe.servers):
        server.close()
    grps.drain(universe.queues.get("GRPS_Events", []))
    last = universe.server()
    for user_id in players:
        last.join(user_id)
    universe.run(300)
    last.close()


# What a host says, in any order. Some of it is refused: there is no event, or there is one already.
SAYS = ["start training", "end", "strike player_4 slept", "end"]


def _host(server: Server, dice: random.Random) -> None:
    """Let everybody on a server move, and a host say something about their event."""
    server.machine.call(server.machine.chunk(MOVE), server.grps)
    if ADMIRAL in server.present:
        text = dice.choice([*(f"/grps event {one}" for one in SAYS), "/grps award all training"])
        server.machine.call(server.outside.get("say"), ADMIRAL, text)


def _check_hosted(grps: Grps) -> None:
    """Reports of one event only grow, also when their answers were lost."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for report in grps.hosted:
        events[report["id"]].append(report)
    assert len(events) > 0
    for reports in events.values():
        reports.sort(key=lambda report: report["revision"])
        by_revision = {report["revision"]: report for report in reports}
        assert all(by_revision[report["revision"]] == report for report in reports)
        assert len({(one["kind"], one["hostUserId"], one["startedAt"]) for one in reports}) == 1
        stayed: dict[int, int] = {}
        for report in reports:
            now = {one["userId"]: one["seconds"] for one in report["attendees"]}
            assert now.keys() >= stayed.keys()
            assert all(now[user_id] >= seconds for user_id, seconds in stayed.items())
            assert report["hostUserId"] not in now
            stayed = now


def _check_active(grps: Grps, players: list[int], minutes: float) -> None:
    """Nobody is active for longer than the campaign lasted."""
    active: dict[int, int] = defaultdict(int)
    for (user_id, _), told in grps.active.items():
        active[user_id] += told
    assert sum(active.values()) > 0
    assert set(active) <= set(players)
    assert max(active.values()) <= minutes


@pytest.mark.parametrize("seed", range(200 if os.environ.get("GRPS_LONG") else 6))
def test_crashes_and_failures_leave_all_books_equal(seed: int) -> None:
    dice = random.Random(seed)
    grps = Grps(lossy=0.2, dice=dice, standing={ADMIRAL: ("Supreme Admirals", None)})
    universe = _troubled(grps, seed)
    universe.faults |= {"conflict": (0.2, 0.0), "AddAsync": (0.2, 0.0)}
    players, began = [*range(1, 9)], universe.now
    for _ in range(40):
        if len(universe.servers) < 3:
            universe.server()
        server = dice.choice(universe.servers)
        happening = dice.random()
        if happening < 0.05:
            server.crash()
        elif happening < 0.1:
            server.close()
        elif happening < 0.15:
            server.hang(dice.randrange(60, 900))
        elif not server.hangs_until:
            for user_id in dice.sample(players, 3):
                if user_id not in server.present:
                    server.join(user_id)
                server.award(user_id, dice.choice(["training", "ko", "wo", "operation"]))
                if dice.random() < 0.2:
                    server.leave(user_id)
            _host(server, dice)
        grps.away = dice.random() < 0.15
        universe.run(dice.randrange(1, 40))
    _end(universe, grps, players)
    assert {user_id: universe.total(user_id) for user_id in players} == {
        user_id: grps.total(user_id) for user_id in players
    }
    assert sum(grps.total(user_id) for user_id in players) > 0
    _check_hosted(grps)
    _check_active(grps, players, (universe.now - began) / 60)
    index = universe.stores["GRPS_Points_Index"]  # GRPS finds differences through it
    assert {user_id: int(index[str(user_id)]) for user_id in players} == {
        user_id: universe.total(user_id) for user_id in players
    }


@pytest.mark.parametrize("seed", range(200 if os.environ.get("GRPS_LONG") else 6))
def test_without_crashes_every_award_is_in_every_book(seed: int) -> None:
    dice = random.Random(seed)
    grps = Grps(lossy=0.2, dice=dice)
    universe = _troubled(grps, seed)
    universe.faults |= {"conflict": (0.2, 0.0), "AddAsync": (0.5, 0.0)}
    universe.playing().close()  # loads the policy
    owed = dict.fromkeys(range(1, 7), 0)
    here: dict[int, Server] = {}
    for _ in range(60):
        if len(universe.servers) < 3:
            universe.server()
        user_id = dice.choice([*owed])
        if user_id not in here:
            here[user_id] = dice.choice(universe.servers)
            here[user_id].join(user_id)
        server = here[user_id]
        for _ in range(dice.randrange(4)):
            if owed[user_id] < 33 * 15_00:  # below the daily cap
                assert server.award(user_id, "training")[1] in {"", "WAITING"}
                owed[user_id] += 15_00
        happening = dice.random()
        if happening < 0.4:
            server.leave(user_id)
            del here[user_id]
        elif happening < 0.45:
            gone = [one for one, where in here.items() if where is server]
            server.close(*gone)
            for one in gone:
                del here[one]
        grps.away = dice.random() < 0.3
        universe.run(dice.choice([0, 0.5, 3, 30, 100]))
    _end(universe, grps, [*owed])
    assert {user_id: universe.total(user_id) for user_id in owed} == owed
    assert {user_id: grps.total(user_id) for user_id in owed} == owed
