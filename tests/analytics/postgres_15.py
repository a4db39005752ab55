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

from common.environment import STATE_DIR
from devserver import process
from devserver.os_users import Account, own_all, reachable_folder, unprivileged
from devserver.process import Service
from devserver.state import free_port
from tests import clusters, debian, template_database

PACKAGE, PROGRAMS = "postgresql-15", "usr/lib/postgresql/15/bin"
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
    account = unprivileged()
    data = reachable_folder(folder / "data", account) if account else folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    if account is not None:
        account.own(data)
    port = free_port()
    service = _service(_programs(account), data, port, account)
    service.start()
    try:
        _wait_for(service)
        yield _prepared(port, database)
    finally:
        process.stop([service])
        shutil.rmtree(data)


def _service(programs: Path, data: Path, port: int, account: Account | None) -> Service:
    """Initialise the data folder, and return the server on it, not started yet."""
    libraries = ":".join(str(programs.parents[4] / folder) for folder in debian.LIBRARIES)
    environment = {"LD_LIBRARY_PATH": libraries}
    _initialise(programs / "initdb", data, account, environment)
    settings = SETTINGS | {"port": str(port)}
    return Service(
        name="postgres-15",
        command=[
            str(programs / "postgres"),
            f"-D{data}",
            *(f"--{name}={value}" for name, value in settings.items()),
        ],
        log=STATE_DIR / "logs" / "postgres-15.log",
        is_up=lambda _: _answers(port),
        environment=environment,
        account=account,
        folder=data,
    )


def _programs(account: Account | None) -> Path:
    """Return the folder of the programs, where the account that runs them can reach it."""
    found = debian.program(PACKAGE, f"{PROGRAMS}/postgres")
    if found == Path("/", PROGRAMS, "postgres"):
        return found.parent
    root = debian.CACHE / PACKAGE
    if account is not None:
        copy = account.shared() / PACKAGE
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root / "usr", copy / "usr", symlinks=True)
        own_all(copy, account)
        root = copy
    return root / PROGRAMS


def url(port: int, user: str, database: str) -> str:
    return f"postgresql://{user}:{user}@127.0.0.1:{port}/{database}"


def _initialise(
    initdb: Path, data: Path, account: Account | None, environment: dict[str, str]
) -> None:
    command = [str(initdb), f"--pgdata={data}", "--username=grps"]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
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
