"""A PostgreSQL that subscribes to the publication, for connectors to read from."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from grps_site.analytics import catalog, publication, slots
from grps_site.analytics.catalog import Column, literal, quoted
from grps_site.ops.portal_role import NotPossible

SUBSCRIPTION = "grps_analytics"
MARK = "GRPS analytics"  # comment of the tables that this module made
NO_SLOT = "-"  # no slot has this name
PAUSE = 0.2  # seconds
TABLES = """
    SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' AND c.relname = ANY (%s)"""
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' AND c.relname = ANY (%s)
      AND a.attnum > 0 AND NOT a.attisdropped"""
COPYING = """
    SELECT count(*) FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
    WHERE s.subname = %s AND r.srsubstate <> 'r'"""
ERRORS = """
    SELECT coalesce(sum(apply_error_count + sync_error_count), 0)::bigint
    FROM pg_stat_subscription_stats WHERE subname = %s"""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A warehouse, and its slot in GRPS. `source` is the URL by which it reaches GRPS."""

    database: psycopg.Connection[Any]
    slot: str

    def check(self) -> None:
        """Raise NotPossible if the publication is missing, or the warehouse is not ours."""
        if not publication.exists():
            raise NotPossible("Run `manage.py analytics apply --level b` first.")
        self._refuse_others_tables()
        self._refuse_other_slot()

    def subscribe(self, source: str) -> str:
        """Make or mend tables and subscription. Return what was done.

        Tables are copied again if their changes are lost or a column is missing.
        """
        is_readable = any(one.name == self.slot and not one.is_lost for one in slots.read())
        if self._used_slot() and is_readable and not self._lacks_columns():
            self._make_tables()
            self._refresh(source)
            return "The subscription was refreshed."
        self.unsubscribe(source)  # first, so that an interrupted run is repeated from here
        self._make_tables()
        self._copy_all(source)
        return "The subscription was made again, and copies every table."

    def unsubscribe(self, source: str) -> None:
        """Drop the subscription and its slot, if they exist."""
        self._refuse_other_slot()
        name, known = quoted(SUBSCRIPTION), [one.name for one in slots.read()]
        if self._used_slot():
            self.database.execute(f"ALTER SUBSCRIPTION {name} DISABLE")
            self.database.execute(f"ALTER SUBSCRIPTION {name} CONNECTION {literal(source)}")
            if self.slot not in known:
                self.database.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
            self.database.execute(f"DROP SUBSCRIPTION {name}")
        if self.slot in [one.name for one in slots.read()]:
            with psycopg.connect(source, autocommit=True) as primary:
                primary.execute("SELECT pg_drop_replication_slot(%s)", [self.slot])

    def wait(self) -> None:
        """Wait until every table is copied. Raises NotPossible if a copy fails."""
        failed = self._value(ERRORS, SUBSCRIPTION)
        while self._value(COPYING, SUBSCRIPTION):
            if self._value(ERRORS, SUBSCRIPTION) > failed:
                raise NotPossible("A copy failed. The log of the warehouse says why.")
            time.sleep(PAUSE)

    def _refuse_others_tables(self) -> None:
        """Refuse a database with tables of the same names that this command did not make."""
        found = self.database.execute(TABLES, [catalog.schema(), list(_columns())]).fetchall()
        others = [name for name, comment in found if comment != MARK]
        if others:
            raise NotPossible(
                f"The warehouse has tables of other origin: {', '.join(sorted(others))}."
                " Use an empty database."
            )

    def _refuse_other_slot(self) -> None:
        used = self._used_slot()
        if used not in {"", NO_SLOT, self.slot}:
            raise NotPossible(f"The warehouse reads the slot {used}. Give --slot {used}.")

    def _used_slot(self) -> str:
        """Return the slot of the subscription, NO_SLOT if it has none, "" without subscription."""
        query = "SELECT coalesce(subslotname, %s) FROM pg_subscription WHERE subname = %s"
        row = self.database.execute(query, [NO_SLOT, SUBSCRIPTION]).fetchone()
        return str(row[0]) if row else ""

    def _lacks_columns(self) -> bool:
        """Return whether a table that exists lacks a published column."""
        existing = self._types()
        return any(
            column.name not in existing[table]
            for table, columns in _columns().items()
            if table in existing
            for column in columns
        )

    def _make_tables(self) -> None:
        schema, existing = catalog.schema(), self._types()
        self.database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for table, columns in _columns().items():
            name = quoted(schema, table)
            if table in existing:
                self._mend_table(name, columns, existing[table])
                continue
            keys = ", ".join(quoted(column.name) for column in columns if column.is_key)
            listed = ", ".join(_defined(column) for column in columns)
            self.database.execute(f"CREATE TABLE {name} ({listed}, PRIMARY KEY ({keys}))")
            self.database.execute(f"COMMENT ON TABLE {name} IS {literal(MARK)}")

    def _mend_table(self, name: str, columns: list[Column], types: dict[str, str]) -> None:
        for column in columns:
            if column.name not in types:
                self.database.execute(f"ALTER TABLE {name} ADD COLUMN {_defined(column)}")
            elif types[column.name] != column.type:
                self.database.execute(
                    f"ALTER TABLE {name} ALTER COLUMN {quoted(column.name)} TYPE {column.type}"
                    f" USING {quoted(column.name)}::{column.type}"
                )

    def _types(self) -> dict[str, dict[str, str]]:
        """Return the types of the columns of each published table in the warehouse."""
        found: dict[str, dict[str, str]] = {}
        rows = self.database.execute(COLUMNS, [catalog.schema(), list(_columns())]).fetchall()
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kind
        return found

    def _refresh(self, source: str) -> None:
        name = quoted(SUBSCRIPTION)
        self.database.execute(f"ALTER SUBSCRIPTION {name} CONNECTION {literal(source)}")
        self.database.execute(f"ALTER SUBSCRIPTION {name} ENABLE")
        self.database.execute(f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION")

    def _copy_all(self, source: str) -> None:
        """Subscribe with empty tables. The slot is made first, or a subscription within one server
        would wait for itself."""
        tables = ", ".join(quoted(catalog.schema(), table) for table in _columns())
        self.database.execute(f"TRUNCATE {tables}")
        with psycopg.connect(source, autocommit=True) as primary:
            primary.execute(
                "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [self.slot]
            )
        self.database.execute(
            f"CREATE SUBSCRIPTION {quoted(SUBSCRIPTION)} CONNECTION {literal(source)}"
            f" PUBLICATION {quoted(publication.name())}"
            f" WITH (create_slot = false, slot_name = {literal(self.slot)})"
        )

    def _value(self, query: str, *parameters: str) -> int:
        row = self.database.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def connected(url: str, slot: str) -> Iterator[Warehouse]:
    """Connect to the warehouse at `url`."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as database:
        yield Warehouse(database, slot)


def default_slot() -> str:
    """Return the slot's name. Slots belong to the server, so each database has its own."""
    return f"{catalog.database()}_warehouse"[:63]


def _columns() -> dict[str, list[Column]]:
    """Return the columns of the warehouse's tables.

    A generated column that this server does not publish is computed in the warehouse.
    """
    published = publication.tables()
    return {
        table: [
            column for column in columns if column.expression or column.name in published[table]
        ]
        for table, columns in catalog.declared().items()
        if table in published
    }


def _defined(column: Column) -> str:
    is_computed = column.expression and (catalog.server_version() < catalog.GENERATED_COLUMNS_SINCE)
    computed = f" GENERATED ALWAYS AS ({column.expression}) STORED" if is_computed else ""
    return f"{quoted(column.name)} {column.type}{computed}"
