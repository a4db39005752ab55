"""Two roles in the database: the owner, which migrates, and the application's, which owns nothing
and so cannot change a table, switch a trigger off or empty a log. DATABASE_URL is the
application's; DATABASE_OWNER_URL is only for migrate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.db import connection
from django.db.backends.utils import CursorWrapper
from environ import Env

from common import environment

# What a plain `grps_refuse` trigger refuses anyway is not granted: 8 and 16 are DELETE and UPDATE
# in pg_trigger.tgtype.
REFUSED = """
    SELECT c.relname, bool_or(t.tgtype & 16 <> 0), bool_or(t.tgtype & 8 <> 0)
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
    WHERE p.proname = 'grps_refuse' AND c.relnamespace = current_schema()::regnamespace
    GROUP BY c.relname"""
# What a role may have that none of our processes needs. Membership in an owner is as good as
# owning; whoever owns the
# schema or the database (which owns `public`) drops tables of others, and whoever owns a trigger's
# function empties it.
SHORTCOMINGS = """
    SELECT r.rolsuper, r.rolcreaterole,
           (SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
            AND c.relkind IN ('r', 'p') AND pg_has_role(current_user, c.relowner, 'MEMBER')),
           (SELECT count(*) FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
            AND pg_has_role(current_user, p.proowner, 'MEMBER')),
           (SELECT pg_has_role(current_user, n.nspowner, 'MEMBER') FROM pg_namespace n
            WHERE n.nspname = current_schema()),
           (SELECT pg_has_role(current_user, d.datdba, 'MEMBER') FROM pg_database d
            WHERE d.datname = current_database())
    FROM pg_roles r WHERE r.rolname = current_user"""
STEPS = "docs/run.md, The two roles of the database"


@contextmanager
def as_owner() -> Iterator[str | None]:
    """Connect as the owner meanwhile; gives the application's role, or None where there is but one
    role.
    """
    url = environment.owner_database_url()
    own = connection.settings_dict
    given = Env.db_url_config(url) if url else own
    if (given["USER"], given["HOST"], given["PORT"]) == (own["USER"], own["HOST"], own["PORT"]):
        yield None
        return
    kept = {name: own[name] for name in ("USER", "PASSWORD", "HOST", "PORT")}
    connection.close()
    own.update({name: given[name] for name in kept})
    try:
        yield str(kept["USER"])
    finally:
        connection.close()
        own.update(kept)


def grant(role: str) -> None:
    """Give `role` the use of every table and sequence: rows, never the tables themselves."""
    with connection.cursor() as cursor:
        name, schema = (connection.ops.quote_name(word) for word in (role, _schema(cursor)))
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
        cursor.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM {name}, PUBLIC")
        cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}")
        cursor.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name}"
        )
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")
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


def shortcomings() -> str:
    """What the role of this connection has too much of, or an empty text."""
    with connection.cursor() as cursor:
        cursor.execute(SHORTCOMINGS)
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
    """The role in the address of a database."""
    return urlsplit(url).username or ""


def _schema(cursor: CursorWrapper) -> str:
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])
