"""A child process: start it, check whether it is up, and end it with all of its children."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from devserver.os_users import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_LIMIT = 10_000_000  # bytes; a larger log is emptied when the service starts
# One client for all checks, since each new one loads the system's certificates.
CHECKER = httpx.Client(timeout=2, headers={"Connection": "close"})


@dataclass
class Service:
    """A child process in a separate process group.

    `is_up`: whether it serves. `stop_signal`: asks it to end within `stop_timeout` seconds.
    `orphan_signal`: sent when the supervisor dies; default `stop_signal`. `needs`: services without
    which it cannot start. `tries`: failed starts in a row before everything is stopped.
    `start_timeout`: seconds to come up. `optional`: nothing waits for it, and if its starts fail,
    only it is given up. `notice`: printed when it is up for the first time. `before_start`: called
    before each start.
    """

    name: str
    command: list[str]
    log: Path
    is_up: Callable[["Service"], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = None
    stop_timeout: float = 15.0
    needs: tuple["Service", ...] = ()
    tries: int = 3
    start_timeout: float = 60.0
    optional: bool = False
    notice: str = ""
    before_start: Callable[[], None] = lambda: None
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    was_up: bool = False
    failures: int = 0
    given_up: bool = False

    def start(self) -> None:
        self._kill_group()
        self.before_start()
        mode = "wb" if self.log.exists() and self.log.stat().st_size > LOG_LIMIT else "ab"
        with self.log.open(mode) as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=die_with_parent(self.orphan_signal or self.stop_signal),
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
        self.started = time.monotonic()
        self.was_up = False

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def check(self) -> bool:
        """Return whether it is up now, and store that it was up."""
        up = not self.is_dead() and self.is_up(self)
        if up:
            self.was_up, self.failures = True, 0
            self._print_notice()
        return up

    def _print_notice(self) -> None:
        if self.notice:
            print(self.notice, flush=True)
            self.notice = ""

    def is_late(self, since: float) -> bool:
        return time.monotonic() - since > self.start_timeout

    def is_hopeless(self) -> bool:
        """Return whether it ended with a code that says that another start cannot help."""
        return self.process is not None and self.process.returncode == os.EX_CONFIG

    def request_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def end_by(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic clock), then kill the rest of its group."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, deadline - time.monotonic()))
        self._kill_group()

    def _kill_group(self) -> None:
        if self.process is None:
            return
        # The group may have ended already.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log_tail(self, lines: int = 15) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def stop(services: Sequence[Service]) -> None:
    """End all services at the same time, each within its `stop_timeout`."""
    asked = time.monotonic()
    for service in services:
        service.request_stop()
    for service in services:
        service.end_by(asked + service.stop_timeout)


def alive_for(seconds: float) -> Callable[[Service], bool]:
    """Return an `is_up` for processes that have no check: alive for this many seconds."""
    return lambda service: time.monotonic() - service.started >= seconds


def serves(url: str) -> bool:
    """Return whether the URL answers 200 now."""
    try:
        return CHECKER.get(url).status_code == 200
    except httpx.TransportError:
        return False


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that sends a child `stop_signal` when its parent dies (on Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    number = int(stop_signal)

    def request_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)

    return request_signal
