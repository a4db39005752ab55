"""Level B: the publication, what would break it, and how migrations get along with it."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import msgspec
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate as migrate_command
from django.db import DatabaseError, connection, models
from django.test import Client

from grps_site.analytics import publication, schema_changes, views
from grps_site.backup import dump
from grps_site.ops import checks
from players.models import Player
from tests import clusters
from tests.analytics.conftest import PERSON, group, has_views, is_published, manage, owner
from tests.players.conftest import Game

OURS = publication.NAME
DEFECTS = {
    "FOR TABLE players WHERE (listed)": "filters the rows of players",
    "FOR TABLE players (points, kos)": "lacks the primary key of players",
}


def test_it_lists_the_declared_columns_with_points_and_no_filter(level_b: None) -> None:
    assert publication.tables().keys() == django_settings.ANALYTICS.tables.keys()
    for table, columns in publication.tables().items():
        assert set(columns) == set(django_settings.ANALYTICS.tables[table].published())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pubinsert, pubupdate, pubdelete, pubtruncate, puballtables,"
            " pg_get_userbyid(pubowner) FROM pg_publication WHERE pubname = %s",
            [OURS],
        )
        assert cursor.fetchall() == [(True, True, True, False, False, "grps")]
        cursor.execute("SELECT count(*) FROM pg_publication_tables WHERE rowfilter IS NOT NULL")
        assert cursor.fetchone() == (0,)


def test_applying_again_changes_nothing_and_mends(level_b: None) -> None:
    assert publication.apply() is False
    with owner() as database:
        database.execute(f"ALTER PUBLICATION {OURS} SET TABLE ranks, players WHERE (id > 5)")
    assert publication.apply() is True
    assert is_published()
    assert publication.defects() == []
    assert "refreshes the subscription" not in manage("apply", "--level", "b")


def test_a_publication_that_stops_the_game_is_found_everywhere(
    level_b: None, game: Game, client: Client
) -> None:
    game.send(game.event(PERSON))
    for number, tables in enumerate(DEFECTS, start=1):
        with owner() as database:
            database.execute(f"CREATE PUBLICATION of_clerk_{number} {tables}")
        with pytest.raises(DatabaseError):
            Player.objects.update(listed=False)
    found = publication.defects()
    assert [said in defect for said, defect in zip(DEFECTS.values(), found, strict=True)] == [
        True,
        True,
    ]
    assert {warning.id for warning in checks.check_publications(["default"])} == {"grps.W016"}
    for page in ("ready", "deep"):
        part = client.get(f"/health/{page}").json()["checks"]["publications"]
        assert part["ok"] is False
        assert "filters the rows of players" in part["detail"]
    with pytest.raises(CommandError, match="2 findings"):
        manage("status")


def test_a_whole_table_in_another_publication_is_a_warning(level_b: None) -> None:
    with owner() as database:
        database.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    assert publication.others() == ["everything"]
    assert "publication everything has columns" in manage("status")


def test_unknown_labels_are_reported(level_b: None, game: Game) -> None:
    game.send(game.event(PERSON, type="private.name", awarded=0, total=0), game.event(PERSON + 1))
    said = manage("apply")
    assert "ledger.type has 'private.name'" in said
    assert "training" not in said


def test_the_registered_publication_makes_level_b_the_default(level_a: None, settings: Any) -> None:
    registered = django_settings.INTEGRATIONS.analytics
    assert "The publication" not in manage("apply")
    settings.INTEGRATIONS = _with_publication(django_settings.INTEGRATIONS, registered)
    with pytest.raises(CommandError, match="1 finding"):
        manage("status")
    assert "The publication of_ours is as declared" in manage("apply")
    assert publication.exists()


def _with_publication(integrations: Any, registered: Any) -> Any:
    named = msgspec.structs.replace(registered, publication="of_ours")
    return msgspec.structs.replace(integrations, analytics=named)


def migrate(operation: Callable[[Any], None]) -> set[str]:
    """Change the schema as a migration does. Return the tables that were put back."""
    with schema_changes.allowed() as guard, connection.schema_editor() as editor:
        operation(editor)
    return guard.changed


def published(table: str = "players") -> set[str]:
    return set(publication.tables()[table])


@pytest.fixture
def column(level_b: None, settings: Any) -> Any:
    """Publish a further column of players, which migrations may change, and drop it at the end."""
    declared = settings.ANALYTICS
    players = declared.tables["players"]
    players = msgspec.structs.replace(players, columns=players.columns | {"extra": "figure"})
    settings.ANALYTICS = msgspec.structs.replace(
        declared, tables=declared.tables | {"players": players}
    )
    with owner() as database:
        database.execute("ALTER TABLE players ADD COLUMN extra int NOT NULL DEFAULT 0")
    manage("apply", "--level", "b")
    yield extra(models.IntegerField(db_default=0))
    with owner() as database:
        database.execute("ALTER TABLE players DROP COLUMN IF EXISTS extra CASCADE")


def extra(field: Any) -> Any:
    field.set_attributes_from_name("extra")
    field.model = Player
    return field


def test_a_migration_may_drop_a_published_column(column: Any) -> None:
    before = published()
    assert migrate(lambda editor: editor.remove_field(Player, column)) == {"players"}
    assert published() == before - {"extra"}
    assert has_views()


def test_a_migration_may_change_the_type_of_a_published_column(column: Any) -> None:
    wider = extra(models.BigIntegerField(db_default=0))
    before = published()
    changed = migrate(lambda editor: editor.alter_field(Player, column, wider))
    assert changed == {"players"}
    assert published() == before
    assert has_views()
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, 'analytics.players', 'SELECT')", [group()])
        assert cursor.fetchone() == (True,)


def test_without_the_guard_postgresql_refuses(column: Any) -> None:
    for change in ("ALTER COLUMN extra TYPE bigint", "DROP COLUMN extra"):
        with pytest.raises(DatabaseError), connection.schema_editor() as editor:
            editor.execute(f"ALTER TABLE players {change}")


def test_a_column_dropped_with_cascade_takes_out_no_table(column: Any) -> None:
    cascade = "ALTER TABLE players DROP COLUMN extra CASCADE"
    assert migrate(lambda editor: editor.execute(cascade)) == {"players"}
    assert "extra" not in published()
    assert has_views()


def test_a_failed_migration_leaves_all_as_it_was(column: Any) -> None:
    before = publication.tables()

    def fail(editor: Any) -> None:
        editor.remove_field(Player, column)
        editor.execute("ALTER TABLE players DROP COLUMN nothing")

    with pytest.raises(DatabaseError):
        migrate(fail)
    assert publication.tables() == before


def test_other_changes_of_published_tables_are_left_alone(level_b: None) -> None:
    def add(editor: Any) -> None:
        editor.execute("ALTER TABLE players ADD COLUMN extra int")
        editor.execute("ALTER TABLE players DROP COLUMN extra")

    assert migrate(add) == set()
    assert has_views()
    assert is_published()


def test_statements_outside_of_a_transaction_are_guarded_too(column: Any) -> None:
    with (
        schema_changes.allowed() as guard,
        connection.schema_editor(atomic=False) as editor,
    ):
        editor.execute("ALTER TABLE players ALTER COLUMN extra TYPE bigint")
    assert "players" in guard.changed
    assert published() >= {"extra", "id"}


def test_migrate_says_what_to_do_in_the_warehouse(
    column: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE players ALTER COLUMN extra TYPE bigint")

    monkeypatch.setattr(migrate_command.Command, "handle", change)
    said = StringIO()
    call_command("migrate", stdout=said)
    assert "changed: players." in said.getvalue()
    assert "REFRESH PUBLICATION" in said.getvalue()


def test_a_backup_has_no_trace_of_it(level_b: None) -> None:
    """Otherwise pg_restore stops at a role that the other server does not have."""
    flags = [flag for flag in dump.FLAGS if not flag.startswith("--format")]
    with owner() as database:
        address = f"{database.info.dsn} password={database.info.password}"
    script = clusters.run("pg_dump", "--schema-only", *flags, f"--dbname={address}").stdout
    assert "CREATE TABLE public.players" in script
    assert "analytics" not in script


def test_dropping_leaves_nothing(level_b: None) -> None:
    manage("drop")
    assert not publication.exists()
    assert not views.are_applied()
