"""``python -m devserver up`` runs all of GRPS; ``… run -- COMMAND`` runs a command beside the two
servers.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from common import environment
from common.environment import env
from devserver import emulator, postgres, valkey
from devserver.process import Service, alive_for
from devserver.state import State, keep_private
from devserver.supervisor import ServiceFailed, Supervisor

BASE_DIR = Path(__file__).resolve().parent.parent
# seconds; a task that takes longer is killed, and taken up again from its row after the next start
END_PATIENCE = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devserver", description=__doc__)
    parser.add_argument(
        "--state", type=Path, default=Path(os.environ.get("GRPS_STATE", BASE_DIR / ".local"))
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser(
        "up", help="servers, migrations, web, worker and beat until Ctrl-C"
    )
    up_parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    up_parser.add_argument("--workers", type=int, default=2, help="web processes")
    run_parser = commands.add_parser("run", help="a command beside PostgreSQL and Valkey")
    run_parser.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    keep_private()
    state = State.at(options.state)
    try:
        with Supervisor(state) as supervisor:
            if options.command == "run":
                return run(supervisor, state, [word for word in options.argv if word != "--"])
            return up(supervisor, state, options.port, options.workers)
    except ServiceFailed as failure:
        print(f"GRPS stopped: {failure}", file=sys.stderr)
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
    owner_url = values["DATABASE_URL"]
    values["DATABASE_URL"] = state.application_url(state.port_of("postgres"))
    state.write_env(values, owner_url)
    for left_over in (state.folder / "metrics").glob("*.db"):
        left_over.unlink()  # the counters of processes that are gone
    if supervisor.is_stopping():
        return 0
    _manage(state, values, ["ready", "--prepare", "--url", f"http://127.0.0.1:{port}"])
    supervisor.add(_processes(supervisor, state, values, port, workers))
    if supervisor.is_stopping():
        return 0
    (state.folder / "ready.draft.json").replace(ready)
    print(
        f"GRPS serves on http://127.0.0.1:{port} - addresses and passwords are in {ready}",
        flush=True,
    )
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
    return state.environment(database_port, redis_port)


def _roblox(supervisor: Supervisor, state: State) -> dict[str, str]:
    """Roblox itself where a key is configured, else the emulator with a lively community; what the
    settings need.
    """
    if (BASE_DIR / ".env.development").is_file():
        env.read_env(str(BASE_DIR / ".env.development"), overwrite=False)
    if env.str("ROBLOX_OPEN_CLOUD_API_KEY", default="") or not environment.switch(
        "GRPS_EMULATOR", True
    ):
        return {}
    if not supervisor.is_stopping():
        supervisor.add([emulator.service(state, state.port("emulator"))])
    return emulator.environment(state.port_of("emulator"))


def _manage(state: State, values: dict[str, str], arguments: list[str]) -> None:
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


def _processes(
    supervisor: Supervisor, state: State, values: dict[str, str], port: int, workers: int
) -> list[Service]:
    servers = tuple(supervisor.services)
    celery = [sys.executable, "-m", "celery", "--app=grps_site"]

    def service(
        name: str,
        command: list[str],
        is_up: Callable[[Service], bool],
        orphan_signal: signal.Signals | None = None,
    ) -> Service:
        return Service(
            name,
            command,
            state.folder / "logs" / f"{name}.log",
            is_up,
            environment=values,
            folder=BASE_DIR,
            orphan_signal=orphan_signal,
            patience=END_PATIENCE,
            needs=servers,
        )

    return [
        service(
            "web",
            web_command(port, workers),
            lambda _: _serves(f"http://127.0.0.1:{port}/health/live"),
        ),
        service(
            "worker",
            [
                *celery,
                "worker",
                "--loglevel=info",
                "--concurrency=2",
                "--without-gossip",
                "--without-mingle",
            ],
            alive_for(2),
        ),
        service(
            "sync-worker",
            [
                *(
                    *celery,
                    "worker",
                    "--queues=syncs",
                    "--hostname=syncs@%h",
                    "--loglevel=info",
                    "--concurrency=6",
                ),
                *("--without-gossip", "--without-mingle"),
            ],
            alive_for(2),
        ),
        service(
            "webhook-worker",
            [
                *(
                    *celery,
                    "worker",
                    "--queues=webhooks",
                    "--hostname=webhooks@%h",
                    "--loglevel=info",
                ),
                *("--concurrency=2", "--without-gossip", "--without-mingle"),
            ],
            alive_for(2),
        ),
        service(
            "beat",
            [*celery, "beat", "--loglevel=info", "--pidfile="],
            alive_for(2),
            # It may wait for ever for a database that went first; what it knows stands there, and
            # it has no children.
            orphan_signal=signal.SIGKILL,
        ),
    ]


def web_command(port: int, workers: int) -> list[str]:
    return [sys.executable, "-m", "grps_site.server", f"--port={port}", f"--workers={workers}"]


def _serves(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    sys.exit(main())
