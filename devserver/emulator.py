"""The Open Cloud emulator as a service of `make up`, and the settings to use it."""

import sys
from urllib.parse import urlsplit

from common.environment import BASE_DIR
from devserver.process import Service, serves
from devserver.state import State

# Created by `--seed-demo` (roblox/emulator).
KEY, GROUP, UNIVERSES = "emulator-key", "7001", ("5001", "5002")
LIVELY = "5"  # seconds between two simulated activities


def service(state: State, port: int) -> Service:
    """Return the service, which is not started yet. Its data is in the state folder."""
    command = [
        *(
            sys.executable,
            "-m",
            "roblox.emulator",
            f"--port={port}",
            f"--state={state.folder / 'emulator.sqlite3'}",
        ),
        *(
            f"--lively={LIVELY}",
            "--seed-demo",
            f"--roles={BASE_DIR / 'config' / 'policy.ranks.json'}",
        ),
    ]
    return Service(
        name="emulator",
        command=command,
        log=state.folder / "logs" / "emulator.log",
        is_up=lambda _: serves(f"http://127.0.0.1:{port}/_emulator/calls"),
        folder=BASE_DIR,
    )


def environment(port: int) -> dict[str, str]:
    """Return the settings that use the emulator. They enable writing to Roblox."""
    return {
        "OPEN_CLOUD_URL": f"http://127.0.0.1:{port}",
        "THUMBNAILS_URL": f"http://127.0.0.1:{port}",
        "USERS_URL": f"http://127.0.0.1:{port}",
        "AVATARS": "on",
        "ROBLOX_OPEN_CLOUD_API_KEY": KEY,
        "ROBLOX_UNIVERSE_ID": UNIVERSES[0],
        "ROBLOX_TRAINING_UNIVERSE_ID": UNIVERSES[1],
        "ROBLOX_GROUP_ID": GROUP,
        "ROBLOX_WRITES": "on",
    }


def is_local(url: str) -> bool:
    """Return whether the URL of Open Cloud is on this machine, so that it is the emulator."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
