"""The declared columns as the database has them."""

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection
from psycopg import sql

from common.direct_database import direct_url

# A declared column may be missing while a migration that adds it has not run.
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           coalesce(a.attnum = ANY (i.indkey), false),
           CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE '' END
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      AND c.relname = ANY (%s)
    ORDER BY c.relname, a.attnum"""
GENERATED_COLUMNS_SINCE = 180_000  # earlier versions cannot publish them


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `expression` is that of a generated column, else empty."""

    name: str
    type: str
    is_key: bool
    expression: str = ""


def declared() -> dict[str, list[Column]]:
    """Return the columns that may be published and exist, by table."""
    declaration = settings.ANALYTICS
    found: dict[str, list[Column]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [list(declaration.tables)])
        for table, *column in cursor.fetchall():
            if declaration.is_published(table, column[0]):
                found[table].append(Column(*column))
    return dict(found)


def publishable() -> dict[str, list[Column]]:
    """Return the same without the generated columns that this server cannot publish."""
    if server_version() >= GENERATED_COLUMNS_SINCE:
        return declared()
    return {
        table: [column for column in columns if not column.expression]
        for table, columns in declared().items()
    }


def server_version() -> int:
    """Return the version as PostgreSQL numbers it: 180001 for 18.1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        return int(cursor.fetchone()[0])


def schema() -> str:
    """Return the schema of the tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def database() -> str:
    return str(connection.settings_dict["NAME"])


def table_owner() -> str:
    """Return the role that owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'players'::regclass"
        )
        return str(cursor.fetchone()[0])


def url_of(role: str, password: str) -> str:
    """Return the URL by which a role reaches this database directly."""
    address = urlsplit(direct_url())
    place = f"{address.hostname}:{address.port or 5432}"
    netloc = f"{quote(role)}:{quote(password, safe='')}@{place}"
    return address._replace(netloc=netloc).geturl()


def quoted(*names: str) -> str:
    """Return the names as one SQL identifier."""
    return sql.Identifier(*names).as_string()


def literal(value: str) -> str:
    return sql.Literal(value).as_string()
