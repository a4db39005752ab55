"""No migration renames what is published: the name would change under every warehouse."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

RENAME = re.compile(r"\bRENAME\b", re.IGNORECASE)


def renames(app: str, operation: Operation) -> str:
    """Return the table that the operation renames or of which it renames a column, else ""."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        found = [renames(app, inner) for inner in operation.database_operations]
        return next(filter(None, found), "")
    if isinstance(operation, migrations.RenameField):
        return apps.get_model(app, operation.model_name)._meta.db_table
    if isinstance(operation, migrations.RenameModel):
        return apps.get_model(app, operation.new_name)._meta.db_table
    if isinstance(operation, migrations.AlterModelTable):
        return operation.table or ""
    if isinstance(operation, migrations.RunSQL) and RENAME.search(str(operation.sql)):
        return next((name for name in settings.ANALYTICS.tables if name in str(operation.sql)), "")
    return ""


def test_no_migration_renames_a_published_table_or_column() -> None:
    loader = MigrationLoader(None)
    own = {config.label for config in apps.get_app_configs() if config.module.__name__ in TOP}
    found = [
        f"{app}.{name} renames something of {table}: add a column and publish it instead"
        for (app, name), migration in loader.disk_migrations.items()
        for table in (renames(app, operation) for operation in migration.operations)
        if app in own and table in settings.ANALYTICS.tables
    ]
    assert found == []


TOP = ("audits", "console", "discord", "grps_site", "players", "roblox", "syncs", "webhooks")


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RenameField("player", "kos", "knockouts"),
        migrations.RenameModel("Gamer", "Player"),
        migrations.AlterModelTable("player", "players"),
        migrations.RunSQL("ALTER TABLE players RENAME COLUMN kos TO knockouts"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("ALTER TABLE old RENAME TO players")]
        ),
    ],
)
def test_each_kind_of_rename_is_seen(operation: Operation) -> None:
    assert renames("players", operation) == "players"


def test_other_operations_are_none() -> None:
    assert connection.vendor == "postgresql"
    assert renames("players", migrations.RunSQL("UPDATE players SET kos = 0")) == ""
