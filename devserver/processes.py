"""GRPS's own processes: web, workers and beat, as production starts them (deploy/role.py)."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from common.environment import BASE_DIR
from deploy import role
from devserver.process import Service, alive_for, serves
from devserver.state import State

# Seconds. A task that takes longer is killed, and resumed from its row after the next start.
END_TIMEOUT = 5.0


@dataclass(frozen=True)
class Processes:
    """The services of one `make up`. `needs`: the servers without which they cannot start."""

    state: State
    environment: dict[str, str]
    needs: tuple[Service, ...]

    def all(self, port: int, workers: int) -> list[Service]:
        """Return the services, which are not started yet."""
        return [
            self._web(port, workers),
            self._worker("worker", role.worker()),
            self._worker("sync-worker", [*role.sync_worker(), "--concurrency=6"]),
            self._worker("webhook-worker", role.webhook_worker()),
            self._beat(),
        ]

    def _web(self, port: int, workers: int) -> Service:
        url = f"http://127.0.0.1:{port}/health/live"
        return self._service("web", web_command(port, workers), lambda _: serves(url))

    def _worker(self, name: str, command: list[str]) -> Service:
        return self._service(name, command, alive_for(2))

    def _beat(self) -> Service:
        service = self._service("beat", role.beat(), alive_for(2))
        # Beat may wait for ever for a database that ended first. It has no children and keeps its
        # state in the database, so it can be killed.
        service.orphan_signal = signal.SIGKILL
        return service

    def _service(self, name: str, command: list[str], is_up: Callable[[Service], bool]) -> Service:
        return Service(
            name,
            command,
            self.state.folder / "logs" / f"{name}.log",
            is_up,
            environment=self.environment,
            folder=BASE_DIR,
            stop_timeout=END_TIMEOUT,
            needs=self.needs,
        )


def web_command(port: int, workers: int) -> list[str]:
    return [sys.executable, "-m", "grps_site.server", f"--port={port}", f"--workers={workers}"]
