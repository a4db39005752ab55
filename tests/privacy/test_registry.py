"""The registry of personal data names every column of the database, and no others."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from players.privacy.registry import OWNERS, REGISTRY, Blank, Drop, Elsewhere, Pseudonym, Text
from players.privacy.texts import tables

# A Roblox id needs 64 bits, so times, booleans and smaller numbers hold nobody. Keys of another
# table are covered there.
MAY_HOLD = """
    SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_identity = 'NO'
      AND c.data_type NOT IN ('boolean', 'smallint', 'integer', 'date', 'timestamp with time zone', 'uuid')
      AND NOT (c.data_type = 'numeric' AND c.numeric_scale > 0)
      AND NOT EXISTS (
        SELECT 1 FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
        WHERE k.contype = 'f' AND k.conrelid = c.table_name::regclass AND a.attname = c.column_name)
    ORDER BY c.table_name, c.ordinal_position"""
COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()"""

HOW = (
    "say in the app's personal.py how it forgets (`held`), or why it never holds a person (`impersonal`);"
    " players/privacy/registry.py has the ways"
)


@pytest.fixture
def types(db: None) -> dict[tuple[str, str], str]:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        return {(table, column): kind for table, column, kind in cursor.fetchall()}


def test_every_column_that_may_hold_a_person_is_registered(db: None) -> None:
    registry = REGISTRY.load()
    with connection.cursor() as cursor:
        cursor.execute(MAY_HOLD)
        found = [(table, column) for table, column, _ in cursor.fetchall()]
    missing = [f"{table}.{column}" for table, column in found if not _known(table, column)]
    assert len(found) > 200
    assert not missing, f"{', '.join(missing)}: {HOW}"
    assert registry.places.keys() >= {
        "logs of the processes",
        "the broker of tasks",
        "seal file (AUDIT_SEAL_FILE)",
    }


def _known(table: str, column: str) -> bool:
    return (table, column) in REGISTRY.columns or (table, column) in REGISTRY.nobody


def test_nothing_is_registered_that_is_not_there(types: dict[tuple[str, str], str]) -> None:
    registry = REGISTRY.load()
    assert [name for name in [*registry.columns, *registry.nobody] if name not in types] == []


def test_every_personal_column_says_how_it_is_erased() -> None:
    silent = [f"{one.table}.{one.name}" for one in REGISTRY.load().columns.values() if not one.hows]
    assert silent == []
    assert [name for name, why in REGISTRY.nobody.items() if not why] == []


def test_rows_are_found_by_columns_that_are_there(types: dict[tuple[str, str], str]) -> None:
    registry = REGISTRY.load()
    by = [(column.table, how.by) for kind in (Drop, Blank) for column, how in registry.of(kind)]
    assert [name for name in by if name not in types] == []
    assert {types[table, owner] for table, owner in by if owner in OWNERS} == {"bigint"}
    assert {types[table, owner] for table, owner in by if owner not in OWNERS} <= {
        "character varying",
        "text",
    }
    assert {types[column.table, column.name] for column, _ in registry.of(Pseudonym)} == {"bigint"}


def test_every_table_of_texts_is_read_by_an_index(
    types: dict[tuple[str, str], str],
) -> None:
    for table in tables().values():
        assert types[table.name, table.walked] in {"bigint", "integer"}, table.name
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
                " AND a.attnum = i.indkey[0] WHERE i.indrelid = %s::regclass AND a.attname = %s)",
                [table.name, table.walked],
            )
            assert cursor.fetchone()[0], table.name


def test_what_another_module_forgets_is_not_left_to_nobody() -> None:
    """Other modules erase few tables. The test of the planted person proves each of them."""
    elsewhere = {column.table for column, _ in REGISTRY.load().of(Elsewhere)}
    assert elsewhere == {"players", "erasure_orders", "audit_personal", "audits", "django_session"}
    assert {column.table for column, _ in REGISTRY.of(Text)} >= {
        "notes",
        "sanctions",
        "adjustments",
        "approvals",
    }


def test_the_operator_can_read_the_list(db: None) -> None:
    said = StringIO()
    call_command("erasures", "held", stdout=said)
    lines = said.getvalue().splitlines()
    assert (
        "notes.text: the row is deleted where it is theirs; every text is read, and loses the words that name them"
        in (lines)
    )
    assert len(lines) == len(REGISTRY.columns) + len(REGISTRY.places)
