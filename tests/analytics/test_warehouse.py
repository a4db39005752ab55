"""Level B as a whole: what the publication sends, and a warehouse in a second cluster."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from grps_site.analytics import publication, replication_role, slots, warehouse
from grps_site.ops import database_roles, metric_sources, portal_role
from players.models import Player
from roblox.models import ExperienceKey
from tests import clusters
from tests.analytics import pgoutput
from tests.analytics.conftest import (
    LOGIN,
    OTHER,
    PERSON,
    POISON,
    Reader,
    manage,
    of_this_database,
    owner,
)
from tests.players.conftest import Game

PATIENCE = 120  # seconds
FACTS = (
    "SELECT id, rank_id, earned, adjusted, points, kos, listed, erased_at FROM players ORDER BY 1"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clusters.Cluster]:
    with clusters.cluster(tmp_path_factory.mktemp("warehouse") / "state") as running:
        yield running


@pytest.fixture
def store(cluster: clusters.Cluster, level_b: None) -> Iterator[Reader]:
    """Connect to an empty warehouse. Its subscription and its slot are dropped at the end."""
    with psycopg.connect(cluster.url(), autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS store WITH (FORCE)")
        server.execute("CREATE DATABASE store")
    url = cluster.url("store")
    with psycopg.connect(url, autocommit=True) as database:
        yield database
    manage("warehouse", url, "--drop")
    assert of_this_database() == []
    assert not portal_role.exists(warehouse.default_slot())


@pytest.fixture
def url(cluster: clusters.Cluster) -> str:
    return cluster.url("store")


def arrives(store: Reader, query: str, expected: Any) -> None:
    """Wait until the warehouse answers what is expected."""
    deadline = time.monotonic() + PATIENCE
    while (found := store.execute(query).fetchall()) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def ours(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.fixture
def wire(level_b: None) -> Callable[[], list[bytes]]:
    """Return a function that reads every change since it was last called."""
    with owner() as database:
        database.execute("SELECT pg_create_logical_replication_slot('wire', 'pgoutput')")

    def read() -> list[bytes]:
        with owner() as database:
            database.execute("SET synchronous_commit = on")  # what is not on disk is not decoded
            database.execute("SELECT pg_logical_emit_message(true, 'flush', '')")
            rows = database.execute(
                "SELECT data FROM pg_logical_slot_get_binary_changes('wire', NULL, NULL,"
                " 'proto_version', '1', 'publication_names', %s)",
                [publication.NAME],
            ).fetchall()
        return [row[0] for row in rows]

    return read


def test_the_publication_sends_the_declared_columns_and_nothing_personal(
    wire: Callable[[], list[bytes]], poisoned: Callable[[], Player], api_key: str
) -> None:
    player = poisoned()
    Player.objects.filter(pk=player.pk).update(rank_id=player.rank_id)
    call_command("player", "ban", str(OTHER), "--reason", POISON[1], verbosity=0)
    messages = wire()
    declared = django_settings.ANALYTICS.tables
    relations = pgoutput.relations(messages)
    assert relations.keys() >= {"players", "ledger", "daily_points", "sanctions"}
    for table, columns in relations.items():
        assert columns == set(declared[table].published()), table
    sent = b"".join(messages)
    key = ExperienceKey.objects.get()
    for secret in (*POISON, api_key, key.digest, key.prefix):
        assert str(secret).encode() not in sent
    assert b"training" in sent


def test_the_publication_sends_the_erasure_without_the_person(
    wire: Callable[[], list[bytes]], poisoned: Callable[[], Player]
) -> None:
    poisoned()
    wire()
    call_command("player", "erase", str(PERSON), "--reason", "an order of Roblox", verbosity=0)
    sent = b"".join(wire())
    assert b"erased-" not in sent
    assert not any(poison.encode() in sent for poison in POISON)
    assert len(sent) > 100


def test_a_warehouse_has_the_same_figures_and_the_erasure(
    store: Reader, url: str, poisoned: Callable[[], Player], game: Game
) -> None:
    player = poisoned()
    said = manage("warehouse", url)
    assert "Every table is copied" in said
    for table in ("players", "ledger", "daily_points", "ranks", "sanctions"):
        count = f"SELECT count(*) FROM {table}"
        assert store.execute(count).fetchall() == ours(count), table
    game.send(game.event(PERSON, 2), game.event(PERSON + 5))
    arrives(store, FACTS, ours(FACTS))
    call_command("player", "erase", str(PERSON), "--reason", "an order of Roblox", verbosity=0)
    erased = f"SELECT listed, erased_at IS NOT NULL FROM players WHERE id = {player.pk}"
    arrives(store, erased, [(False, True)])
    tables = store.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    assert {name for (name,) in tables} == set(django_settings.ANALYTICS.tables)


def test_the_role_of_the_warehouse_reads_published_columns_alone(store: Reader, url: str) -> None:
    manage("warehouse", url)
    (source,) = store.execute("SELECT subconninfo FROM pg_subscription").fetchone() or ()
    with psycopg.connect(source, autocommit=True) as role:
        assert role.execute("SELECT count(points) FROM players").fetchone() == (0,)
        for statement in (
            "SELECT username FROM players",
            "SELECT * FROM notes",
            "DELETE FROM ranks",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(statement)


def test_a_lost_slot_is_reported_and_made_again_by_one_command(
    store: Reader, url: str, game: Game, client: Client
) -> None:
    game.send(game.event(PERSON))
    manage("warehouse", url)
    name = warehouse.default_slot()
    store.execute("ALTER SUBSCRIPTION grps_analytics DISABLE")
    _lose(name)
    assert client.get("/health/deep").json()["checks"]["slots"]["ok"] is False
    assert (("slot", name), 1.0) in _gauge("grps_replication_slot_lost")
    with pytest.raises(CommandError):
        manage("status")
    game.send(game.event(PERSON, 2))
    assert "made again" in manage("warehouse", url)
    arrives(store, FACTS, ours(FACTS))
    assert slots.lost() == []
    game.send(game.event(PERSON, 3))
    arrives(store, FACTS, ours(FACTS))


def _lose(name: str) -> None:
    """Let the server give the slot up, as it does when the slot keeps too much."""
    with owner() as database:
        database.execute("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'")
        database.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + PATIENCE
        while name not in slots.lost():
            assert time.monotonic() < deadline
            time.sleep(0.2)
            database.execute("CHECKPOINT")
        database.execute("ALTER SYSTEM RESET idle_replication_slot_timeout")
        database.execute("SELECT pg_reload_conf()")
        while database.execute("SHOW idle_replication_slot_timeout").fetchone() != ("0",):
            time.sleep(0.05)


def _gauge(name: str) -> list[tuple[tuple[str, str], float]]:
    (metric,) = [one for one in metric_sources.replication_slots() if one.name == name]
    return [(next(iter(sample.labels.items())), sample.value) for sample in metric.samples]


def test_a_new_column_and_a_refresh(store: Reader, url: str, game: Game) -> None:
    game.send(game.event(PERSON))
    manage("warehouse", url)
    store.execute("ALTER TABLE players DROP COLUMN kos")  # as if it were not published yet
    assert "made again" in manage("warehouse", url)
    arrives(store, FACTS, ours(FACTS))
    assert "was refreshed" in manage("warehouse", url)
    with pytest.raises(CommandError, match=f"Give --slot {warehouse.default_slot()}"):
        manage("warehouse", url, "--slot", "another")
    assert not portal_role.exists("another")
    deadline = time.monotonic() + PATIENCE
    while _gauge("grps_replication_slot_active") != [(("slot", warehouse.default_slot()), 1.0)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (retained,) = _gauge("grps_replication_slot_retained_bytes")
    assert retained[1] >= 0
    with pytest.raises(CommandError, match="A warehouse reads"):
        manage("drop")
    assert "max_slot_wal_keep_size is -1" in manage("status")


def test_databases_of_other_origin_are_left_alone(store: Reader, url: str) -> None:
    store.execute("CREATE TABLE players (id int PRIMARY KEY)")
    with pytest.raises(CommandError, match="other origin: players"):
        manage("warehouse", url)
    assert of_this_database() == []
    store.execute("DROP TABLE players")


def test_a_role_of_other_origin_is_left_alone(level_b: None) -> None:
    with owner() as database:
        database.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD 'first' CONNECTION LIMIT 77")
        try:
            with pytest.raises(portal_role.NotPossible, match="this command did not make it"):
                replication_role.renew(LOGIN)
            powers = "SELECT rolreplication, rolconnlimit FROM pg_roles WHERE rolname = %s"
            assert database.execute(powers, [LOGIN]).fetchone() == (False, 77)
            database.execute(f"COMMENT ON ROLE {LOGIN} IS '{replication_role.MARK}'")
            assert LOGIN in replication_role.renew(LOGIN)
        finally:
            replication_role.drop(LOGIN)


def test_the_role_of_the_processes_keeps_its_rights(level_b: None) -> None:
    application = database_roles.role_of(os.environ["DATABASE_APPLICATION_URL"])
    with pytest.raises(portal_role.NotPossible, match="writes GRPS's tables"):
        replication_role.grant(application)
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'players', 'INSERT')", [application])
        assert cursor.fetchone() == (True,)
    with pytest.raises(portal_role.NotPossible, match="There is no role nobody_here"):
        replication_role.grant("nobody_here")


def test_a_warehouse_needs_a_publication(level_a: None, url: str) -> None:
    with pytest.raises(CommandError, match="--level b"):
        manage("warehouse", url)
    with pytest.raises(CommandError, match="Give the URL"):
        manage("warehouse")
