"""`manage.py check --database default`."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection

from grps_site.ops import database_checks, pool_modes, pooling
from tests.conftest import database_url

pytestmark = pytest.mark.django_db
GOOD = database_checks.Server(15, "UTC", 1000)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., set[str]]:
    """Return a function that checks a server with other facts. It returns the findings' ids."""

    def check(**facts: Any) -> set[str]:
        server = GOOD._replace(**facts)
        monkeypatch.setattr(database_checks, "_server", lambda: server)
        return {one.id or "" for one in database_checks.check_database(databases=["default"])}

    return check


def test_the_command_checks_this_server(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", "--database", "default")
    assert "grps.W005" in capsys.readouterr().err  # the tests' own role owns the tables
    call_command("check")
    assert "grps.W005" not in capsys.readouterr().err


def test_facts_are_read_from_the_server() -> None:
    server = database_checks._server()
    assert server.version == connection.cursor().connection.info.server_version // 10_000
    assert server.connections == 97
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER CONNECTION LIMIT 12")
    assert database_checks._server().connections == 12


def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> database_checks.Server:
        raise OperationalError("connection refused")

    monkeypatch.setattr(database_checks, "_server", away)
    [finding] = database_checks.check_database(databases=["default"])
    assert (finding.id, finding.msg) == (
        "grps.E012",
        "The database cannot be reached: connection refused",
    )


def test_an_old_server_stops_migrate_too(found: Callable[..., set[str]], settings: Any) -> None:
    assert found() == {"grps.W005"}
    assert found(version=14) == {"grps.E010"}
    settings.DATABASE_URL = database_url().replace("grps_app", "grps_other")  # as the owner
    assert found() == set()
    assert found(version=14) == {"grps.E010"}
    with pytest.raises(SystemCheckError, match="PostgreSQL 14"):
        call_command("migrate", skip_checks=False)


def test_a_zone_other_than_utc(found: Callable[..., set[str]], settings: Any) -> None:
    assert "grps.W013" in found(time_zone="Europe/Berlin")
    settings.DATABASE_POOL = pool_modes.UNPREPARED
    assert "grps.E013" in found(time_zone="Europe/Berlin")


def test_too_few_connections(found: Callable[..., set[str]], settings: Any) -> None:
    settings.WEB_THREADS = 4
    assert "grps.W014" in found(connections=19)
    assert "grps.W014" not in found(connections=20)
    settings.DATABASE_POOL = pool_modes.UNPREPARED
    assert "grps.W014" not in found(connections=5)


@pytest.mark.parametrize(
    ("pool", "finding"),
    [((True, False), "grps.E011"), ((True, True), "grps.W011"), ((False, True), "")],
)
def test_a_pool(
    found: Callable[..., set[str]],
    monkeypatch: pytest.MonkeyPatch,
    pool: tuple[bool, bool],
    finding: str,
) -> None:
    monkeypatch.setattr(pooling, "probe", lambda: pooling.Pool(*pool))
    assert found() == {"grps.W005", finding} - {""}


@pytest.mark.parametrize(
    ("host", "mode", "is_found"),
    [
        ("127.0.0.1", "", False),
        ("postgres", "", False),
        ("postgres.railway.internal", "", False),
        ("db.example.org", "", True),
        ("db.example.org", "prefer", True),
        ("db.example.org", "require", False),
        ("ep-cool-1.eu-central-1.aws.neon.tech", "require", True),
        ("ep-cool-1.eu-central-1.aws.neon.tech", "verify-full", False),
        ("db.ref.supabase.co", "verify-ca", True),
    ],
)
def test_encryption(monkeypatch: pytest.MonkeyPatch, host: str, mode: str, is_found: bool) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    monkeypatch.setitem(connection.settings_dict, "HOST", host)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"sslmode": mode})
    assert bool(database_checks._check_encryption()) == is_found
