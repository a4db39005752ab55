"""The client programs of PostgreSQL: find them, check their version, give them the address."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from psycopg.pq import Conninfo

from grps_site.backup.errors import BackupError


def find(name: str, server_version: int) -> Path:
    """Return a program that is not older than the server (as in `server_version_num`).

    It is looked up in POSTGRES_BIN, or in PATH if that is empty. Raises BackupError.
    """
    major = server_version // 10_000
    found = shutil.which(name, path=settings.POSTGRES_BIN or None)
    if found is None:
        raise BackupError(
            f"{name} is not installed: install the PostgreSQL client of version {major} (Debian:"
            f" postgresql-client-{major}), or set POSTGRES_BIN to its folder."
        )
    known = _major(found)
    if known < major:
        raise BackupError(
            f"{found} is of PostgreSQL {known}, and the server of {major}: install"
            f" postgresql-client-{major}, or set POSTGRES_BIN to its folder."
        )
    return Path(found)


def version(program: Path) -> str:
    """Return what a program says of itself, as `pg_dump (PostgreSQL) 18.6`."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def environment(url: str) -> Mapping[str, str]:
    """Return the environment by which a program connects. Arguments would show the password."""
    address = {
        option.envvar.decode(): option.val.decode()
        for option in Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | address


def _major(program: str) -> int:
    match = re.search(r"\) (\d+)", version(Path(program)))
    if match is None:
        raise BackupError(f"{program} does not say its version: is it PostgreSQL's?")
    return int(match[1])
