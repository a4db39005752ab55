"""GRPS's processes as production starts them, against the test database, with their logs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from common.environment import BASE_DIR
from deploy.role import CELERY
from devserver.processes import web_command
from tests.conftest import WITHOUT_LIMITS, database_url, free_port

PATIENCE = 240.0  # seconds; other systems may start at the same time
TOKEN = "2f7c0be6d8a94513b7e0c52d9a6f3184"


@dataclass
class Running:
    """The processes. `logs`: the file of each one's output."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    worker_port: int = field(default_factory=free_port)
    beat_port: int = field(default_factory=free_port)
    started: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        # As deploy/role.py does, so that each web process answers the metrics of both.
        folder = {"PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics")}
        self._start("web", web_command(self.port, workers=2), **folder)
        queues = "--queues=grps,syncs,webhooks"
        worker = [*CELERY, "worker", "--concurrency=2", queues]
        self._start("worker", worker, METRICS_PORT=str(self.worker_port))
        self._start("beat", [*CELERY, "beat", "--pidfile="], METRICS_PORT=str(self.beat_port))
        wait_for(lambda: self._answers(f"{self.url}/health/live"))
        for port in (self.worker_port, self.beat_port):
            wait_for(lambda port=port: self._answers(f"http://127.0.0.1:{port}/metrics"))

    def command(self, *words: str) -> int:
        """Run `manage.py`, and return its exit code."""
        self._start("command", [sys.executable, "manage.py", *words])
        return self.started["command"].wait(PATIENCE)

    def stop(self) -> None:
        for process in self.started.values():
            process.terminate()
        for process in self.started.values():
            process.wait(PATIENCE)

    def metrics(self, port: int) -> str:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers=bearer(), timeout=30)
        assert answer.status_code == 200
        return answer.text

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a process, which must all be JSON."""
        return [json.loads(line) for line in self.log(name).read_text().splitlines()]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _start(self, name: str, command: Sequence[str], **environment: str) -> None:
        with self.log(name).open("ab") as log:
            self.started[name] = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=self.environment | {"METRICS_PORT": "0"} | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _answers(self, url: str) -> bool:
        for name, process in self.started.items():
            assert process.poll() is None, (name, self.log(name).read_text()[-3000:])
        try:
            return httpx.get(url, headers=bearer(), timeout=10).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Running]:
    """Start web, worker and beat, and stop them at the end if that has not been done."""
    inherited = {
        name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"
    }
    given = {"DATABASE_URL": database_url(), "METRICS_TOKEN": TOKEN, **WITHOUT_LIMITS}
    made = Running(folder, {**inherited, **given, **environment})
    try:
        made.start()
        yield made
    finally:
        made.stop()


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def without_table(name: str) -> Iterator[None]:
    """Take a table away for a moment, so that what uses it fails unexpectedly."""
    superuser = os.environ["DATABASE_URL"].rpartition("/")[0]
    address = f"{superuser}/{database_url().rpartition('/')[2]}"
    with psycopg.connect(address, autocommit=True) as database:
        database.execute(f"ALTER TABLE {name} RENAME TO taken_away")  # type: ignore[call-overload]
        try:
            yield
        finally:
            database.execute(f"ALTER TABLE taken_away RENAME TO {name}")  # type: ignore[call-overload]
