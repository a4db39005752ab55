"""The portal's role reads the views and functions of the schema `portal`, and nothing else."""

import os
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from grps_site.ops import database_roles, portal_role
from tests.portal_schema.conftest import NAME, PASSWORD, Database, portal_url

# Columns that the portal may read. A column that is not here must not be in a view.
COLUMNS = {
    "players": "user_id username display_name points rank_slug rank level rank_since kos wos joined_at synced_at",
    "ranks": "slug name level position role min_points min_time_days required_recommendations privileged"
    " on_ladder retired description colour players",
    "daily": "user_id day awarded kos wos balance",
    "ledger": "user_id id occurred_at experience type magnitude awarded",
    "promotions": "id user_id username display_name rank rank_slug from_rank from_rank_slug promoted_at",
    "policy_log": "id number version activated_at document changes",
    "periods": "kind key starts_on ends_on closed_at players",
    "stats": "players points_today points_week promotions_week active_today as_of",
    "experiences": "key name",
}
TABLES = """
    SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND n.nspname NOT LIKE 'pg_t%temp%' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"""
FUNCTIONS = """
    SELECT p.oid, n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND (n.nspname = 'portal' OR p.prosecdef)"""  # others run with the caller's rights
NOT_UPDATABLE = psycopg.errors.ObjectNotInPrerequisiteState
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
REFUSED = [
    "SELECT * FROM public.sanctions",
    "SELECT username FROM public.players",
    "SELECT * FROM portal.promotion_rows",
    "SELECT * FROM portal.ledger_rows",
    "SELECT * FROM portal.lines('{}', true)",
    "SELECT * FROM portal.from_source('SELECT 1', 1, 1, 1, 1, 1)",
    "UPDATE portal.players SET points = 1",
    "DELETE FROM portal.experiences",
    "CREATE TABLE portal.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SET temp_file_limit = -1",
    "CREATE OR REPLACE FUNCTION portal.total() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "SET ROLE grps",
    "COPY portal.players TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
]


def reached(portal: Database, query: str, check: str) -> set[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        things = cursor.fetchall()
    found = set()
    for oid, schema, name in things:
        for right in RIGHTS if check == "has_table_privilege" else ("EXECUTE",):
            if portal.execute(f"SELECT {check}(%s::oid, %s)", [oid, right]).fetchone() == (True,):
                found.add((schema, name, right))
    return found


def test_it_reads_the_views_and_no_other_relation(portal: Database) -> None:
    expected = {("portal", view, "SELECT") for view in COLUMNS}
    assert reached(portal, TABLES, "has_table_privilege") == expected
    assert set(portal_role.VIEWS) == set(COLUMNS)


def test_it_has_no_right_on_a_single_column_elsewhere(portal: Database) -> None:
    columns = portal.execute(
        "SELECT DISTINCT table_schema FROM information_schema.column_privileges"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert columns == [("portal",)]


def test_it_calls_the_portals_functions_and_no_other(portal: Database) -> None:
    expected = {("portal", function, "EXECUTE") for function in portal_role.FUNCTIONS}
    assert reached(portal, FUNCTIONS, "has_function_privilege") == expected


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_shows_the_columns_of_the_contract(portal: Database, view: str) -> None:
    shown = portal.execute(f"SELECT * FROM portal.{view} LIMIT 1")
    assert [column.name for column in shown.description or ()] == COLUMNS[view].split()


@pytest.mark.parametrize("statement", REFUSED)
def test_it_may_not(portal: Database, statement: str) -> None:
    portal.execute("SET default_transaction_read_only = off")
    portal_role.close_to_others()
    with pytest.raises((psycopg.errors.InsufficientPrivilege, NOT_UPDATABLE)):
        portal.execute(statement)


def test_roles_that_write_keep_temporary_tables(portal: Database) -> None:
    application = database_roles.role_of(os.environ["DATABASE_APPLICATION_URL"])
    database_roles.grant(application)
    portal_role.close_to_others()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_database_privilege(%s, current_database(), 'TEMPORARY')", [application]
        )
        assert cursor.fetchone() == (True,)


def test_its_sessions_read_only_and_not_for_long(portal: Database) -> None:
    for setting, value in portal_role.SETTINGS.items():
        assert portal.execute(f"SHOW {setting}").fetchone() == (value,)
    with pytest.raises(psycopg.errors.QueryCanceled):
        portal.execute("SELECT pg_sleep(30)")
    kept = portal.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user")
    assert kept.fetchone() == (portal_role.CONNECTIONS,)


def test_statistics_and_sources_of_plans_tell_nothing_of_tables(portal: Database) -> None:
    assert portal.execute(
        "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"
    ).fetchone() == (0,)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'")
        assert cursor.fetchone() is not None


def test_every_function_looks_names_up_where_a_caller_cannot_put_any(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'portal'::regnamespace"
            " AND NOT coalesce(p.proconfig[1] LIKE 'search_path=pg_catalog%%pg_temp', false)"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'portal'::regnamespace"
            " AND c.relkind = 'v' AND c.relname = ANY(%s)"
            " AND NOT coalesce('security_barrier=true' = ANY(c.reloptions), false)",
            [list(portal_role.VIEWS)],
        )
        assert cursor.fetchall() == []


def test_a_mended_role_loses_what_it_had_besides(portal: Database) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT SELECT ON sanctions TO "{NAME}"')
        cursor.execute(f'GRANT grps_app TO "{NAME}"')
        cursor.execute(f'ALTER ROLE "{NAME}" RESET statement_timeout')
    portal_role.ensure(None, NAME)
    assert ("public", "sanctions", "SELECT") not in reached(portal, TABLES, "has_table_privilege")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        portal.execute("SET ROLE grps_app")
    with psycopg.connect(portal_url()) as again:
        assert again.execute("SHOW statement_timeout").fetchone() == ("2s",)


def test_a_role_with_power_over_the_server_is_not_mended_silently(portal: Database) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER ROLE "{NAME}" CREATEDB')
    with pytest.raises(portal_role.NotPossible, match="NOCREATEDB"):
        portal_role.ensure(None, NAME)
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER ROLE "{NAME}" NOCREATEDB')


def manage(*options: str) -> str:
    said = StringIO()
    call_command("portal_role", f"--role={NAME}", *options, stdout=said)
    return said.getvalue()


def test_the_command_keeps_its_password_in_a_file(portal: Database, tmp_path: Path) -> None:
    file = tmp_path / "password"
    assert "postgresql://" not in manage(f"--password-file={file}")
    assert file.stat().st_mode & 0o077 == 0
    first = file.read_text()
    manage(f"--password-file={file}")
    assert file.read_text() == first
    manage(f"--password-file={file}", "--rotate")
    assert file.read_text() != first


def test_an_empty_file_is_no_password(portal: Database, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch()
    with pytest.raises(CommandError, match="is empty"):
        manage(f"--password-file={file}")


def test_the_printed_url_works(portal: Database) -> None:
    said = manage("--rotate")
    url = said.strip().rpartition(" ")[2]
    with psycopg.connect(url) as database:
        assert database.execute("SELECT count(*) FROM players").fetchone() == (0,)
    assert "postgresql://" not in manage()


def test_the_password_is_sent_as_what_the_server_keeps_of_it(portal: Database, caplog: Any) -> None:
    with connection.cursor() as cursor:
        verifier = portal_role.verifier(cursor, PASSWORD, NAME)
    assert verifier.startswith("'SCRAM-SHA-256$")
    assert PASSWORD not in verifier
