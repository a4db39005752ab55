"""Statements that the database role of web, workers and beat may not run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from audits.models import AuditEvent
from common.environment import BASE_DIR
from grps_site.ops import checks, database_roles
from tests.conftest import database_url

REFUSED = r"permission denied|must be|refused|not permitted|cannot be changed"
Database = psycopg.Connection[Any]


@pytest.fixture
def web(chain: list[int], transactional_db: None) -> Iterator[Database]:
    """Connect to the database with the role of web, workers and beat."""
    with psycopg.connect(database_url(), autocommit=True) as database:
        yield database


FORBIDDEN = [
    "ALTER TABLE audits DISABLE TRIGGER ALL",
    "ALTER TABLE audits DISABLE TRIGGER audits_append_only",
    "DROP TRIGGER audits_append_only ON audits",
    "DROP TRIGGER ledger_append_only ON ledger",
    "CREATE OR REPLACE FUNCTION grps_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION grps_refuse() CASCADE",
    "ALTER TABLE ledger RENAME TO old_ledger",
    "ALTER TABLE audits OWNER TO current_user",
    "DROP TABLE audits CASCADE",
    "CREATE TABLE another (id int)",
    "CREATE TRIGGER mine BEFORE INSERT ON audits FOR EACH ROW EXECUTE FUNCTION grps_refuse()",
    "TRUNCATE audits CASCADE",
    "TRUNCATE ledger",
    "TRUNCATE audit_personal",
    "DELETE FROM audits",
    "UPDATE audits SET action = 'x'",
    "UPDATE ledger SET awarded = 1",
    "DELETE FROM ledger",
    "UPDATE seals SET root = 'x'",
    "DELETE FROM seals",
    "DELETE FROM sealed_events",
    "UPDATE audit_personal SET value = 'x'",
    "DELETE FROM audit_personal",
    "DELETE FROM django_migrations",
    "SET session_replication_role = replica",
    "SET ROLE grps",
    "SET SESSION AUTHORIZATION grps",
    "ALTER ROLE current_user SUPERUSER",
    "CREATE ROLE another SUPERUSER",
    "GRANT grps TO current_user",
    "COPY audits TO PROGRAM 'true'",
    "CREATE EXTENSION citext",
]


def is_refused(web: Database, statement: str) -> bool:
    try:
        web.execute(statement)
    except psycopg.Error as error:
        return re.search(REFUSED, str(error)) is not None
    return False


def test_the_web_cannot_forget_or_change_the_rules(web: Database, chain: list[int]) -> None:
    assert [statement for statement in FORBIDDEN if not is_refused(web, statement)] == []
    assert AuditEvent.objects.count() == len(chain)


def test_the_web_owns_nothing(web: Database) -> None:
    assert web.execute(database_roles.PRIVILEGES).fetchone() == (False, False, 0, 0, False, False)


@pytest.fixture
def turns(db: None) -> None:
    """Make two logins that take turns, and their group."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE turns; CREATE ROLE turns_a LOGIN; CREATE ROLE turns_b LOGIN")
        cursor.execute("GRANT turns TO turns_a, turns_b")


def test_the_next_login_may_use_what_was_migrated_during_the_turn_of_the_other(turns: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT INSERT, UPDATE ON ledger TO turns_a")  # by an earlier version
        cursor.execute("CREATE TABLE newer (id int)")
        database_roles.grant("turns_a")
        for login in ("turns_a", "turns_b"):
            cursor.execute(
                "SELECT has_table_privilege(%s, 'newer', 'INSERT'),"
                " has_table_privilege(%s, 'ledger', 'INSERT'),"
                " has_table_privilege(%s, 'ledger', 'UPDATE')",
                [login] * 3,
            )
            assert cursor.fetchone() == (True, True, False)


def test_a_group_owns_the_tables_that_its_logins_made(turns: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO turns")
        cursor.execute("SET LOCAL ROLE turns_a")
        cursor.execute("CREATE TABLE newer (id int)")
        database_roles.hand_over()
        cursor.execute("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'newer'")
        assert cursor.fetchone() == ("turns",)
        cursor.execute("RESET ROLE")


OWNED = {
    "database": "ALTER DATABASE {database} OWNER TO half_owner",
    "schema": "ALTER SCHEMA public OWNER TO half_owner",
    "functions": "ALTER FUNCTION grps_refuse() OWNER TO half_owner",
}


@pytest.mark.parametrize("what", OWNED)
def test_a_role_that_owns_guards_of_tables_is_reported(db: None, client: Client, what: str) -> None:
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute("CREATE ROLE half_owner")
        cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO half_owner")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO half_owner")
        cursor.execute(OWNED[what].format(database=name))
        cursor.execute("SET LOCAL ROLE half_owner")
        assert what in database_roles.excessive_privilege()
        cursor.execute("RESET ROLE")


def test_the_web_uses_every_table(web: Database) -> None:
    for table in connection.introspection.table_names():
        for right in ("SELECT", "INSERT") if table != "django_migrations" else ("SELECT",):
            allowed = web.execute("SELECT has_table_privilege(%s, %s)", [table, right]).fetchone()
            assert allowed == (True,), f"{right} on {table}"


def test_one_role_for_everything_is_told(db: None, client: Client) -> None:
    """The tests' own role can create databases, so it counts as one role for everything."""
    assert [found.id for found in checks.check_database_role()] == ["grps.W005"]
    said = client.get("/health/ready").json()["checks"]["database"]
    assert said["ok"]
    assert "The two roles of the database" in said["detail"]


def manage(url: str, owner: str, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DATABASE_OWNER_URL": owner,
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_migrate_runs_as_the_owner_and_lets_the_application_in(web: Database) -> None:
    name = connection.settings_dict["NAME"]
    owner = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM grps_app")
    done = manage(database_url(), owner, "migrate", "--verbosity=0")
    assert done.returncode == 0, done.stderr
    assert web.execute("SELECT count(*) FROM audits").fetchone() == (AuditEvent.objects.count(),)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("DELETE FROM audits")
