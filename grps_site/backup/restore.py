"""Restore a backup into an empty database, or into a scratch database that is dropped again."""

import secrets
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from common.direct_database import direct_url
from common.environment import owner_database_url
from grps_site.backup import archive, encryption, programs
from grps_site.backup.errors import BackupError
from grps_site.backup.manifest import Manifest

FLAGS = ("--no-owner", "--no-privileges", "--exit-on-error")
TABLES = (
    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
)


def restore(
    backup: tarfile.TarFile, manifest: Manifest, url: str, identities: Sequence[Any]
) -> None:
    """Decrypt the dump into pg_restore. Raises BackupError. No part of it is written to a disk."""
    program = programs.find("pg_restore", manifest.contents.server_version)
    name = urlsplit(url).path.removeprefix("/")
    command: list[str | Path] = [program, *FLAGS, f"--dbname={name}"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=errors, env=programs.environment(url)
        )
        assert process.stdin is not None
        with archive.stream(backup, archive.DUMP) as dump:
            is_fed = _feed(dump, process, identities)
        if process.wait() or not is_fed:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            raise BackupError(f"pg_restore failed:\n{said}")


def _feed(dump: IO[bytes], process: "subprocess.Popen[bytes]", identities: Sequence[Any]) -> bool:
    """Decrypt into the process. Return False if it ended early. Raises BackupError."""
    assert process.stdin is not None
    try:
        encryption.decrypt(dump, process.stdin, identities)
        process.stdin.close()
    except BrokenPipeError:
        return False
    except BackupError:
        process.kill()
        process.wait()
        raise
    return True


@contextmanager
def target(given: str) -> Iterator[str]:
    """Yield the URL of the database to restore into: `given`, which must be empty, or a scratch one.

    The scratch database is made by the owner's role and dropped at the end. Raises BackupError.
    """
    if given:
        _check_empty(given)
        yield given
        return
    with scratch(owner_database_url() or direct_url()) as url:
        yield url


@contextmanager
def scratch(server: str) -> Iterator[str]:
    """Make a database on the server of a URL, and drop it at the end."""
    name = f"grps_drill_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise BackupError(
                f"The role {connection.info.user} may not make databases: `ALTER ROLE"
                f" {connection.info.user} CREATEDB`, or give --target-url with an empty database."
            ) from None
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


def _check_empty(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(TABLES).fetchone()
    except psycopg.OperationalError as error:
        raise BackupError(f"The target cannot be reached: {str(error).strip()}") from None
    if row and row[0]:
        raise BackupError(
            f"The target has {row[0]} tables. A backup is restored into an empty database only."
        )
