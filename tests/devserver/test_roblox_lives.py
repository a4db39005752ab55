"""`make up` without a key starts an emulated Roblox, and both sides agree after synchronisation."""

import json
import subprocess
import sys

import httpx

from common.environment import BASE_DIR
from tests.devserver.conftest import Up


def manage(up: Up, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=BASE_DIR, env=up.environment, capture_output=True, text=True)


def test_a_lively_community_is_synced_by_itself(up: Up) -> None:
    up.environment |= {"GRPS_EMULATOR": "on"}
    ready = up.start()
    assert httpx.get(f"{ready['openCloud']['url']}/_emulator/calls", timeout=60).status_code == 200

    def is_synced() -> bool:
        players = httpx.get(f"{ready['url']}/leaderboard/top?limit=100", timeout=60).json()[
            "players"
        ]
        return len(players) == 100 and any(player["rank"] != "Initiate" for player in players)

    up.wait_for(is_synced)
    command = [
        "deploy/signed_call.py",
        ready["url"],
        "POST",
        "/sync/roblox",
        '{"activity": "policy-drift"}',
    ]
    call = subprocess.run(
        [sys.executable, *command, "--wait", "60"],
        cwd=BASE_DIR,
        env=up.environment | {"AUTOMATION_SIGNATURE_SECRET": ready["signatureSecret"]},
        capture_output=True,
        text=True,
    )
    assert call.returncode == 0, call.stderr
    assert json.loads(call.stdout)["status"] == "done"
    doctor = subprocess.run(
        [sys.executable, "manage.py", "roblox", "doctor"],
        cwd=BASE_DIR,
        env=up.environment,
        capture_output=True,
        text=True,
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "All is well." in doctor.stdout
