"""Views and publication of the test database, a person with known data, and the readers."""

import os
import time
import urllib.parse
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from grps_site.analytics import publication, roles, slots, views
from players.models import Player
from tests import own_broker
from tests.players.conftest import Game, game

__all__ = ["game"]

Reader = psycopg.Connection[Any]
PATIENCE = 180.0  # seconds
LOGIN = f"reader_{own_broker.number}"  # roles belong to the server, so each process has its own
PERSON, OTHER = 6_600_066_001, 6_600_066_002
NAME, REASON, NOTE = "Poisoned_Name_66", "poisoned reason", "poisoned note"
POISON = (NAME, REASON, NOTE, str(PERSON))


def manage(*arguments: str) -> str:
    """Run `manage.py analytics` and return what it printed."""
    said = StringIO()
    call_command("analytics", *arguments, stdout=said, stderr=said)
    return said.getvalue()


def url_of(user: str, password: str) -> str:
    """Return the URL of the test database for another role."""
    address = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    netloc = f"{user}:{urllib.parse.quote(password, safe='')}@{address.hostname}:{address.port}"
    return address._replace(netloc=netloc, path="/" + connection.settings_dict["NAME"]).geturl()


def owner(database: str = "") -> Reader:
    """Connect to the test database beside Django, as its owner."""
    address = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    name = database or connection.settings_dict["NAME"]
    return psycopg.connect(address._replace(path=f"/{name}").geturl(), autocommit=True)


def wait_for_older_transactions() -> None:
    """Wait until every transaction that runs now has ended. Other tests use the server too."""
    deadline = time.monotonic() + PATIENCE
    with owner() as database:
        own = database.execute("SELECT pg_current_xact_id()").fetchone()
        query = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
        while database.execute(query, own).fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def of_this_database() -> list[str]:
    return [slot.name for slot in slots.read() if slot.is_ours]


@pytest.fixture
def level_a(transactional_db: None) -> Iterator[None]:
    """Apply Level A, and drop everything at the end."""
    manage("apply", "--level", "a")
    yield
    _drop()


@pytest.fixture
def level_b(transactional_db: None) -> Iterator[None]:
    """Apply Level B, and drop everything at the end."""
    manage("apply", "--level", "b")
    yield
    _drop()


def _drop() -> None:
    with owner() as database:
        for name in of_this_database():
            database.execute("SELECT pg_drop_replication_slot(%s)", [name])
        publications = database.execute("SELECT pubname FROM pg_publication").fetchall()
        for (name,) in publications:
            database.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(name)))
    manage("drop")


@pytest.fixture
def reader(level_a: None) -> Iterator[Reader]:
    """Connect as a tool does. It sees what the test commits."""
    said = manage("role", LOGIN)
    with psycopg.connect(said.split()[-1], autocommit=True) as database:
        yield database


@pytest.fixture
def poisoned(game: Game) -> Callable[[], Player]:
    """Return a function that makes a person whose name, id, reasons and notes must not be published."""

    def plant() -> Player:
        game.send(game.event(PERSON, username=NAME, displayName=NAME), game.event(OTHER))
        for act, text in (("note", NOTE), ("warn", REASON), ("adjust", REASON)):
            amount = ["5"] if act == "adjust" else []
            arguments = [act, str(PERSON), *amount, "--reason", text]
            call_command("player", *arguments, stdout=StringIO())
        return Player.objects.get(user_id=PERSON)

    return plant


def has_views() -> bool:
    return views.are_applied() and not views.outdated()


def is_published() -> bool:
    return publication.exists() and not publication.outdated()


def group() -> str:
    return roles.group()
