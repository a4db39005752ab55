"""Run PostgreSQL 15 of Debian, with the schema of the test database."""

import os
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from devserver import process
from devserver.os_users import Account, reachable_folder, unprivileged
from devserver.process import Service
from devserver.state import free_port
from tests import clusters, debian, template_database

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "shared_buffers": "32MB",
    "fsync": "off",
}
OWNER = "grps_owner"  # neither superuser nor replication, as on a managed host
REPLICATOR = "from_the_console"
PATIENCE = 60  # seconds


@contextmanager
def server(folder: Path, database: str) -> Iterator[str]:
    """Yield the superuser's URL of a server with `database`, which OWNER owns."""
    binary = debian.program("postgresql-15", "usr/lib/postgresql/15/bin/postgres")
    account = unprivileged()
    if account is not None and not account.can_reach(binary):
        pytest.skip("PostgreSQL 15 is where the account that runs it cannot reach it")
    data = reachable_folder(folder / "data", account) if account else folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    if account is not None:
        account.own(data)
    _initialise(binary, data, account)
    port = free_port()
    service = Service(
        name="postgres-15",
        command=[
            str(binary),
            f"-D{data}",
            f"--port={port}",
            *(f"--{name}={value}" for name, value in SETTINGS.items()),
        ],
        log=folder / "postgres-15.log",
        is_up=lambda _: _answers(port),
        account=account,
        folder=data,
    )
    service.start()
    try:
        _wait_for(service)
        yield _prepared(port, database)
    finally:
        process.stop([service])
        shutil.rmtree(data)


def url(port: int, user: str, database: str) -> str:
    return f"postgresql://{user}:{user}@127.0.0.1:{port}/{database}"


def _initialise(binary: Path, data: Path, account: Account | None) -> None:
    command = [binary.with_name("initdb"), f"--pgdata={data}", "--username=grps"]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _prepared(port: int, database: str) -> str:
    """Make the roles, the database with its schema, and an empty warehouse beside it."""
    with psycopg.connect(url(port, "grps", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{OWNER}'")
        connection.execute(f"CREATE ROLE {REPLICATOR} LOGIN REPLICATION PASSWORD '{REPLICATOR}'")
        connection.execute(f"CREATE DATABASE {database} OWNER {OWNER}")
        connection.execute("CREATE DATABASE store")
    template = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    template = template._replace(path=f"/{template_database.NAME}")
    dump = clusters.run(
        "pg_dump", "--schema-only", "--no-owner", "--no-privileges", template.geturl()
    )
    script = dump.stdout.replace("SET transaction_timeout = 0;", "")  # unknown to 15
    target = url(port, OWNER, database)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("\n".join(_statements(script)).encode())
    return url(port, "grps", database)


def _statements(script: str) -> list[str]:
    """Return the script without psql's own commands."""
    return [line for line in script.splitlines() if not line.startswith("\\")]


def _answers(port: int) -> bool:
    try:
        with psycopg.connect(url(port, "grps", "postgres"), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _wait_for(service: Service) -> None:
    deadline = time.monotonic() + PATIENCE
    while not service.check():
        assert not service.is_dead(), service.log_tail()
        assert time.monotonic() < deadline, service.log_tail()
        time.sleep(0.05)
