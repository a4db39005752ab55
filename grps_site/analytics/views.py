"""Level A: the schema `analytics`, a view of the published columns of each table."""

import hashlib

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from grps_site.analytics import catalog
from grps_site.analytics.catalog import quoted

SCHEMA = "analytics"
# Ids and times are taken before the commit, so a transaction may commit a lower one after a reader
# has seen a higher one. A row is held back while a transaction runs that is older than its own.
# `xmin` is the transaction that wrote the row, without the upper half of its number.
SETTLED = """,
    (SELECT pg_snapshot_xmin(s)::text::bigint % 4294967296 AS oldest,
            pg_snapshot_xmax(s)::text::bigint - pg_snapshot_xmin(s)::text::bigint AS open
     FROM pg_current_snapshot() s) running
    WHERE (t.xmin::text::bigint - running.oldest + 4294967296) % 4294967296 >= running.open"""
# The comment has the hash of the statement that made the view.
EXISTING = """
    SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'v'"""


def apply() -> bool:
    """Make the views as declared, owned by the owner of the tables. Return whether one changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        owner = quoted(catalog.table_owner())
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {owner}")
        cursor.execute(f"SET LOCAL ROLE {owner}")
        wanted, existing = _wanted(), _existing(cursor)
        for name in existing.keys() - wanted.keys():
            cursor.execute(f"DROP VIEW {quoted(SCHEMA, name)}")
        changed = {
            name: statement
            for name, statement in wanted.items()
            if existing.get(name) != _mark(statement)
        }
        for name, statement in changed.items():
            cursor.execute(f"DROP VIEW IF EXISTS {quoted(SCHEMA, name)}")
            cursor.execute(statement)
            cursor.execute(f"COMMENT ON VIEW {quoted(SCHEMA, name)} IS '{_mark(statement)}'")
        cursor.execute("RESET ROLE")
    return bool(changed)


def drop() -> None:
    """Drop the schema. Fails if something of somebody else depends on a view."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name in _existing(cursor):
            cursor.execute(f"DROP VIEW {quoted(SCHEMA, name)}")
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}")


def are_applied() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
        return bool(cursor.fetchone()[0])


def outdated() -> list[str]:
    """Return the views that are missing or differ from what is declared."""
    with connection.cursor() as cursor:
        existing = _existing(cursor)
    wanted = {name: _mark(statement) for name, statement in _wanted().items()}
    return sorted(name for name, _ in wanted.items() ^ existing.items())


def _wanted() -> dict[str, str]:
    """Return the statement that makes each view."""
    schema, statements = catalog.schema(), {}
    for table, columns in catalog.declared().items():
        names = ", ".join(f"t.{quoted(column.name)}" for column in columns)
        held = SETTLED if settings.ANALYTICS.tables[table].cursor else ""
        statements[table] = (
            f"CREATE VIEW {quoted(SCHEMA, table)} WITH (security_barrier) AS"
            f" SELECT {names} FROM {quoted(schema, table)} t{held}"
        )
    return statements


def _existing(cursor: CursorWrapper) -> dict[str, str]:
    cursor.execute(EXISTING, [SCHEMA])
    return {name: comment or "" for name, comment in cursor.fetchall()}


def _mark(statement: str) -> str:
    return f"GRPS {hashlib.sha256(statement.encode()).hexdigest()[:16]}"
