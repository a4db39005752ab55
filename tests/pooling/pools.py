"""Pools in front of a database: our own, which carries prepared statements or not, and PgBouncer."""

import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from common.environment import BASE_DIR
from devserver.os_users import unprivileged
from devserver.state import free_port
from tests import debian

PATIENCE = 20.0  # seconds
PGBOUNCER = """
[databases]
{name} = host={host} port={port} dbname={name} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
unix_socket_dir =
ignore_startup_parameters = extra_float_digits,options
log_connections = 0
log_disconnections = 0
"""


def at(url: str, port: int) -> str:
    """Return `url` with the address of a pool on this machine."""
    parts = urlsplit(url)
    place = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    return parts._replace(netloc=place).geturl()


@contextmanager
def own_pool(url: str, *, size: int = 6, mixing: bool = False) -> Iterator[str]:
    """Run a transaction pool. With `mixing` it does not carry prepared statements."""
    command = [sys.executable, "-m", "tests.pooling.pooler", url, f"--size={size}"]
    process = subprocess.Popen(
        [*command, *(["--mixing"] if mixing else [])],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield at(url, int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def pgbouncer(url: str, folder: Path, *, size: int = 6) -> Iterator[str]:
    """Run Debian 12's PgBouncer 1.18 as a transaction pool. Skips the test if it is missing."""
    program, port, parts = (
        debian.program("pgbouncer", "usr/sbin/pgbouncer"),
        free_port(),
        urlsplit(url),
    )
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        PGBOUNCER.format(
            name=parts.path[1:],
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            password=parts.password,
            listen_port=port,
            size=size,
        )
    )
    account = unprivileged()
    as_another = ["-u", pwd.getpwuid(account.uid).pw_name] if account else []  # never runs as root
    process = subprocess.Popen(
        [program, *as_another, settings],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "pgbouncer.log").open("w"),
    )
    try:
        _wait_for(at(url, port))
        yield at(url, port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
