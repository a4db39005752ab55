"""Make the test database read-only, as a failover to a standby or a full disk does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

SETTING = "ALTER DATABASE {} {} default_transaction_read_only {}"


@contextmanager
def read_only_database() -> Iterator[None]:
    """Let other processes only read. Their connections are ended, then and at the end.

    The connection of this process stays writable.
    """
    _switch("SET", "= on")
    try:
        yield
    finally:
        _switch("RESET", "")


@contextmanager
def read_only_connection() -> Iterator[None]:
    """Let this process only read, outside of transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        yield
        cursor.execute("SET default_transaction_read_only = off")


def _switch(verb: str, value: str) -> None:
    name = str(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ours = cursor.fetchone()[0]
    with psycopg.connect(os.environ["DATABASE_URL"], dbname="postgres", autocommit=True) as server:
        server.execute(SETTING.format(connection.ops.quote_name(name), verb, value))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
            [name, ours],
        )
