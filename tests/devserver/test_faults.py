"""Random processes are killed during the simulated day: no event is lost or counted twice."""

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
PLAYERS, HOURS, KILLS = (300, 4, 80) if LONG else (40, 1.5, 8)
VICTIMS = ["postgres", "web", "valkey", "worker", "beat"]


def test_a_day_of_kills_ends_with_every_balance_right(up: Up) -> None:
    up.environment |= {"GRPS_EMULATOR": "on"}
    up.start()
    seed = int(os.environ.get("GRPS_SEED", "11"))
    demo = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bench.demo",
            f"--players={PLAYERS}",
            f"--hours={HOURS}",
            f"--seed={seed}",
        ],
        cwd=BASE_DIR,
        env=up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killed: list[str] = []
    killer = threading.Thread(target=_kill_at_random, args=(up, demo, killed, random.Random(seed)))
    killer.start()
    output, _ = demo.communicate(timeout=1200)
    killer.join()
    up.wait_for(up.everything_is_up)
    assert demo.returncode == 0, output
    assert "Data stores, ledger, leaderboard, case files, games and audit chain agree." in output
    assert len(killed) >= 4, (
        killed
    )  # on a slow machine the day may end before every kind of process was killed


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


@pytest.mark.parametrize("repeat", range(3 if LONG else 1))
def test_two_web_processes_with_equal_batches_act_once(up: Up, repeat: int) -> None:
    import json
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    ready = up.start()
    key = ready["experiences"][0]["apiKey"]
    dice = random.Random(repeat)

    def batch(number: int) -> str:
        events = [
            {
                "userId": 1000 + user,
                "username": f"twin_{user}",
                "session": number,
                "sequence": sequence,
                "type": "training",
                "awarded": 15,
                "total": 15 * sequence,
                "occurredAt": "2026-01-02T03:04:05Z",
            }
            for user in range(60)
            for sequence in range(1, 6)
        ]
        dice.shuffle(events)
        return json.dumps({"server": {"placeId": 1, "jobId": "j"}, "events": events})

    def send(body: str) -> tuple[int, int]:
        headers = {"x-grps-api-key": key, "content-type": "application/json"}
        answer = httpx.post(
            f"{ready['url']}/roblox/events", content=body, headers=headers, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["accepted"], answer.json()["duplicates"]

    batches = [batch(number) for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, [body for body in batches for _ in range(4)]))
    assert sum(accepted for accepted, _ in answers) == 8 * 300
    assert sum(duplicates for _, duplicates in answers) == 3 * 8 * 300
    page = httpx.get(f"{ready['url']}/leaderboard/top?limit=100", timeout=60).json()["players"]
    assert [player["points"] for player in page] == [8 * 75] * 60
    done = subprocess.run(
        [sys.executable, "manage.py", "ledger", "verify"],
        cwd=BASE_DIR,
        env=up.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
