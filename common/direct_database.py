"""The direct address of the database, for work that a transaction pool cannot carry."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from environ import Env


def direct_url() -> str:
    """Return DATABASE_DIRECT_URL, or DATABASE_URL if it is empty, for psycopg and pg_dump."""
    url = settings.DATABASE_DIRECT_URL or settings.DATABASE_URL
    return urlsplit(url)._replace(path=f"/{_name(Env.db_url_config(url))}").geturl()


@contextmanager
def direct() -> Iterator[None]:
    """Connect to the direct address for the length of the block."""
    with connected_to(settings.DATABASE_DIRECT_URL):
        yield


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Connect the default connection to `url` for the length of the block.

    Nothing changes if `url` is empty or names the present server, role and database.
    """
    given = Env.db_url_config(url) if url else connection.settings_dict
    with _switched(given | {"NAME": _name(given)}):
        yield


@contextmanager
def at_database(url: str) -> Iterator[None]:
    """Connect to exactly the database that `url` names, also in tests, for the block's length."""
    with _switched(Env.db_url_config(url)):
        yield


@contextmanager
def _switched(given: Mapping[str, Any]) -> Iterator[None]:
    own = connection.settings_dict
    place = {name: given[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")}
    place["OPTIONS"] = own["OPTIONS"] | given.get("OPTIONS", {})
    if all(place[name] == own[name] for name in place if name not in {"PASSWORD", "OPTIONS"}):
        yield
        return
    previous = {name: own[name] for name in place}
    connection.close()
    own.update(place)
    try:
        yield
    finally:
        connection.close()
        own.update(previous)


def _name(given: Mapping[str, Any]) -> str:
    """Return the database's name at the given address. Tests use another database than the URL's."""
    own = str(connection.settings_dict["NAME"])
    return str(given["NAME"]) if own == Env.db_url_config(settings.DATABASE_URL)["NAME"] else own
