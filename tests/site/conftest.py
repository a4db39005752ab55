import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from grps_site.environment import BASE_DIR
from tests.conftest import free_port

PATIENCE = 240.0  # seconds; two whole systems may share two cores
# What `make test` says about its own servers is not for the one that is started here.
OURS = {
    "DATABASE_URL",
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
    """A whole `make up` of its own: state folder, port, and the process above all others."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self.environment = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment |= {"GRPS_ENV": "development", "GRPS_STATE": str(state), "THROTTLE_PUBLIC_PER_MINUTE": "0"}
        self.environment |= {"GRPS_EMULATOR": "off"}  # unless a test is about Roblox
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, Any]:
        """Start it and wait until it serves; what ready.json says."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grps_site.embedded", "up", "--port", str(self.port)],
            cwd=BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.wait_for(lambda: (self.state / "ready.json").exists())
        ready: dict[str, Any] = json.loads((self.state / "ready.json").read_text())
        return ready

    def wait_for(self, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(self.process.stdout.read() if self.process.stdout else "it ended")
            assert time.monotonic() < deadline, (self.state / "logs").exists() and self.logs()
            time.sleep(0.1)

    def processes(self) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = json.loads((self.state / "processes.json").read_text())
        return rows

    def everything_is_up(self) -> bool:
        return all(row["up"] for row in self.processes().values())

    def kill(self, name: str) -> None:
        """SIGKILL, without a word of warning."""
        pid = self.processes()[name]["pid"]
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: self.processes()[name]["pid"] != pid)

    def stop(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Ctrl-C, or another signal; the exit code and everything it printed."""
        assert self.process is not None
        self.process.send_signal(how)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def family(self) -> list[psutil.Process]:
        """Every process below it."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def logs(self) -> str:
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in (self.state / "logs").iterdir()
        )


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "state")
    yield up
    if up.process is not None and up.process.poll() is None:
        up.stop(signal.SIGTERM)
