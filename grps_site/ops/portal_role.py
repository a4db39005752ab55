"""The database role of the public portal, which reads the schema `portal` and nothing else.

Roles belong to the database server, not to one database, so no migration makes it.
"""

import secrets

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

NAME = "grps_portal"
CONNECTIONS = 20
# Everything else in the schema is a helper of these.
VIEWS = (
    "daily",
    "experiences",
    "ledger",
    "periods",
    "players",
    "policy_log",
    "promotions",
    "ranks",
    "stats",
)
FUNCTIONS = (
    "ahead",
    "around",
    "event_kinds",
    "events_of",
    "history",
    "hosted_events",
    "latest_promotions",
    "leaderboard",
    "ledger_of",
    "list_total",
    "period",
    "period_leaderboard",
    "player",
    "promotions_of",
    "records",
    "search",
    "series",
    "still_listed",
    "suggestions",
    "total",
    "upcoming_events",
)
# Defaults of each session. They guard against mistakes: a session may change them.
SETTINGS = {
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "1s",
    "search_path": "portal",
    "statement_timeout": "2s",
}
# Only a superuser sets this limit, and no session of the role can lift it.
TEMPORARY_FILES = "1GB"
LARGE_OBJECTS = "lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea)"
POWERS = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
# A version that is being migrated may not have all of them.
RELATIONS = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('portal') AND c.relkind = 'v' AND c.relname = ANY(%s)"""
CALLS = """
    SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('portal') AND p.proname = ANY(%s)"""
MEMBERSHIPS = """
    SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s"""
WRITERS = """
    SELECT rolname FROM pg_roles
    WHERE has_table_privilege(oid, 'players', 'INSERT') AND NOT rolsuper AND rolname !~ '^pg_'"""


class NotPossible(Exception):
    """The role cannot be made or mended. The message says why, and what to do."""


def new_password() -> str:
    return secrets.token_urlsafe(32)


def ensure(password: str | None, name: str = NAME) -> None:
    """Make or mend the role, in the open connection of an owner.

    `password`: None keeps that of an existing role. Raises NotPossible.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('portal_role'))")
        check_own_powers(cursor)
        if not exists(name):
            if password is None:
                raise NotPossible(f"The role {name} does not exist and needs a password.")
            cursor.execute(f"CREATE ROLE {_quoted(name)} LOGIN NOINHERIT")
        check_powers(cursor, name)
        _mend(cursor, name, password)
        grant(name)


def exists(name: str = NAME) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        return cursor.fetchone() is not None


def renew(name: str = NAME) -> None:
    """Give a role that reads the portal of this database the rights of this version."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege(rolname, to_regnamespace('portal'), 'USAGE')"
            " FROM pg_roles WHERE rolname = %s",
            [name],
        )
        if cursor.fetchone() == (True,):
            grant(name)


def grant(name: str = NAME) -> None:
    """Take every right in this database from the role, and give those of the portal."""
    role, database = _quoted(name), _quoted(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        for schema in (str(cursor.fetchone()[0]), "portal"):
            for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                cursor.execute(f"REVOKE ALL ON ALL {kind} IN SCHEMA {_quoted(schema)} FROM {role}")
            cursor.execute(f"REVOKE ALL ON SCHEMA {_quoted(schema)} FROM {role}")
        cursor.execute(f"REVOKE ALL ON DATABASE {database} FROM {role}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        cursor.execute(f"GRANT USAGE ON SCHEMA portal TO {role}")
        cursor.execute(RELATIONS, [list(VIEWS)])
        for (view,) in cursor.fetchall():
            cursor.execute(f"GRANT SELECT ON {view} TO {role}")
        cursor.execute(CALLS, [list(FUNCTIONS)])
        for (function,) in cursor.fetchall():
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")


def close_to_others() -> None:
    """Take from other roles what PostgreSQL lets each of them make in this database.

    With temporary tables and large objects a role could fill the disk. With a function of its own
    in the schema of the tables, it could have the portal's functions run it as their owner. Roles
    that write the tables keep the right to temporary tables, which adjustments from files need.
    """
    database = _quoted(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(WRITERS)
        for (writer,) in cursor.fetchall():
            cursor.execute(f"GRANT TEMPORARY ON DATABASE {database} TO {_quoted(writer)}")
        cursor.execute(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")
        cursor.execute("SELECT current_schema()")
        cursor.execute(f"REVOKE CREATE ON SCHEMA {_quoted(cursor.fetchone()[0])} FROM PUBLIC")
        if is_superuser(cursor):
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION {LARGE_OBJECTS} FROM PUBLIC")


def is_superuser(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return bool(cursor.fetchone()[0])


def check_own_powers(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        raise NotPossible(
            "The owner of the tables may not make roles. Run this command once with the URL of a"
            " superuser of the database server in DATABASE_OWNER_URL."
        )


def check_powers(cursor: CursorWrapper, name: str) -> None:
    cursor.execute(f"SELECT {POWERS} FROM pg_roles WHERE rolname = %s", [name])
    if cursor.fetchone()[0]:
        raise NotPossible(
            f"The role {name} has rights over the whole server. Run `ALTER ROLE {name} NOSUPERUSER"
            " NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS` as an administrator."
        )


def _mend(cursor: CursorWrapper, name: str, password: str | None) -> None:
    role = _quoted(name)
    cursor.execute(f"ALTER ROLE {role} LOGIN NOINHERIT CONNECTION LIMIT {CONNECTIONS}")
    for setting, value in SETTINGS.items():
        cursor.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")
    if is_superuser(cursor):
        cursor.execute(f"ALTER ROLE {role} SET temp_file_limit = '{TEMPORARY_FILES}'")
    cursor.execute(MEMBERSHIPS, [name])
    for (group,) in cursor.fetchall():
        cursor.execute(f"REVOKE {_quoted(group)} FROM {role}")
    if password is not None:
        cursor.execute(f"ALTER ROLE {role} PASSWORD {verifier(cursor, password, name)}")


def verifier(cursor: CursorWrapper, password: str, name: str) -> str:
    """Return what the server stores of the password, as SQL, so that no log holds the password."""
    server = cursor.connection.pgconn
    found = server.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    return sql.Literal(found.decode()).as_string()


def _quoted(name: object) -> str:
    return connection.ops.quote_name(str(name))
