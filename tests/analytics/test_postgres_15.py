"""PostgreSQL 15 as on a managed host: no generated columns, an owner with few rights."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError
from django.db import connection

from common.direct_database import connected_to
from grps_site.analytics import catalog, publication, views
from tests.analytics import postgres_15
from tests.analytics.conftest import Reader, has_views, is_published, manage
from tests.analytics.postgres_15 import OWNER, REPLICATOR

PLAYER = """
    WITH r AS (INSERT INTO ranks (name, slug, position, level, role, min_points, min_time_days,
        required_recommendations, privileged, is_punishment, ignored, can_earn)
        VALUES ('a', 'a', 1, 'a', 1, 0, 0, 0, false, false, false, true) RETURNING id)
    INSERT INTO players (user_id, username, rank_id, rank_since, earned, adjusted, named_at)
    SELECT 77, 'Poisoned_Name_77', id, now(), 5, 2, now() FROM r"""
POINTS = "SELECT points FROM players"
PATIENCE = 30  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[str]:
    """Yield the superuser's URL, while Django is connected as the owner of the tables."""
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        with (
            postgres_15.server(tmp_path_factory.mktemp("15"), name) as url,
            connected_to(_of(url, OWNER)),
        ):
            yield url


def _of(url: str, role: str) -> str:
    return url.replace("grps:grps@", f"{role}:{role}@")


def _store(url: str) -> str:
    return url.rpartition("/")[0] + "/store"


def _arrives(store: Reader, points: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while store.execute(POINTS).fetchone() != (points,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_everything_but_generated_columns_is_published(server: str) -> None:
    manage("apply", "--level", "b")
    assert catalog.server_version() // 10_000 == 15
    assert has_views()
    assert is_published()
    declared = django_settings.ANALYTICS.tables["players"].published()
    assert set(publication.tables()["players"]) == set(declared) - {"points"}
    assert publication.apply() is False
    with connection.cursor() as cursor:
        cursor.execute("SELECT points FROM analytics.players")
        assert cursor.fetchall() == []
    with psycopg.connect(server) as database, pytest.raises(psycopg.DatabaseError):
        database.execute("CREATE PUBLICATION other FOR TABLE players (id, points)")


def test_a_warehouse_on_the_same_server_computes_them(server: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PLAYER)
    with pytest.raises(CommandError, match="--source"):  # the owner may make no such role
        manage("warehouse", _store(server))
    manage("warehouse", _store(server), "--source", _of(server, REPLICATOR))
    with psycopg.connect(_store(server), autocommit=True) as store:
        _arrives(store, 7)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE players SET adjusted = -50")
        _arrives(store, 0)
    manage("warehouse", _store(server), "--source", _of(server, REPLICATOR), "--drop")


def test_a_filter_is_found(server: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE PUBLICATION of_a_clerk FOR TABLE players WHERE (listed)")
        assert len(publication.defects()) == 1
        cursor.execute("DROP PUBLICATION of_a_clerk")
    assert views.outdated() == []
