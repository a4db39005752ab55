"""The manifest of a backup: what the dump holds, read in the snapshot that it is made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, sql

from common.direct_database import direct_url
from grps_site.backup.errors import BackupError

TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1"""
LAST_EVENT = "SELECT id, at::text FROM audits ORDER BY id DESC LIMIT 1"
LAST_SEAL = "SELECT number, last_position, hash FROM seals ORDER BY number DESC LIMIT 1"
MIGRATIONS = "SELECT app, max(name) FROM django_migrations GROUP BY app ORDER BY app"
Rows = Connection[tuple[Any, ...]]


class Event(msgspec.Struct, frozen=True):
    id: int = 0
    at: str = ""


class LastSeal(msgspec.Struct, frozen=True):
    number: int = 0
    position: int = 0
    hash: str = ""


class Contents(msgspec.Struct, frozen=True):
    """What a database holds at one moment. `tables`: the number of rows of each."""

    database: str
    server_version: int
    migrations: dict[str, str]
    tables: dict[str, int]
    last_event: Event
    last_seal: LastSeal


class Manifest(msgspec.Struct, frozen=True):
    """`grps` is the version that made it, `program` what pg_dump says of itself.

    `bytes` and `sha256` are those of the encrypted dump. `seal_file` is the SHA-256 of the copy,
    which is empty without `has_seals`: the machine that made the backup had no seal file.
    """

    made_at: str
    grps: str
    program: str
    contents: Contents
    bytes: int
    sha256: str
    seal_file: str
    recipients: list[str]
    format: int = 1
    has_seals: bool = True


@contextmanager
def snapshot() -> Iterator[tuple[str, Contents]]:
    """Hold a snapshot of the database for pg_dump, and yield its name and what it holds.

    Raises BackupError if the database cannot be reached.
    """
    try:
        with psycopg.connect(direct_url(), connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            name = _one(connection, "SELECT pg_export_snapshot()")[0]
            yield str(name), contents(connection)
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be read: {str(error).strip()}") from None


def contents(connection: Rows) -> Contents:
    """Read what the database of a connection holds. Counts every row."""
    names = [str(row[0]) for row in connection.execute(TABLES)]
    count = sql.SQL("SELECT count(*) FROM public.{}")
    return Contents(
        database=connection.info.dbname,
        server_version=connection.info.server_version,
        migrations=dict(connection.execute(MIGRATIONS).fetchall()),
        tables={
            name: int(_one(connection, count.format(sql.Identifier(name)))[0]) for name in names
        },
        last_event=Event(*_one(connection, LAST_EVENT)),
        last_seal=LastSeal(*_one(connection, LAST_SEAL)),
    )


def decode(text: bytes) -> Manifest:
    """Read a manifest. Raises BackupError."""
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"The manifest cannot be read: {error}.") from None
    if found.format != 1:
        raise BackupError(f"The backup has the format {found.format}: use a newer GRPS.")
    return found


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def _one(connection: Rows, query: Any) -> tuple[Any, ...]:
    """Return the first row, empty if there is none."""
    return connection.execute(query).fetchone() or ()
