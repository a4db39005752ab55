"""Level B: a publication of the declared columns, for logical replication into a warehouse.

It lists every column, always with the primary key, and filters no rows. Otherwise PostgreSQL would
refuse each change of a published row.
"""

from django.conf import settings
from django.db import connection, transaction

from grps_site.analytics import catalog
from grps_site.analytics.catalog import quoted

NAME = "grps_analytics"
ACTS = "insert, update, delete"
Columns = dict[str, list[str]]

TABLES = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_class c ON c.oid = r.prrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
      AND (a.attnum = ANY (r.prattrs) OR r.prattrs IS NULL AND a.attnum > 0)
    WHERE p.pubname = %s GROUP BY c.relname"""
# An update or deletion needs the columns of the replica identity, and no filter of rows by others.
DEFECTS = """
    SELECT p.pubname, c.relname, r.prqual IS NOT NULL
    FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_class c ON c.oid = r.prrelid
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND CASE c.relreplident
        WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END
    WHERE (p.pubupdate OR p.pubdelete) AND (r.prqual IS NOT NULL OR CASE c.relreplident
        WHEN 'f' THEN r.prattrs IS NOT NULL
        ELSE NOT coalesce(i.indkey::int2[] <@ coalesce(r.prattrs::int2[], i.indkey::int2[]), false)
    END)
    ORDER BY 1, 2"""
OTHERS = """
    SELECT DISTINCT t.pubname FROM pg_publication_tables t, unnest(t.attnames) column_name
    WHERE t.schemaname = current_schema() AND t.tablename || '.' || column_name <> ALL (%s)
    ORDER BY 1"""


def name() -> str:
    """Return the registered name of the publication."""
    return settings.INTEGRATIONS.analytics.publication or NAME


def apply() -> bool:
    """Make the publication as declared. Return whether it changed."""
    wanted = _wanted()
    with transaction.atomic(), connection.cursor() as cursor:
        publication, present = quoted(name()), exists()
        if present and tables() == wanted and not defects(name()):
            return False
        cursor.execute(f"SET LOCAL ROLE {quoted(catalog.table_owner())}")
        if present:
            cursor.execute(f"ALTER PUBLICATION {publication} SET (publish = '{ACTS}')")
            cursor.execute(f"ALTER PUBLICATION {publication} SET TABLE {_listed(wanted)}")
        else:
            cursor.execute(
                f"CREATE PUBLICATION {publication} FOR TABLE {_listed(wanted)}"
                f" WITH (publish = '{ACTS}')"
            )
        cursor.execute("RESET ROLE")
    return True


def drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP PUBLICATION IF EXISTS {quoted(name())}")


def exists() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", [name()])
        return cursor.fetchone() is not None


def tables() -> Columns:
    """Return the published columns by table, in the order of the table."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [name()])
        return dict(cursor.fetchall())


def outdated() -> list[str]:
    """Return the tables whose published columns differ from what is declared."""
    published, wanted = tables(), _wanted()
    return sorted(
        table
        for table in published.keys() | wanted.keys()
        if published.get(table) != wanted.get(table)
    )


def defects(publication: str = "") -> list[str]:
    """Describe each table of a publication whose changes PostgreSQL refuses.

    `publication`: only of this one.
    """
    with connection.cursor() as cursor:
        cursor.execute(DEFECTS)
        found = cursor.fetchall()
    return [
        f"publication {owner} {'filters the rows' if filters else 'lacks the primary key'} of"
        f" {table}: PostgreSQL refuses every change of a published row"
        for owner, table, filters in found
        if publication in {"", owner}
    ]


def others() -> list[str]:
    """Return the publications that publish a column which is not declared."""
    declared = [
        f"{table}.{column.name}"
        for table, columns in catalog.declared().items()
        for column in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [declared])
        return [publication for (publication,) in cursor.fetchall()]


def take_out(published: Columns) -> None:
    """Take tables out of the publication, so that a migration may change their columns."""
    if not published:
        return
    names = ", ".join(quoted(table) for table in published)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER PUBLICATION {quoted(name())} DROP TABLE {names}")


def put_back(published: Columns) -> set[str]:
    """Publish these columns again, except those that are gone. Return the tables put back."""
    existing = {
        table: {column.name for column in columns}
        for table, columns in catalog.publishable().items()
    }
    kept = {
        table: [column for column in columns if column in existing[table]]
        for table, columns in published.items()
        if table in existing
    }
    if kept:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER PUBLICATION {quoted(name())} ADD TABLE {_listed(kept)}")
    return set(kept)


def _wanted() -> Columns:
    return {
        table: [column.name for column in columns]
        for table, columns in catalog.publishable().items()
    }


def _listed(columns: Columns) -> str:
    return ", ".join(
        f"{quoted(table)} ({', '.join(quoted(column) for column in listed)})"
        for table, listed in sorted(columns.items())
    )
