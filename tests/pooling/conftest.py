"""Pools in front of the test database, started once for each module."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import database_url
from tests.pooling import pools


@pytest.fixture(scope="module")
def carrying(django_db_setup: None) -> Iterator[str]:
    """Return the URL of a pool of 4 connections that carries prepared statements."""
    with pools.own_pool(database_url(), size=4) as url:
        yield url


@pytest.fixture(scope="module")
def mixing(django_db_setup: None) -> Iterator[str]:
    """Return the URL of a pool that mixes up prepared statements."""
    with pools.own_pool(database_url(), size=4, mixing=True) as url:
        yield url


@pytest.fixture(scope="module")
def pgbouncer(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a PgBouncer 1.18, which mixes up prepared statements."""
    folder: Path = tmp_path_factory.mktemp("pgbouncer")
    with pools.pgbouncer(database_url(), folder, size=4) as url:
        yield url


@contextmanager
def neighbours(url: str, count: int = 2) -> Iterator[None]:
    """Keep `count` other clients busy, so that a client gets another server each time."""
    stopping = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as client:
            while not stopping.is_set():
                client.execute("SELECT pg_sleep(0.003)")

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
