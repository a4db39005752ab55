"""Keep services running, and end them together.

A service that dies is restarted. Everything stops, with the end of its log, if a service does not
start the first time, or fails `tries` times in a row: endless restarts would hide the cause. An
optional service is given up alone. While a disk is full, failed starts do not count: everything
waits for space. A lock on the state folder prevents a second supervisor.
"""

import fcntl
import json
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from devserver import disks
from devserver.output import say
from devserver.process import Service, stop
from devserver.state import State, write_private

TICK = 0.2  # seconds between checks
PAUSE_ON_FULL_DISK = 2.0  # seconds between starts


class ServiceFailed(Exception):
    """A service did not start. The message has its name and the end of its log."""


class Supervisor:
    def __init__(self, state: State) -> None:
        self.state = state
        self.services: list[Service] = []
        self._stopping = False
        self._full: Path | None = None  # a folder whose disk was full at the last check
        self._is_written = True  # processes.json says what runs
        self._handlers: dict[signal.Signals, Any] = {}  # the previous handlers
        self._lock = (state.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceFailed(
                f"another GRPS runs on {state.folder} already; stop it first"
            ) from None

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._request_stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop([service for service in self.services if service.needs])
        stop([service for service in self.services if not service.needs])
        (self.state.folder / "processes.json").unlink(missing_ok=True)
        self._lock.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def is_stopping(self) -> bool:
        return self._stopping

    def add(self, services: Sequence[Service]) -> None:
        """Start services together.

        Returns when all that are not optional are up, or a stop was requested.
        """
        self.services += services
        for service in services:
            service.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        began = time.monotonic()
        while not self._stopping:
            waiting = [one for one in self.services if not one.optional and not one.check()]
            if not waiting:
                break
            for service in waiting:
                if service.is_dead() or service.is_late(began):
                    raise _failed(service)
            time.sleep(TICK / 4)
        self._write_processes()

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Restart services that died, until a stop is requested or `until` is true."""
        while not self._stopping and not until():
            changed = [service.name for service in self.services if self._restart_if_dead(service)]
            if changed or not self._is_written:
                self._write_processes()
            time.sleep(TICK)

    def _restart_if_dead(self, service: Service) -> bool:
        """Check one service. Returns whether its state changed."""
        if service.given_up:
            return False
        if not service.is_dead():
            was_up = service.was_up
            if not was_up and not service.check() and service.is_late(service.started):
                return _give_up(service)
            return service.was_up != was_up
        if self._waits_for_space(service):
            time.sleep(PAUSE_ON_FULL_DISK)
        elif not service.was_up:
            service.failures += 1
            if service.failures >= service.tries or service.is_hopeless():
                return _give_up(service)
            time.sleep(TICK)
        if all(needed.check() for needed in service.needs):
            say(f"GRPS: {_end(service)}, and is restarted")
            self._start(service)
        return True

    def _waits_for_space(self, service: Service) -> bool:
        """Return whether a full disk may be why a service died. Prints every change."""
        full = disks.full((self.state.folder, service.folder or self.state.folder))
        if full and not self._full:
            say(f"GRPS: the disk of {full} is full. Free some space: everything then goes on.")
        self._full = full
        return full is not None

    def _start(self, service: Service) -> None:
        try:
            service.start()
        except OSError as error:
            if not disks.is_full(error):
                raise
            # The next check starts it again.

    def _write_processes(self) -> None:
        rows = {
            service.name: {"pid": service.pid, "up": service.was_up and not service.is_dead()}
            for service in self.services
        }
        try:
            write_private(self.state.folder / "processes.json", json.dumps(rows))
        except OSError as error:
            if not disks.is_full(error):
                raise
            self._is_written = False
        else:
            self._is_written = True


def _give_up(service: Service) -> bool:
    """Leave an optional service out from now on. Raises ServiceFailed for any other."""
    if not service.optional:
        raise _failed(service)
    say(f"GRPS goes on without it: {_failed(service)}")
    service.given_up = True
    service.end_by(time.monotonic())
    return True


def _failed(service: Service) -> ServiceFailed:
    return ServiceFailed(
        f"{_end(service)}; its log is {_shown(service.log)}:\n{service.log_tail()}"
    )


def _end(service: Service) -> str:
    code = service.process.poll() if service.process else None
    return f"{service.name} " + (
        f"ended with code {code}" if code is not None else "did not come up in time"
    )


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
