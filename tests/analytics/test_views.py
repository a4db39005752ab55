"""Level A: a role reads the views of the schema `analytics`, and nothing else."""

from collections.abc import Callable

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from grps_site.analytics import roles, views
from players.models import Player
from tests.analytics.conftest import (
    LOGIN,
    OTHER,
    PERSON,
    POISON,
    Reader,
    has_views,
    manage,
    owner,
    wait_for_older_transactions,
)
from tests.players.conftest import Game

TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%temp%'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(n.oid, 'USAGE')
      AND (has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
        OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER'))"""
REFUSED = [
    "SELECT username FROM public.players",
    "SELECT * FROM public.ledger",
    "SELECT * FROM portal.players",
    "UPDATE analytics.ranks SET name = ''",
    "DELETE FROM analytics.players",
    "INSERT INTO analytics.heartbeats VALUES ('x', now())",
    "CREATE TABLE analytics.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "SET temp_file_limit = -1",
    "SET ROLE grps",
    "SELECT pg_create_logical_replication_slot('mine', 'test_decoding')",
    "SELECT pg_read_file('/etc/passwd')",
]
NOT_UPDATABLE = psycopg.errors.ObjectNotInPrerequisiteState
IDS = "SELECT id FROM analytics.ledger"


def test_it_reads_the_declared_columns_and_nothing_else(reader: Reader) -> None:
    assert set(reader.execute(TABLES).fetchall()) == {
        ("analytics", table) for table in django_settings.ANALYTICS.tables
    }
    for name, table in django_settings.ANALYTICS.tables.items():
        shown = reader.execute(f"SELECT * FROM analytics.{name} LIMIT 0")
        assert {column.name for column in shown.description or ()} == set(table.published())


def test_it_may_do_nothing_else(reader: Reader) -> None:
    reader.execute("SET default_transaction_read_only = off")
    refusals = (psycopg.errors.InsufficientPrivilege, NOT_UPDATABLE)
    for statement in REFUSED:
        with pytest.raises(refusals):
            reader.execute(statement)


def test_it_cannot_exceed_its_limits(reader: Reader) -> None:
    for setting, value in roles.SETTINGS.items():
        assert reader.execute(f"SHOW {setting}").fetchone() == (value,)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TEMP TABLE mine (id int)")
    with owner() as database:
        database.execute(f"ALTER ROLE {LOGIN} SET statement_timeout = '50ms'")
    said = manage("role", LOGIN, "--rotate")  # also gives the limits back
    url = said.split()[-1]
    others = [psycopg.connect(url) for _ in range(roles.CONNECTIONS - 1)]
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        psycopg.connect(url)
    assert others[0].execute("SHOW statement_timeout").fetchone() == ("15min",)
    for one in others:
        one.close()


def test_a_new_password_ends_the_old_one(reader: Reader) -> None:
    old = reader.info.password
    url = manage("role", LOGIN, "--rotate").split()[-1]
    with psycopg.connect(url, autocommit=True) as again:
        new = again.info.password
        assert again.execute("SELECT count(*) FROM players").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(new, old))
    assert "URL" not in manage("role", LOGIN)  # it keeps its password


def test_a_second_role_overlaps_and_the_first_is_dropped(reader: Reader) -> None:
    second = f"{LOGIN}_b"
    with psycopg.connect(manage("role", second).split()[-1], autocommit=True) as other:
        for one in (reader, other):
            assert one.execute("SELECT count(*) FROM players").fetchone() == (0,)
        old = f"{reader.info.dsn} password={reader.info.password}"
        manage("role", LOGIN, "--drop")
        assert roles.logins() == [second]
        assert other.execute("SELECT count(*) FROM players").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)
    with pytest.raises(CommandError, match="No role grps reads"):
        manage("role", "grps", "--drop")


def test_other_roles_and_odd_names_are_refused(level_a: None) -> None:
    for name in ("grps", roles.group(), "Robert'); DROP", "", "a" * 64):
        with pytest.raises(CommandError):
            manage("role", name)


def test_nothing_personal_is_in_a_view_and_an_erased_person_is_marked(
    poisoned: Callable[[], Player], reader: Reader
) -> None:
    player = poisoned()
    wait_for_older_transactions()
    for table in django_settings.ANALYTICS.tables:
        rows = reader.execute(f"SELECT v::text FROM analytics.{table} v").fetchall()
        text = "\n".join(row[0] for row in rows)
        assert [poison for poison in POISON if poison in text] == [], table
    assert reader.execute(
        "SELECT points, kos FROM players WHERE id = %s", [player.pk]
    ).fetchone() == (
        player.points,
        0,
    )
    assert reader.execute("SELECT kind FROM sanctions").fetchall() == [("warning",)]
    call_command("player", "erase", str(PERSON), "--reason", "an order of Roblox", verbosity=0)
    wait_for_older_transactions()
    erased = "SELECT listed, erased_at IS NOT NULL FROM players WHERE id = %s"
    assert reader.execute(erased, [player.pk]).fetchone() == (False, True)


def test_a_row_waits_for_older_transactions(game: Game, reader: Reader) -> None:
    """A cursor at the highest id must not pass a lower id that commits later."""
    game.send(game.event(PERSON), game.event(OTHER))
    wait_for_older_transactions()
    seen = reader.execute(f"{IDS} ORDER BY id").fetchall()
    assert len(seen) == 2
    copy = """
        INSERT INTO ledger
            (player_id, origin, session, sequence, type, awarded, total, occurred_at, batch)
        SELECT player_id, origin, session, sequence + %s, type, 0, total, occurred_at, batch
        FROM ledger LIMIT 1 RETURNING id"""
    with owner() as slow, owner() as fast:
        slow.autocommit = False
        (low,) = slow.execute(copy, [100]).fetchone() or ()
        (high,) = fast.execute(copy, [200]).fetchone() or ()
        assert low < high
        assert reader.execute(f"{IDS} ORDER BY id").fetchall() == seen
        slow.commit()
    wait_for_older_transactions()
    assert reader.execute(f"{IDS} ORDER BY id").fetchall() == [*seen, (low,), (high,)]


def test_a_changed_player_waits_for_older_transactions(game: Game, reader: Reader) -> None:
    game.send(game.event(PERSON), game.event(OTHER))
    wait_for_older_transactions()
    last = "SELECT max(updated_at) FROM players"
    (before,) = reader.execute(last).fetchone() or ()
    change = "UPDATE players SET updated_at = clock_timestamp() WHERE user_id = %s"
    with owner() as slow, owner() as fast:
        slow.autocommit = False
        slow.execute(change, [PERSON])
        fast.execute(change, [OTHER])
        assert reader.execute(last).fetchone() == (before,)
        slow.commit()
    wait_for_older_transactions()
    changed = reader.execute("SELECT id FROM players WHERE updated_at > %s", [before]).fetchall()
    assert len(changed) == 2


def test_a_cursor_reads_by_its_index(level_a: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        for table, column, value in (("ledger", "id", "5"), ("players", "updated_at", "now()")):
            cursor.execute(f"EXPLAIN SELECT * FROM analytics.{table} WHERE {column} > {value}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Index Cond: (" in plan, plan
        cursor.execute("RESET enable_seqscan")


def test_applying_again_changes_nothing_and_mends(level_a: None) -> None:
    assert has_views()
    assert views.apply() is False
    with owner() as database:
        database.execute("DROP VIEW analytics.ranks")
        database.execute(f"REVOKE ALL ON analytics.players FROM {roles.group()}")
    assert views.outdated() == ["ranks"]
    with pytest.raises(CommandError):
        manage("status")
    manage("apply", "--level", "a")
    assert has_views()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'analytics.players', 'SELECT')", [roles.group()]
        )
        assert cursor.fetchone() == (True,)


def test_views_belong_to_the_owner_and_are_barriers(level_a: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner), reloptions::text[] FROM pg_class"
            " WHERE relnamespace = 'analytics'::regnamespace"
        )
        assert cursor.fetchall() == [("grps", ["security_barrier=true"])]


def test_dropping_leaves_nothing(reader: Reader) -> None:
    reader.close()
    manage("drop")
    assert not views.are_applied()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_roles WHERE rolname IN (%s, %s)", [LOGIN, roles.group()]
        )
        assert cursor.fetchone() == (0,)


def test_status_tries_the_registered_credential(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYTICS_DATABASE_URL", manage("role", LOGIN, "--rotate").split()[-1])
    with pytest.raises(CommandError, match="1 finding"):  # another role is registered
        manage("status")
