"""config/analytics.json classes every column, and publishes none that may hold a person."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from common.environment import BASE_DIR
from grps_site.analytics import declaration
from grps_site.ops import checks
from players.privacy.registry import REGISTRY

FILE = BASE_DIR / "config" / "analytics.json"
COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text) FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' GROUP BY 1"""
TYPES = """
    SELECT table_name, column_name, data_type, character_maximum_length
    FROM information_schema.columns WHERE table_schema = current_schema()"""
LONGEST = 500  # characters, of at most 4 bytes: PostgreSQL stores up to 2 kB in the row
STAFF = {
    "decisions": {"reason", "inputs", "failed", "proposed_by", "decided_by"},
    "sanctions": {"reason", "evidence", "issued_by", "lifted_by", "lift_reason", "code"},
    "webhook_deliveries": {"message", "lease", "reason", "trigger"},
    "players": {"user_id", "username", "display_name"},
}


def changed(tmp_path: Path, **changes: Any) -> Path:
    """Write the declaration with other tables, beside its schema."""
    file = tmp_path / FILE.name
    file.write_text(json.dumps(json.loads(FILE.read_text()) | changes))
    schema = FILE.with_suffix(".schema.json")
    (tmp_path / schema.name).write_text(schema.read_text())
    return file


def test_every_column_of_the_database_has_a_class(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        columns = {table: set(names) for table, names in cursor.fetchall()}
    classed = {name: set(table.columns) for name, table in django_settings.ANALYTICS.tables.items()}
    never = set(django_settings.ANALYTICS.never)
    assert {name: columns[name] for name in classed} == classed
    assert columns.keys() == classed.keys() | never, "class it in config/analytics.json"


def test_no_personal_column_is_published() -> None:
    published = [
        name for name in REGISTRY.load().columns if django_settings.ANALYTICS.is_published(*name)
    ]
    assert published == []
    for table, columns in STAFF.items():
        assert not columns & set(django_settings.ANALYTICS.tables[table].published())


def test_a_start_reports_a_new_column_and_a_personal_one(settings: Any, tmp_path: Path) -> None:
    before = {(error.id, error.msg) for error in checks.check_analytics_columns()}
    tables = json.loads(FILE.read_text())["tables"]
    del tables["ledger"]["columns"]["batch"]
    tables["players"]["columns"]["username"] = "label"
    settings.ANALYTICS = declaration.load(changed(tmp_path, tables=tables))
    found = {(error.id, error.msg) for error in checks.check_analytics_columns()}
    assert found - before == {
        ("grps.W017", "ledger.batch has no class for analytics."),
        ("grps.E017", "players.username may hold a person and cannot be published."),
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tables": {"ledger": {"columns": {"id": "secret"}}}}, "'secret' is not one of"),
        ({"tables": {"ledger": {"columns": {"id": "never"}}}}, "publish a column"),
        (
            {"tables": {"ledger": {"cursor": "at", "columns": {"id": "key"}}}},
            "at is not a published column",
        ),
        ({"never": ["ledger"]}, "ledger is in $.tables too"),
        ({"tables": {}}, "$.tables"),
    ],
)
def test_a_wrong_declaration_stops_the_start(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        declaration.load(changed(tmp_path, **changes))
    assert said in str(stopped.value)


def test_every_cursor_has_an_index(db: None) -> None:
    for name, table in django_settings.ANALYTICS.tables.items():
        if table.cursor:
            with connection.cursor() as cursor:
                indexes = connection.introspection.get_constraints(cursor, name).values()
            assert any(
                one["index"] or one["primary_key"]
                for one in indexes
                if one["columns"][:1] == [table.cursor]
            ), name


def test_no_published_value_is_long(db: None) -> None:
    """PostgreSQL stores long values apart, and leaves unchanged ones out of an update it sends."""
    with connection.cursor() as cursor:
        cursor.execute(TYPES)
        types = {
            (table, column): (kind, length) for table, column, kind, length in cursor.fetchall()
        }
    for name, table in django_settings.ANALYTICS.tables.items():
        for column in table.published():
            kind, length = types[name, column]
            assert kind not in {"text", "json", "jsonb", "bytea", "ARRAY"}, (name, column)
            assert (length or 0) <= LONGEST, (name, column)


def test_every_published_table_has_its_primary_key_published(db: None) -> None:
    for name, table in django_settings.ANALYTICS.tables.items():
        with connection.cursor() as cursor:
            keys = connection.introspection.get_primary_key_columns(cursor, name)
        assert keys is not None
        assert set(keys) <= set(table.published()), name
