"""The two database roles: the owner migrates; the application owns nothing.

The application's role cannot change tables, disable triggers or empty logs. DATABASE_URL is for the
application, DATABASE_OWNER_URL only for migrate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from common import environment
from common.direct_database import connected_to

# UPDATE and DELETE are not granted on tables whose `grps_refuse` trigger refuses them. In
# pg_trigger.tgtype 8 is DELETE and 16 is UPDATE.
REFUSED = """
    SELECT c.relname, bool_or(t.tgtype & 16 <> 0), bool_or(t.tgtype & 8 <> 0)
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
    WHERE p.proname = 'grps_refuse' AND c.relnamespace = current_schema()::regnamespace
    GROUP BY c.relname"""
# Privileges that no process of GRPS needs. Members of an owner can do what the owner can. The owner
# of the schema, or of the database (which owns `public`), can drop tables. The owner of a trigger's
# function can replace it.
PRIVILEGES = """
    SELECT r.rolsuper, r.rolcreaterole,
           (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN (current_schema(), 'portal') AND c.relkind IN ('r', 'p', 'v')
            AND pg_has_role(current_user, c.relowner, 'MEMBER')),
           (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname IN (current_schema(), 'portal')
            AND pg_has_role(current_user, p.proowner, 'MEMBER')),
           (SELECT bool_or(pg_has_role(current_user, n.nspowner, 'MEMBER')) FROM pg_namespace n
            WHERE n.nspname IN (current_schema(), 'portal')),
           (SELECT pg_has_role(current_user, d.datdba, 'MEMBER') FROM pg_database d
            WHERE d.datname = current_database())
    FROM pg_roles r WHERE r.rolname = current_user"""
# Logins that take turns (`secrets rotate DATABASE_URL`) have the privileges of their group.
GROUP = """
    SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    JOIN pg_roles r ON r.oid = m.member
    WHERE r.rolname = %s AND r.rolname IN (g.rolname || '_a', g.rolname || '_b')"""
SUPABASE = ".pooler.supabase.com"
STEPS = "docs/run.md, The two roles of the database"


@contextmanager
def as_owner() -> Iterator[str | None]:
    """Connect as the owner, by the direct address if there is one role only.

    Yields the application's role, or None if there is only one role.
    """
    owner_url = environment.owner_database_url()
    role = role_of(settings.DATABASE_URL)
    with connected_to(owner_url or settings.DATABASE_DIRECT_URL):
        yield role if owner_url and role_of(owner_url) != role else None


def grant(role: str) -> None:
    """Grant `role` reading and writing of every table's rows, but no rights on the tables.

    Of the schema `portal` it may read every view and call every function. If the role takes turns
    with another one, their group gets the rights.
    """
    with connection.cursor() as cursor:
        group = group_of(cursor, role)
        name, schema = (connection.ops.quote_name(word) for word in (group, _schema(cursor)))
        if group != role:
            login = connection.ops.quote_name(role)
            cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {login}")
        database = connection.ops.quote_name(connection.settings_dict["NAME"])
        # portal_role takes this from PUBLIC. Adjustments from files use temporary tables.
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {database} TO {name}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
        cursor.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {name}, PUBLIC")
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}")
        cursor.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}"
        )
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")
        _grant_portal(cursor, name)
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {name}")
        cursor.execute(REFUSED)
        for table, update, delete in cursor.fetchall():
            refused = ", ".join(
                word for word, is_refused in (("UPDATE", update), ("DELETE", delete)) if is_refused
            )
            if refused:
                cursor.execute(
                    f"REVOKE {refused} ON {connection.ops.quote_name(table)} FROM {name}"
                )


def hand_over() -> None:
    """Let the group own what a login made that takes turns with another one.

    Else the other one could not use a new table.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = str(cursor.fetchone()[0])
        group = group_of(cursor, role)
        if group != role:
            names = (connection.ops.quote_name(word) for word in (role, group))
            cursor.execute("REASSIGN OWNED BY {} TO {}".format(*names))


def group_of(cursor: CursorWrapper, role: str) -> str:
    """Return the group of a login that takes turns with another one, else the role itself."""
    cursor.execute(GROUP, [role])
    found = cursor.fetchone()
    return str(found[0]) if found else role


def _grant_portal(cursor: CursorWrapper, name: str) -> None:
    cursor.execute("SELECT to_regnamespace('portal') IS NOT NULL")
    if cursor.fetchone()[0]:  # it is missing after `migrate` to an earlier version
        cursor.execute(f"GRANT USAGE ON SCHEMA portal TO {name}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA portal TO {name}")
        cursor.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA portal TO {name}")


def excessive_privilege() -> str:
    """Describe an excessive privilege of this connection's role; empty when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(PRIVILEGES)
        is_superuser, makes_roles, owned, functions, has_schema, has_database = cursor.fetchone()
    if is_superuser:
        return "the role of DATABASE_URL is a superuser"
    if owned:
        return f"the role of DATABASE_URL owns {owned} tables"
    if functions:
        return f"the role of DATABASE_URL owns {functions} functions, those of triggers among them"
    if has_database or has_schema:
        what = "database" if has_database else "schema"
        return f"the role of DATABASE_URL owns the {what}, and so may drop its tables"
    return "the role of DATABASE_URL may make roles" if makes_roles else ""


def role_of(url: str) -> str:
    """Return the role in a database URL. Supabase's pooler wants it as `role.project`."""
    parts = urlsplit(url)
    role = unquote(parts.username or "")
    return role.partition(".")[0] if (parts.hostname or "").endswith(SUPABASE) else role


def _schema(cursor: CursorWrapper) -> str:
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])
