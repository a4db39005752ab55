from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from audits.actions import Action
from audits.chain.sealing import seal_pending
from audits.record import Actor, Target, record

STAFF = Actor("staff", "5", "Mona", "staff:5")


@pytest.fixture
def tell(transactional_db: None) -> Callable[..., int]:
    """Return a function that records and commits one event about player 7."""

    def tell(reason: str = "a good deed", **more: Any) -> int:
        with transaction.atomic():
            return record(
                Action.POINTS_ADJUSTED,
                actor=STAFF,
                target=Target("player", "7", "Newt", "player:7"),
                reason=reason,
                after={"points": "12.50"},
                **more,
            )

    return tell


@pytest.fixture
def chain(tell: Callable[..., int]) -> list[int]:
    """Create nine events under three seals. Returns the ids of the events."""
    ids = []
    for _ in range(3):
        ids += [
            tell(f"reason {number}\twith a tab, a \\ and a\nnewline, ünïcode")
            for number in range(3)
        ]
        assert seal_pending() is not None
    return ids


@contextmanager
def past_the_triggers() -> Iterator[Any]:
    """Open a transaction with the triggers disabled, as a superuser can."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor


@pytest.fixture
def other_connection(transactional_db: None) -> Iterator["psycopg.Connection[Any]"]:
    options = connection.get_connection_params()
    with psycopg.connect(
        **{key: options[key] for key in ("dbname", "user", "password", "host", "port")}
    ) as other:
        yield other
