"""Run further PostgreSQL clusters: for replicas, warehouses and restored backups."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devserver import postgres, process
from devserver.os_users import own_all, unprivileged
from devserver.process import Service
from devserver.state import State, free_port, write_private

SMALL = {"shared_buffers": "32MB", "max_connections": "30", "max_wal_size": "128MB"}
PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Its superuser has the name and password of the test server's."""

    port: int
    data: Path

    def url(self, database: str = "postgres") -> str:
        server = urlsplit(os.environ["DATABASE_URL"])
        netloc = f"{server.username}:{server.password}@127.0.0.1:{self.port}"
        return server._replace(netloc=netloc, path=f"/{database}").geturl()


@contextmanager
def cluster(
    folder: Path, *, fill: Callable[[Path], object] | None = None, **settings: str
) -> Iterator[Cluster]:
    """Run a cluster with these settings. Its data is deleted at the end.

    `fill` writes the data folder, for example by pg_basebackup. Without it the cluster is new.
    """
    state = State.at(folder)
    password = urlsplit(os.environ["DATABASE_URL"]).password
    write_private(folder / "secrets.json", f'{{"LOCAL_DATABASE_PASSWORD": "{password}"}}')
    if fill is not None:
        _fill(postgres.data_folder(state), fill)
    port = free_port()
    service = postgres.service(state, port, throwaway=True)
    service.command += [f"--{name}={value}" for name, value in (SMALL | settings).items()]
    assert service.folder is not None
    service.start()
    try:
        _wait_for(service)
        yield Cluster(port, service.folder)
    finally:
        process.stop([service])
        shutil.rmtree(service.folder)


def run(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a program of PostgreSQL as this user. Raises CalledProcessError."""
    command = [postgres.installation() / "bin" / program, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)


def _fill(data: Path, fill: Callable[[Path], object]) -> None:
    fill(data)
    account = unprivileged()
    if account is not None:
        own_all(data, account)


def _wait_for(service: Service) -> None:
    deadline = time.monotonic() + PATIENCE
    while not service.check():
        assert not service.is_dead(), service.log_tail()
        assert time.monotonic() < deadline, service.log_tail()
        time.sleep(0.05)
