"""``python -m roblox.emulator`` serves an emulator of Open Cloud on this machine."""

import argparse
import os
import socket
import sqlite3
import sys
import tempfile
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from roblox.emulator.demo import seed_demo
from roblox.emulator.errors import ApiError
from roblox.emulator.store import Store

THREADS = 16  # slow faults each occupy a thread


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="open-cloud-") as folder:
        state = options.state or Path(folder) / "state.sqlite3"
        try:
            _check_port(options.port)
            # Closed again before the worker is forked, since SQLite's locks do not survive a fork.
            Store(state).close()
            if options.seed_demo:
                _seed_demo(state, options.roles)
        except (ApiError, OSError, sqlite3.Error) as error:
            print(f"The emulator cannot start: {error}", file=sys.stderr)
            return 1
        serve(state.resolve(), options.port, options.lively)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m roblox.emulator", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=8010)
    add("--state", type=Path, help="the state's file; without it the state ends with the process")
    add("--lively", type=float, default=0, metavar="SECONDS", help="let some players earn so often")
    add("--seed-demo", action="store_true", help="create a small community, unless there is one")
    add("--roles", type=Path, help="the demo's ladder, such as config/policy.ranks.json")
    options = parser.parse_args()
    if options.seed_demo and options.roles is None:
        parser.error("--seed-demo needs --roles")
    return options


def _check_port(port: int) -> None:
    # Granian would share a port that is in use, and calls would reach either server.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def _seed_demo(state: Path, roles: Path) -> None:
    store = Store(state)
    try:
        seed_demo(store, roles)
    finally:
        store.close()


def serve(state: Path, port: int, lively: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    # The worker is another process, which reads its options from the environment.
    os.environ["ROBLOX_EMULATOR_STATE"] = str(state)
    os.environ["ROBLOX_EMULATOR_LIVELY"] = str(lively)
    os.environ["ROBLOX_EMULATOR_PARENT"] = str(os.getpid())
    Granian(
        "roblox.emulator.wsgi:application",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_enabled=False,
        workers_kill_timeout=5,
    ).serve()


if __name__ == "__main__":
    sys.exit(main())
