"""Run several processes in one container. One that ends starts again; at the end all end together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

TICK = 0.2  # seconds between checks
STOP_SECONDS = 30.0  # for all processes to end, then they are killed
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a start again; the pause doubles
STEADY_SECONDS = 60.0  # a process that ran this long starts again after the first pause


@dataclass
class Child:
    name: str
    command: list[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    start_at: float = 0.0  # monotonic clock
    pause: float = FIRST_PAUSE

    def start(self) -> None:
        # A separate group, so that signals reach the main process alone: a Celery worker then lets
        # its children finish their tasks.
        environment = {**os.environ, **self.environment}
        self.process = subprocess.Popen(self.command, env=environment, start_new_session=True)
        self.start_at = time.monotonic()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def keep_running(self) -> None:
        """Start the process again when its pause is over."""
        now = time.monotonic()
        if self.is_running() or now < self.start_at:
            return
        if self.process is None:
            self.start()
            return
        self._kill_group()
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        assert self.process is not None
        if now - self.start_at > STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        said = f"{self.name} ended with code {self.process.returncode} and starts again"
        print(f"GRPS: {said} in {self.pause:.0f} s", file=sys.stderr, flush=True)
        self.process, self.start_at = None, now + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def request_stop(self) -> None:
        if self.process is not None and self.is_running():
            self.process.terminate()

    def end_by(self, deadline: float) -> bool:
        """Wait for the end until `deadline`, then kill. Returns whether it ended by itself."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._kill_group()

    def _kill_group(self) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # the whole group has ended
        self.process.wait()


def run(children: Sequence[Child]) -> int:
    """Keep the children running until SIGTERM or SIGINT. Returns 0 if all ended in time."""
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopping:
        for child in children:
            child.keep_running()
        time.sleep(TICK)
    return _end(children)


def _end(children: Sequence[Child]) -> int:
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.request_stop()
    in_time = [child.end_by(deadline) for child in children]
    return 0 if all(in_time) else 1
