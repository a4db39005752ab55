"""Migrations on tables that others read for long."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from grps_site.ops import patient_migrations
from tests.conftest import database_url

LONG = 3.0  # seconds of the long read
TOO_LONG = 2.0  # seconds; a short read waits for at most the lock timeout


@pytest.fixture
def migrated(transactional_db: None) -> Iterator[list[int]]:
    """Return the tries of `alter`."""
    yield []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ranks DROP COLUMN IF EXISTS made_by_a_test")


def alter(tries: list[int]) -> Callable[[], None]:
    def migrate() -> None:
        tries.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ranks ADD COLUMN made_by_a_test int")

    return migrate


def read_for(seconds: float) -> threading.Thread:
    """Begin a long read of the table, and return when its lock is held."""
    holds = threading.Event()

    def read() -> None:
        with psycopg.connect(database_url()) as reader:
            reader.execute("SELECT count(*) FROM ranks")
            holds.set()
            time.sleep(seconds)

    thread = threading.Thread(target=read)
    thread.start()
    holds.wait()
    return thread


def test_reads_are_not_held_up_while_a_migration_waits(
    migrated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_migrations, "LOCK_TIMEOUT", "300ms")
    long_read = read_for(LONG)
    migration_is_over = threading.Event()
    slowest = 0.0

    def read_often() -> None:
        nonlocal slowest
        with psycopg.connect(database_url(), autocommit=True) as reader:
            while not migration_is_over.is_set():
                start = time.monotonic()
                reader.execute("SELECT count(*) FROM ranks")
                slowest = max(slowest, time.monotonic() - start)
                time.sleep(0.05)

    short_reads = threading.Thread(target=read_often)
    short_reads.start()
    patient_migrations.apply(alter(migrated))
    migration_is_over.set()
    short_reads.join()
    long_read.join()
    assert len(migrated) > 1
    assert slowest < TOO_LONG
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_table_that_stays_in_use_fails_the_migration(
    migrated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_migrations, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(patient_migrations, "PAUSES", (0.01,) * 5)
    long_read = read_for(1.0)
    with pytest.raises(OperationalError, match="lock timeout"):
        patient_migrations.apply(alter(migrated))
    long_read.join()
    assert len(migrated) == 6
