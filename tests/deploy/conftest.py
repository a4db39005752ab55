"""An installation of production with a database and the two roles of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests import own_broker, template_database
from tests.deploy.installation import Installation, settings

DATABASE = f"grps_production_{own_broker.number}"


def owner_url() -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{DATABASE}").geturl()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Create a migrated database. Yields the application's URL, whose role has no rights yet."""
    server, name = os.environ["DATABASE_URL"], sql.Identifier(DATABASE)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    template = sql.Identifier(template_database.NAME)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        application = urlsplit(os.environ["DATABASE_APPLICATION_URL"])
        yield application._replace(path=f"/{DATABASE}").geturl()
        connection.execute(drop)


@pytest.fixture(scope="module")
def installation(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation that is released: migrated, granted and bootstrapped."""
    folder: Path = tmp_path_factory.mktemp("production")
    known = settings(database, os.environ["REDIS_URL"], folder)
    made = Installation.make(folder / "grps", known)
    try:
        done = made.run("-m", "deploy.role", "release", DATABASE_OWNER_URL=owner_url())
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.close()
