"""`make bench`: fill a small and a large database, and print ratios measured within one run."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import Connection, get
from common.environment import BASE_DIR
from devserver import postgres, valkey
from devserver.process import Service
from devserver.processes import web_command
from devserver.state import State, keep_private, write_private
from devserver.supervisor import Supervisor

console = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="players in the large database"
    )
    parser.add_argument("--small", type=int, default=10_000, help="players in the small database")
    parser.add_argument(
        "--only", default="", help="run only the cases whose name contains this text"
    )
    parser.add_argument(
        "--pool",
        action="store_const",
        const="pooling",
        dest="only",
        help="run only the pools' case",
    )
    options = parser.parse_args()
    keep_private()
    root = Path(os.environ.get("GRPS_STATE") or BASE_DIR / ".local")
    state = State.at(root / "bench")
    with Supervisor(state) as supervisor:
        ports = state.port("postgres"), state.port("valkey")
        supervisor.add([postgres.service(state, ports[0]), valkey.service(state, ports[1])])
        databases = {
            name: _database(state, state.environment(*ports), name, players)
            for name, players in (("small", options.small), ("large", options.large))
        }
        supervisor.add([_web(state, name, values) for name, values in databases.items()])
        command = [sys.executable, "-m", "bench.cases", "--only", options.only]
        for name, values in databases.items():
            command += [
                f"--{name}={json.dumps(values)}",
                f"--{name}-port={state.port_of(f'web-{name}')}",
            ]
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, **databases["large"]},
            cwd=BASE_DIR,
            text=True,
        )
        output, _ = child.communicate()
    if child.returncode:
        return child.returncode
    rows = json.loads(output)
    write_private(root / "bench.json", json.dumps(rows, indent=1))
    _print(rows)
    return 0 if all(row["ok"] for row in rows) else 1


def _print(rows: list[dict[str, object]]) -> None:
    table = Table("case", "ratio", "goal", "", title="Ratios of this run")
    for row in rows:
        sign = "at least" if row["better"] == "higher" else "at most"
        verdict = "ok" if row["ok"] else "MISSED"
        table.add_row(str(row["case"]), f"{row['ratio']:.3g}", f"{sign} {row['goal']}", verdict)
    Console().print(table)


def _database(state: State, values: dict[str, str], name: str, players: int) -> dict[str, str]:
    """Return the environment of a database, which is filled unless an earlier run filled it."""
    values = values | {
        "DATABASE_URL": f"{values['DATABASE_URL'].rpartition('/')[0]}/bench_{name}_{players}",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "AUDIT_SEAL_FILE": str(state.folder / f"seals_{name}_{players}.jsonl"),
    }
    marker = state.folder / f"filled_{name}_{players}"
    if not marker.exists():
        Path(values["AUDIT_SEAL_FILE"]).unlink(missing_ok=True)
        started = time.monotonic()
        with console.status(f"filling {players:,} players"):
            subprocess.run(
                [sys.executable, "-m", "bench.prepare", str(players)],
                check=True,
                env={**os.environ, **values},
                cwd=BASE_DIR,
            )
        console.print(f"{players:,} players filled in {time.monotonic() - started:.0f} s")
        marker.touch()
    return values


def _web(state: State, name: str, values: dict[str, str]) -> Service:
    port = state.port(f"web-{name}")
    return Service(
        name=f"web-{name}",
        command=web_command(port, workers=1),
        log=state.folder / "logs" / f"web-{name}.log",
        is_up=lambda _: _serves(port),
        environment=values,
        folder=BASE_DIR,
    )


def _serves(port: int) -> bool:
    try:
        return Connection(port).send(get("/health/live"))[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
