"""Migrations are safe for a running system, and for the last release's code on the new schema."""

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from tests import migration_lint

# The last migration of each app that was written before the rules.
EXEMPT = {
    "audits": 7,
    "console": 5,
    "discord_bot": 0,
    "grps_site": 1,
    "players": 36,
    "roblox": 4,
    "syncs": 13,
    "webhooks": 2,
}
OURS = frozenset(EXEMPT)


def test_new_migrations_are_safe() -> None:
    loader = MigrationLoader(None)
    found = [
        f"{app} {name}: {text}"
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in OURS and int(name[:4]) > EXEMPT[app]
        for text in migration_lint.findings(
            migration, loader.project_state((app, name), at_end=False)
        )
    ]
    assert found == []


@pytest.fixture
def state() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("username", models.CharField(max_length=50)),
        ("seen_at", models.DateTimeField(null=True)),
    ]
    state.add_model(ModelState("players", "Player", fields, {"db_table": "players"}))
    return state


INDEX = models.Index(fields=["username"], name="by_name")
SAFE = [
    operations.AddField("player", "note", models.TextField(db_default="")),
    operations.AddField("player", "note", models.TextField(null=True)),
    operations.AlterField("player", "username", models.CharField(max_length=60)),
    AddIndexConcurrently("player", INDEX),
    operations.RunSQL("CREATE INDEX CONCURRENTLY by_name ON players (username)"),
    operations.RunSQL("CREATE INDEX by_name ON ranks (name)"),
    operations.RunSQL("ALTER TABLE players ADD CONSTRAINT x CHECK (id > 0) NOT VALID"),
]
UNSAFE = [
    operations.AddField("player", "note", models.TextField()),
    operations.AddField("player", "note", models.TextField(default="")),
    operations.AlterField("player", "username", models.CharField(max_length=40)),
    operations.AlterField("player", "username", models.TextField()),
    operations.AlterField("player", "seen_at", models.DateTimeField()),
    operations.RenameField("player", "username", "name"),
    operations.RenameModel("Player", "Member"),
    operations.AddIndex("player", INDEX),
    operations.AddConstraint(
        "player", models.CheckConstraint(condition=models.Q(id__gt=0), name="positive")
    ),
    operations.RunSQL("CREATE UNIQUE INDEX by_name ON players (username)"),
    operations.RunSQL('ALTER TABLE "players" ALTER COLUMN username TYPE text'),
    operations.RunSQL("ALTER TABLE players ALTER username SET NOT NULL"),
    operations.RunSQL("ALTER TABLE players ADD CONSTRAINT x CHECK (id > 0)"),
    operations.RunSQL("ALTER TABLE ranks RENAME COLUMN name TO title"),
]


@pytest.mark.parametrize("operation", SAFE, ids=lambda one: one.describe())
def test_the_lint_accepts_what_is_safe(operation: Any, state: ProjectState) -> None:
    assert list(migration_lint.findings(made_of(operation), state)) == []


@pytest.mark.parametrize("operation", UNSAFE, ids=lambda one: one.describe())
def test_the_lint_finds_what_is_not(operation: Any, state: ProjectState) -> None:
    assert len(list(migration_lint.findings(made_of(operation), state))) == 1


def made_of(operation: Any) -> Migration:
    migration = Migration("0099_made_by_a_test", "players")
    migration.operations = [operation]
    return migration
