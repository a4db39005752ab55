"""The roles of Level A: a group that reads the schema `analytics`, and logins in it."""

import re

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from grps_site.analytics import catalog
from grps_site.analytics.catalog import quoted
from grps_site.analytics.views import SCHEMA
from grps_site.ops import portal_role
from grps_site.ops.portal_role import NotPossible

CONNECTIONS = 3
# Defaults of each session. They guard against mistakes: a session may change them.
SETTINGS = {
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "1min",
    "search_path": SCHEMA,
    "statement_timeout": "15min",
}
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST = 63  # bytes of a name in PostgreSQL
MEMBERS = """
    SELECT r.rolname FROM pg_auth_members m
    JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
    WHERE g.rolname = %s AND r.rolcanlogin AND NOT r.rolcreaterole AND NOT r.rolsuper
    ORDER BY 1"""


def group() -> str:
    """Return the group's name: `grps_analytics` for the database `grps`.

    Roles belong to the server, so each database has its own group.
    """
    return f"{catalog.database()}_{SCHEMA}"[:LONGEST]


def grant() -> None:
    """Make the group if it is missing, and let it read the views of this version."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not portal_role.exists(group()):
            _make_group(cursor)
        name = quoted(group())
        cursor.execute(f"GRANT CONNECT ON DATABASE {quoted(catalog.database())} TO {name}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}")


def ensure_login(name: str, password: str | None) -> None:
    """Make or mend a login role. `password`: None keeps that of an existing role.

    Raises NotPossible.
    """
    if not NAME.fullmatch(name):
        raise NotPossible(
            f"{name!r} cannot be the name of a role: use a-z, 0-9 and _, beginning with a letter."
        )
    if not portal_role.exists(group()):
        raise NotPossible("Run `manage.py analytics apply` first: the views are missing.")
    with transaction.atomic(), connection.cursor() as cursor:
        portal_role.check_own_powers(cursor)
        _make_login(cursor, name)
        portal_role.check_powers(cursor, name)
        _limit(cursor, name)
        if password is not None:
            verifier = portal_role.verifier(cursor, password, name)
            cursor.execute(f"ALTER ROLE {quoted(name)} PASSWORD {verifier}")


def drop_login(name: str) -> None:
    """Drop a login role of this database. Raises NotPossible."""
    if name not in logins():
        raise NotPossible(f"No role {name} reads the views of this database.")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE {quoted(name)}")


def logins() -> list[str]:
    """Return the names of the login roles that read the views of this database."""
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, [group()])
        return [name for (name,) in cursor.fetchall()]


def drop() -> None:
    """Drop the group and its login roles."""
    if not portal_role.exists(group()):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        portal_role.check_own_powers(cursor)
        for name in logins():
            cursor.execute(f"DROP ROLE {quoted(name)}")
        cursor.execute(
            f"REVOKE ALL ON DATABASE {quoted(catalog.database())} FROM {quoted(group())}"
        )
        cursor.execute(f"DROP ROLE {quoted(group())}")


def _make_group(cursor: CursorWrapper) -> None:
    try:
        portal_role.check_own_powers(cursor)
    except NotPossible:
        raise NotPossible(
            "The owner of the tables may not make roles. Run"
            f" `CREATE ROLE {quoted(group())} NOLOGIN` as an administrator, then this again."
        ) from None
    cursor.execute(f"CREATE ROLE {quoted(group())} NOLOGIN")


def _make_login(cursor: CursorWrapper, name: str) -> None:
    """Make a role of the group. Raises NotPossible if another role has the name."""
    if not portal_role.exists(name):
        cursor.execute(f"CREATE ROLE {quoted(name)} LOGIN IN ROLE {quoted(group())}")
    elif name not in logins():
        raise NotPossible(
            f"The role {name} exists and is not one of analytics. Choose another name."
        )


def _limit(cursor: CursorWrapper, name: str) -> None:
    role = quoted(name)
    cursor.execute(f"ALTER ROLE {role} LOGIN CONNECTION LIMIT {CONNECTIONS}")
    for setting, value in SETTINGS.items():
        cursor.execute(f"ALTER ROLE {role} SET {setting} = '{value}'")
    if portal_role.is_superuser(cursor):
        cursor.execute(f"ALTER ROLE {role} SET temp_file_limit = '{portal_role.TEMPORARY_FILES}'")
