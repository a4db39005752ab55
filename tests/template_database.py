"""A migrated database, of which the test databases are copies.

It stays in the test server between runs. It is created again after a change of a migration or a
package.
"""

import hashlib
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

NAME = "grps_template"
TOP = Path(__file__).resolve().parent.parent
PACKAGES = ("django", "django-allauth", "django-celery-beat")  # they have migrations


def prepare() -> None:
    """Create the template unless it exists and is up to date."""
    server = os.environ["DATABASE_URL"]
    wanted = fingerprint()
    with psycopg.connect(server, autocommit=True) as connection:
        if _comment(connection) == wanted:
            return
        name = sql.Identifier(NAME)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        address = urlsplit(server)._replace(path=f"/{NAME}").geturl()
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v0"],
            cwd=TOP,
            env=os.environ | {"DATABASE_URL": address, "DATABASE_OWNER_URL": address},
            check=True,
        )
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        connection.execute(comment.format(name, sql.Literal(wanted)))


def fingerprint() -> str:
    found = hashlib.sha256()
    for package in PACKAGES:
        found.update(f"{package} {metadata.version(package)}\n".encode())
    for path in sorted(TOP.glob("*/migrations/*.py")):
        found.update(path.relative_to(TOP).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _comment(connection: "psycopg.Connection[tuple[str]]") -> str:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    row = connection.execute(query, [NAME]).fetchone()
    return row[0] if row else ""
