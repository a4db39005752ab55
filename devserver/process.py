"""One long-running process: how it starts, when it is up, how it ends, and that nothing of it stays
behind.
"""

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

from devserver.os_users import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_LIMIT = 10_000_000  # bytes; a longer log starts afresh with its service


@dataclass
class Service:
    """A child process in a process group of its own.

    `is_up` says whether it serves; `stop_signal` asks it to end cleanly, and `patience` is the
    seconds it has for that; `orphan_signal` is what it gets when the supervisor dies, `stop_signal`
    unless told; `needs` are the services it cannot start without; `tries` is how often it may die
    in a row before it is up again.
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
    patience: float = 15.0
    needs: tuple["Service", ...] = ()
    tries: int = 3
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    was_up: bool = False
    failures: int = 0

    def start(self) -> None:
        self._sweep()
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
                preexec_fn=_die_with_parent(self.orphan_signal or self.stop_signal),
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
        """Whether it is up now; remembered, since one that never came up is not worth another
        start.
        """
        up = not self.is_dead() and self.is_up(self)
        if up:
            self.was_up, self.failures = True, 0
        return up

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def end_by(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic clock), then kill whatever of its group is
        left.
        """
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, deadline - time.monotonic()))
        self._sweep()

    def _sweep(self) -> None:
        if self.process is None:
            return
        # The group may be gone already; that is the wanted state.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self, lines: int = 15) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def stop(services: Sequence[Service]) -> None:
    """End them all at once, each within its patience."""
    asked = time.monotonic()
    for service in services:
        service.ask_to_end()
    for service in services:
        service.end_by(asked + service.patience)


def alive_for(seconds: float) -> Callable[[Service], bool]:
    """For a process that answers no question: it counts as up once it has lived this long."""
    return lambda service: time.monotonic() - service.started >= seconds


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    number = int(stop_signal)

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)

    return ask_kernel
