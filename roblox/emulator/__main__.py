"""``python -m roblox.emulator --port 8010``: an Open Cloud on this machine's loopback. See docs/emulator.md."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

THREADS = 16  # slow faults hold one each


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m roblox.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--state", type=Path, help="the file that holds everything; without, it is forgotten")
    parser.add_argument("--lively", type=float, metavar="SECONDS", help="let players earn every so many seconds")
    parser.add_argument("--seed-demo", action="store_true", help="make a community, unless it is there")
    parser.add_argument("--roles", type=Path, help="the policy's ranks, for the group's roles of --seed-demo")
    options = parser.parse_args()
    if options.seed_demo and options.roles is None:
        parser.error("--seed-demo needs --roles, like config/policy.ranks.json")
    state = options.state or Path(tempfile.mkdtemp(prefix="emulator-")) / "state.sqlite3"
    os.environ["EMULATOR_STATE"] = str(state)
    os.environ["EMULATOR_LIVELY"] = str(options.lively or "")
    os.environ["EMULATOR_ROLES"] = str(options.roles) if options.seed_demo else ""
    command = [
        *(sys.executable, "-m", "granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={options.port}"),
        *("--workers=1", f"--blocking-threads={THREADS}", "--backpressure=64", "--no-ws", "--log-level=warning"),
        "roblox.emulator.app:application",
    ]
    os.execv(sys.executable, command)  # noqa: S606 - the same interpreter, with arguments of our own


if __name__ == "__main__":
    main()
