"""Run GRPS on this machine.

``python -m devserver up`` runs everything. ``python -m devserver run -- COMMAND`` runs a command
with PostgreSQL and Valkey.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from common import environment
from common.environment import BASE_DIR, env
from devserver import discord, disks, emulator, postgres, valkey
from devserver.output import say
from devserver.portal.service import Portal
from devserver.processes import Processes
from devserver.state import State, keep_private
from devserver.supervisor import ServiceFailed, Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devserver", description=__doc__)
    parser.add_argument(
        "--state", type=Path, default=Path(os.environ.get("GRPS_STATE") or BASE_DIR / ".local")
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="run everything until Ctrl-C")
    up_parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
    up_parser.add_argument("--workers", type=int, default=2, help="web processes")
    run_parser = commands.add_parser("run", help="run a command with PostgreSQL and Valkey")
    run_parser.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    keep_private()
    try:
        state = State.at(options.state)
        with Supervisor(state) as supervisor:
            if options.command == "run":
                return run(supervisor, state, [word for word in options.argv if word != "--"])
            return up(supervisor, state, options.port, options.workers)
    except ServiceFailed as failure:
        say(f"GRPS stopped: {failure}")
        return 1
    except OSError as error:
        if not disks.is_full(error):
            raise
        say(f"GRPS stopped: the disk of {options.state} is full. Free some space and start again.")
        return 1


def run(supervisor: Supervisor, state: State, argv: list[str]) -> int:
    values = _servers(supervisor, state, throwaway=True)
    values["DATABASE_APPLICATION_URL"] = state.application_url(state.port_of("postgres"))
    child = subprocess.Popen(argv, env={**os.environ, **values}, cwd=BASE_DIR)
    supervisor.run(until=lambda: child.poll() is not None)
    if child.poll() is None:
        child.terminate()
    return child.wait()


def up(supervisor: Supervisor, state: State, port: int, workers: int) -> int:
    ready = state.folder / "ready.json"
    ready.unlink(missing_ok=True)
    values = _servers(supervisor, state) | _roblox(supervisor, state)
    values |= _discord(supervisor, state)
    owner_url = values["DATABASE_URL"]
    values["DATABASE_URL"] = state.application_url(state.port_of("postgres"))
    portal = Portal.beside(state, port)
    values |= portal.for_django() if portal else {}
    state.write_env(values, owner_url)
    for left_over in (state.folder / "metrics").glob("*.db"):
        left_over.unlink()  # metrics of processes that ended
    if supervisor.is_stopping():
        return 0
    _manage(values, ["ready", "--prepare", "--url", f"http://127.0.0.1:{port}"])
    supervisor.add(Processes(state, values, tuple(supervisor.services)).all(port, workers))
    if supervisor.is_stopping():
        return 0
    (state.folder / "ready.draft.json").replace(ready)
    print(
        f"GRPS serves on http://127.0.0.1:{port} - addresses and passwords are in {ready}",
        flush=True,
    )
    if portal:
        avatars = values.get("AVATARS") or env.str("AVATARS", default="off")
        supervisor.add([portal.service(avatars)])
    try:
        supervisor.run()
    finally:
        ready.unlink(missing_ok=True)
    return 0


def _servers(supervisor: Supervisor, state: State, *, throwaway: bool = False) -> dict[str, str]:
    database_port, redis_port = state.port("postgres"), state.port("valkey")
    database = postgres.service(state, database_port, throwaway=throwaway)
    supervisor.add([database, valkey.service(state, redis_port)])
    if not supervisor.is_stopping():
        postgres.create_database(state, database_port)
    programs = {"POSTGRES_BIN": str(postgres.installation() / "bin")}
    return state.environment(database_port, redis_port) | programs


def _roblox(supervisor: Supervisor, state: State) -> dict[str, str]:
    """Start the emulator unless a key of Roblox is configured; return the settings for it."""
    if (BASE_DIR / ".env.development").is_file():
        env.read_env(str(BASE_DIR / ".env.development"), overwrite=False)
    if env.str("ROBLOX_OPEN_CLOUD_API_KEY", default="") or not environment.switch(
        "GRPS_EMULATOR", True
    ):
        return {}
    if not supervisor.is_stopping():
        supervisor.add([emulator.service(state, state.port("emulator"))])
    return emulator.environment(state.port_of("emulator"))


def _discord(supervisor: Supervisor, state: State) -> dict[str, str]:
    """Start Discord's emulator unless a bot is configured; return the settings for it."""
    if env.str("DISCORD_BOT_TOKEN", default="") or not environment.switch("GRPS_EMULATOR", True):
        return {}
    if not supervisor.is_stopping():
        supervisor.add([discord.service(state, state.port("discord"))])
    return discord.environment(state, state.port_of("discord"))


def _manage(values: dict[str, str], arguments: list[str]) -> None:
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    if done.returncode:
        raise ServiceFailed(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
