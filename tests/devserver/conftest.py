import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from common.environment import BASE_DIR
from devserver.os_users import reachable_folder, unprivileged
from tests.conftest import free_port

PATIENCE = 240.0  # seconds; two whole systems may share two cores
ERROR = re.compile(r'"level": ?"(error|critical)"|^Traceback')
# The new system must not use the servers that `make test` started for this process.
OURS = {
    "DATABASE_URL",
    "DATABASE_APPLICATION_URL",
    "REDIS_URL",
    "PROMETHEUS_MULTIPROC_DIR",
    "AUDIT_SEAL_FILE",
    "WEBHOOK_ALLOWED_NETWORKS",
    "DJANGO_SECRET_KEY",
    "AUTOMATION_SIGNATURE_SECRET",
    "WEBHOOK_VERIFICATION_KEY",
    "ROBLOX_WEBHOOK_SECRET",
    "FIELD_ENCRYPTION_KEYS",
    "AUDIT_SIGNING_KEY",
    "METRICS_TOKEN",
    "DJANGO_SETTINGS_MODULE",
    "STATIC_ROOT",
}


class Up:
    """A whole `make up` with its state folder, its port and its main process."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.module = "devserver"
        self.port = free_port()
        self.environment = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment |= {
            "GRPS_ENV": "development",
            "GRPS_STATE": str(state),
            "THROTTLE_PUBLIC_PER_MINUTE": "0",
        }
        self.environment |= {"GRPS_EMULATOR": "off", "PORTAL": "off"}  # unless a test uses them
        self.process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def start(self) -> dict[str, Any]:
        """Start it and wait until it serves. Returns ready.json."""
        before = self._published()
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "up", "--port", str(self.port)],
            cwd=BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.wait_for(lambda: self._published() not in {before, None})
        return self.ready()

    def ready(self) -> dict[str, Any]:
        ready: dict[str, Any] = json.loads((self.state / "ready.json").read_text())
        return ready

    def ensure(self) -> dict[str, Any]:
        """Start it unless it runs. Returns ready.json."""
        return self.ready() if self.is_running() else self.start()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _published(self) -> int | None:
        """Return when ready.json was written, to recognise a file left by a killed process."""
        file = self.state / "ready.json"
        return file.stat().st_mtime_ns if file.exists() else None

    def wait_for(self, condition: Callable[[], bool], every: float = 0.05) -> None:
        """Wait until the condition holds. It is checked `every` so many seconds."""
        deadline = time.monotonic() + PATIENCE
        while not _holds(condition):
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(
                    self.process.stdout.read() if self.process.stdout else "it ended"
                )
            assert time.monotonic() < deadline, (self.state / "logs").exists() and self.logs()
            time.sleep(every)

    def is_ready(self) -> bool:
        return self.http.get("/health/deep").status_code == 200

    def processes(self) -> dict[str, dict[str, Any]]:
        try:
            rows: dict[str, dict[str, Any]] = json.loads(
                (self.state / "processes.json").read_text()
            )
        except FileNotFoundError:
            assert self.process is not None
            raise AssertionError(self.process.communicate(timeout=60)[0]) from None  # why it ended
        return rows

    def everything_is_up(self) -> bool:
        return all(row["up"] for row in self.processes().values())

    def kill(self, name: str) -> None:
        """Kill a process by SIGKILL and wait for its replacement."""
        pid = self.processes()[name]["pid"]
        with suppress(ProcessLookupError):  # a worker may end by itself when its broker is killed
            os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: self.processes()[name]["pid"] != pid)

    def stop(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Stop it by a signal, Ctrl-C by default. Returns the exit code and the output."""
        assert self.process is not None
        self.process.send_signal(how)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def family(self) -> list[psutil.Process]:
        """List all processes below it."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def errors(self) -> list[str]:
        """List the errors in the logs of GRPS's own processes."""
        names = ("web", "worker", "sync-worker", "webhook-worker", "beat")
        texts = [(self.state / "logs" / f"{name}.log").read_text("utf-8") for name in names]
        return [line for text in texts for line in text.splitlines() if ERROR.search(line)]

    def logs(self) -> str:
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-2000:]}"
            for log in (self.state / "logs").iterdir()
        )


def _holds(condition: Callable[[], bool]) -> bool:
    """Return whether the condition holds. A failed connection counts as False."""
    try:
        return condition()
    except httpx.TransportError:
        return False


def open_to_others(folder: Path) -> list[str]:
    """List what others than the owner may read or write in the folder, with its mode."""
    paths = [
        folder,
        *(
            Path(root) / name
            for root, folders, files in os.walk(folder)
            for name in (*folders, *files)
        ),
    ]
    modes = {
        path: stat.S_IMODE(path.lstat().st_mode)
        for path in paths
        if path.exists() and not path.is_symlink()
    }
    return [f"{path} {mode:o}" for path, mode in modes.items() if mode & 0o077]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Return a system for one test, which may leave it broken. It is not started yet."""
    with ended(Up(tmp_path / "state")) as up:
        yield up


@pytest.fixture(scope="module")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return a system for all tests of a module, which call `ensure`."""
    with ended(Up(tmp_path_factory.mktemp("up") / "state")) as up:
        yield up


@contextmanager
def ended(up: Up) -> Iterator[Up]:
    try:
        yield up
    finally:
        up.http.close()
        if up.is_running():
            up.stop(signal.SIGTERM)
        account = unprivileged()
        if account is not None:  # PostgreSQL's folder is elsewhere if its account cannot reach ours
            shutil.rmtree(reachable_folder(up.state / "postgres", account), ignore_errors=True)
