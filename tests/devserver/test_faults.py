"""A lively community is synced, also while random processes are killed during a simulated day."""

import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from common.environment import BASE_DIR
from tests.devserver.conftest import Up

LONG = bool(os.environ.get("GRPS_LONG"))
VICTIMS = ["postgres", "web", "valkey", "worker", "beat"]
PLAYERS, HOURS, KILLS = (300, 4, 80) if LONG else (30, 0.5, len(VICTIMS))


@pytest.fixture(scope="module")
def lively_up(shared_up: Up) -> Up:
    """Return a running system with the emulated Roblox, as `make up` starts without a key.

    All of it reaches the database through a transaction pool of six connections.
    """
    shared_up.module = "tests.pooling.up"
    shared_up.environment |= {"GRPS_EMULATOR": "on", "DATABASE_POOL": "transaction"}
    shared_up.start()
    return shared_up


def test_a_lively_community_is_synced_by_itself(lively_up: Up) -> None:
    ready = lively_up.ready()

    def is_synced() -> bool:
        players = lively_up.http.get("/leaderboard/top?limit=100").json()["players"]
        return len(players) == 100 and any(player["rank"] != "Initiate" for player in players)

    lively_up.wait_for(is_synced, every=1)
    drift = [ready["url"], "POST", "/sync/roblox", '{"activity": "policy-drift"}']
    call = _run(
        lively_up,
        *("deploy/signed_call.py", *drift, "--wait", "60"),
        AUTOMATION_SIGNATURE_SECRET=ready["signatureSecret"],
    )
    assert call.returncode == 0, call.stderr
    assert json.loads(call.stdout)["status"] == "done"
    doctor = _run(lively_up, "manage.py", "roblox", "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "All is well." in doctor.stdout
    assert lively_up.errors() == []


def _run(up: Up, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=up.environment | environment,
        capture_output=True,
        text=True,
    )


def test_a_day_of_kills_ends_with_every_balance_right(lively_up: Up) -> None:
    """No event is lost or counted twice."""
    seed = int(os.environ.get("GRPS_SEED", "11"))
    day = [f"--players={PLAYERS}", f"--hours={HOURS}", f"--seed={seed}", "--month=0"]
    demo = subprocess.Popen(
        [sys.executable, "-m", "bench.demo", *day],
        cwd=BASE_DIR,
        env=lively_up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killed: list[str] = []
    killer = threading.Thread(
        target=_kill_at_random, args=(lively_up, demo, killed, random.Random(seed))
    )
    killer.start()
    output, _ = demo.communicate(timeout=1200)
    killer.join()
    lively_up.wait_for(lively_up.everything_is_up)
    assert demo.returncode == 0, output
    assert "Data stores, ledger, leaderboard, case files, games and audit chain agree." in output
    for books in ("ledger", "audit"):
        verified = _run(lively_up, "manage.py", books, "verify")
        assert verified.returncode == 0, verified.stderr
    # On a slow machine the day may end before every kind of process was killed.
    assert len(killed) >= 4, killed


def _kill_at_random(
    up: Up, demo: "subprocess.Popen[str]", killed: list[str], dice: random.Random
) -> None:
    """Kill each kind of process once, then random ones. Waits for the restart after each."""
    time.sleep(4)  # until all players have joined
    victims = list(reversed(VICTIMS))
    while demo.poll() is None and len(killed) < KILLS:
        victim = victims.pop() if victims else dice.choice(VICTIMS)
        up.kill(victim)
        killed.append(victim)
        up.wait_for(up.everything_is_up)
        time.sleep(dice.uniform(0.1, 1.5))
