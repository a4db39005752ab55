"""Test at the start whether a pool in front of the database knows prepared statements.

A pool that does not know them mixes up the statements of its clients, and answers with wrong rows
instead of an error.
"""

import os
import secrets
from contextlib import ExitStack
from typing import Any, NamedTuple

import psycopg
import structlog
from django.conf import settings
from django.db import connection, connections
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from common import environment
from grps_site.ops import pool_modes

ROUNDS = 20
NOT_CARRIED = (
    "DATABASE_URL leads to a pool that mixes up the prepared statements of its clients. Set"
    " DATABASE_POOL=transaction-unprepared, or give the address of the database itself."
)
UNDECLARED = (
    "DATABASE_URL leads to a transaction pool. Set DATABASE_POOL=transaction, and"
    " DATABASE_DIRECT_URL to the address without the pool."
)

# Of a pool that does not know a statement, knows another one of that name, or refuses them all.
STATEMENT_ERRORS = frozenset({"0A000", "08P01", "26000", "42P05"})

Connection = psycopg.Connection[Any]
log = structlog.get_logger("grps.database")


class Pool(NamedTuple):
    """What two connections to DATABASE_URL showed."""

    changes_server: bool  # another server process answers the same client: a transaction pool
    carries_prepared: bool


def refuse_mixed_statements() -> None:
    """Stop the start if a pool would mix up prepared statements.

    Without a database there is no answer. This process and its children then prepare nothing.
    """
    if settings.DATABASE_POOL == pool_modes.UNPREPARED:
        return
    try:
        pool = probe()
    except psycopg.OperationalError as error:
        log.warning(
            "until its next start, this process prepares no statements",
            why="a pool that may mix them up cannot be tested",
            error=str(error).strip(),
        )
        os.environ["DATABASE_POOL"] = pool_modes.UNPREPARED
        for database in connections.settings.values():
            pool_modes.apply(database, pool_modes.UNPREPARED)
        return
    if not pool.carries_prepared:
        environment.stop(NOT_CARRIED)
    if pool.changes_server and not pool_modes.is_transaction(settings.DATABASE_POOL):
        log.warning(UNDECLARED)


def probe() -> Pool:
    """Prepare two statements under one name, and run them crosswise on two connections.

    A quiet pool may give each client the same server process every time. So one of the connections
    is always within a transaction, which occupies a server process. Raises OperationalError if
    there is no connection, or an error that says nothing about prepared statements.
    """
    with ExitStack() as stack:
        clients = [stack.enter_context(_connect()) for _ in range(2)]
        servers: set[tuple[int, bytes]] = set()
        try:
            carries = _carries_prepared(clients, servers)
        except psycopg.Error as error:
            if error.sqlstate and error.sqlstate not in STATEMENT_ERRORS:
                raise psycopg.OperationalError(str(error)) from error
            carries = False
        if any(client.broken for client in clients):
            raise psycopg.OperationalError("the connection to the database was lost")
        return Pool(len(servers) > len(clients), carries)


def _connect() -> Connection:
    parameters = connection.get_connection_params()
    return psycopg.connect(**{**parameters, "autocommit": True, "prepare_threshold": None})


def _carries_prepared(clients: list[Connection], servers: set[tuple[int, bytes]]) -> bool:
    """Return whether each client gets its own rows. Adds which server process answered whom."""
    name = f"grps_probe_{secrets.token_hex(4)}".encode()
    for number, client in enumerate(clients):
        text = b"SELECT %d, pg_backend_pid()" % number
        _raise_error(client.pgconn.prepare(name, text))
    for number in range(ROUNDS):
        with clients[number % 2].transaction():
            for asked, client in enumerate(clients):
                row = client.pgconn.exec_prepared(name, [])
                _raise_error(row)
                if row.status != ExecStatus.TUPLES_OK or row.get_value(0, 0) != b"%d" % asked:
                    return False
                servers.add((asked, row.get_value(0, 1) or b""))
    return True


def _raise_error(result: PGresult) -> None:
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)
