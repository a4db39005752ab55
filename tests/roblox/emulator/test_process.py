import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from devserver.__main__ import BASE_DIR
from tests.conftest import free_port
from tests.roblox.emulator.conftest import ENTRIES, ORDERED, Cloud, prepare, role, running, until

LADDER = BASE_DIR / "config" / "policy.ranks.json"
LOADED = (
    "import os, sys; os.environ.update(ROBLOX_EMULATOR_STATE=sys.argv[1], ROBLOX_EMULATOR_PARENT=str(os.getppid()));"
    "import roblox.emulator.__main__, roblox.emulator.wsgi;"
    "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
)


def test_the_emulator_imports_nothing_of_grps(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADED, str(tmp_path / "state.sqlite3")]
    loaded = set(
        subprocess.run(
            command, cwd=BASE_DIR, capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & {"django", "grps_site", "players", "audits", "httpx", "celery"}
    assert {"msgspec", "granian", "roblox"} <= loaded


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def test_the_state_survives_a_kill_and_the_port_is_free_at_once(tmp_path: Path) -> None:
    port, state = free_port(), str(tmp_path / "state.sqlite3")
    with running("--state", state, port=port) as (url, process):
        cloud = Cloud(url)
        prepare(cloud)
        for number in range(50):
            cloud.ask("POST", ENTRIES, {"value": number}, params={"id": f"k{number}"})
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: is_free(port), seconds=10)
        with running("--state", state, port=port) as (url, _):
            cloud = Cloud(url)
            assert len(cloud.get(ENTRIES, maxPageSize=256).json()["dataStoreEntries"]) == 50
            assert cloud.get(f"{ENTRIES}/k49").json()["value"] == 49


def test_the_demo_is_made_once(tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite3")
    options = ("--state", state, "--seed-demo", "--roles", str(LADDER))
    with running(*options) as (url, _):
        cloud = Cloud(url)
        key = "emulator-key"
        stores = "/cloud/v2/universes/{}/data-stores/GRPS_Points/entries"
        assert (
            "grps"
            in cloud.ask("GET", stores.format(5001) + "/player:1299", key=key).json()["value"]
        )
        assert (
            "points"
            in cloud.ask("GET", stores.format(5002) + "/player:1299", key=key).json()["value"]
        )
        group = cloud.ask("GET", "/cloud/v2/groups/7001", key=key).json()
        assert (group["memberCount"], group["owner"]) == (202, "users/1")
        roles = cloud.ask("GET", "/cloud/v2/groups/7001/roles?maxPageSize=20", key=key).json()[
            "groupRoles"
        ]
        assert {one["displayName"]: one["id"] for one in roles}["Event Host"] == str(role(3))
        body = {"role": f"groups/7001/roles/{role(26)}"}
        assert (
            cloud.ask(
                "POST", "/cloud/v2/groups/7001/memberships/1000:assignRole", body, key=key
            ).status_code
            == 200
        )
    with running(*options) as (url, _):
        cloud = Cloud(url)
        held = cloud.ask(
            "GET", "/cloud/v2/groups/7001/memberships?filter=user == 'users/1000'", key=key
        ).json()
        assert held["groupMemberships"][0]["role"] == f"groups/7001/roles/{role(26)}"


def test_players_earn_while_the_emulator_is_lively(tmp_path: Path) -> None:
    with running("--state", str(tmp_path / "state.sqlite3"), "--lively", "0.1") as (url, _):
        cloud = Cloud(url)
        prepare(cloud)
        seed = {
            "universeId": 5001,
            "players": 5,
            "store": "Points",
            "index": "Index",
            "format": "grps",
        }
        cloud.tell("seed", seed)

        def index() -> int:
            found = cloud.get(ORDERED).json()["orderedDataStoreEntries"]
            return sum(int(entry["value"]) for entry in found)

        before = index()
        until(lambda: index() > before)


def test_nothing_is_left_of_an_emulator_that_was_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running() as (url, process):
        assert list(tmp_path.iterdir())
    assert process.returncode == 0
    assert not list(tmp_path.iterdir())
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_port_or_file_that_cannot_be_had_is_said(emulator: str, tmp_path: Path) -> None:
    taken = emulator.rpartition(":")[2]
    for options in (
        ["--port", taken],
        ["--port", str(free_port()), "--state", str(tmp_path / "no" / "folder")],
    ):
        command = [sys.executable, "-m", "roblox.emulator", *options]
        ended = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=20)
        assert ended.returncode == 1
        assert ended.stderr.startswith("The emulator cannot start: ")
