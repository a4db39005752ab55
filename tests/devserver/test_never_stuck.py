"""`make up` starts again whatever an earlier run left, and goes on after a full disk."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from devserver import orphans, postgres, valkey
from devserver.os_users import SHARED, unprivileged
from devserver.process import Service
from devserver.state import State, free_port
from devserver.supervisor import Supervisor
from tests.devserver.conftest import Up

LONG = bool(os.environ.get("GRPS_LONG"))
PATIENCE = 120.0  # seconds


@contextmanager
def supervised(state: State, *services: Service) -> Iterator[Supervisor]:
    with Supervisor(state) as supervisor:
        supervisor.add(services)
        yield supervisor


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_servers_that_do_not_end_are_ended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "PATIENCE", 1.0)
    state = State.at(tmp_path)
    left = [postgres.service(state, free_port()), valkey.service(state, free_port())]
    for service in left:
        service.start()
        wait_for(service.check)
        assert service.process is not None
        service.process.send_signal(signal.SIGSTOP)  # no request to stop has an effect
    with supervised(
        state, postgres.service(state, free_port()), valkey.service(state, free_port())
    ):
        assert [service.is_dead() for service in left] == [True, True]


def test_a_pid_file_that_names_another_process_is_replaced(tmp_path: Path) -> None:
    state = State.at(tmp_path)
    service = postgres.service(state, free_port())
    account = unprivileged()
    other = subprocess.Popen(
        ["sleep", "600"],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    assert service.folder is not None
    try:
        (service.folder / "postmaster.pid").write_text(f"{other.pid}\n{service.folder}\n")
        with supervised(state, service):
            assert psutil.Process(other.pid).is_running()
    finally:
        other.kill()
        other.wait()


def test_a_full_disk_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk() as disk:
        state = State.at(disk / "state")
        monkeypatch.setattr(postgres, "reachable_folder", lambda wanted, _: disk / wanted.name)
        port = free_port()
        service = postgres.service(state, port)
        url = postgres._url(state, port, "postgres")
        with supervised(state, service) as supervisor:
            running = threading.Thread(target=supervisor.run)
            running.start()
            try:
                filler = disk / "filler"
                fill(filler)
                write_until_it_fails(url)
                wait_for(lambda: "Free some space" in capsys.readouterr().err)
                time.sleep(3)  # some starts fail
                filler.unlink()
                wait_for(lambda: running.is_alive() and service.check())
                with psycopg.connect(url) as connection:
                    assert connection.execute("SELECT 1").fetchone() == (1,)
            finally:
                supervisor._stopping = True
                running.join()


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount an empty disk of 300 MB where every account can reach it. Only root may do so."""
    with tempfile.TemporaryDirectory(dir=SHARED) as name:
        folder = Path(name)
        mount = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=0777", "tmpfs", name]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("only root with the right to mount can make a small disk")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as handle:
        try:
            while True:
                handle.write(bytes(1_000_000))
        except OSError:
            return


def write_until_it_fails(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        message = "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 100000000))"
        with pytest.raises(psycopg.Error):
            connection.execute(message)


@pytest.mark.skipif(not LONG, reason="starts the whole system three times; runs in make test-long")
def test_a_supervisor_killed_during_recovery_starts_again(up: Up) -> None:
    for _ in range(2):
        with psycopg.connect(up.start()["ownerDatabaseUrl"]) as database:
            backend = database.info.backend_pid
            os.kill(backend, signal.SIGKILL)
            time.sleep(0.15)  # PostgreSQL recovers, and its request to stop comes meanwhile
            assert up.process is not None
            up.process.kill()
            up.process.wait()
    up.start()
