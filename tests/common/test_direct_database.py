"""The direct address, as commands use it while DATABASE_URL is a pool."""

import os
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from common.direct_database import direct, direct_url
from grps_site.ops import database_roles


@pytest.fixture
def direct_setting(settings: Any) -> str:
    """Set DATABASE_DIRECT_URL to the application's role, which no other connection uses."""
    settings.DATABASE_DIRECT_URL = os.environ["DATABASE_APPLICATION_URL"] + "?application_name=x"
    return str(settings.DATABASE_DIRECT_URL)


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        user, database = cursor.fetchone()
    assert database == connection.settings_dict["NAME"]
    return str(user)


def test_the_block_runs_on_the_direct_address(transactional_db: None, direct_setting: str) -> None:
    before = role(), connection.settings_dict.copy()
    with direct():
        assert role() == urlsplit(direct_setting).username
        assert connection.settings_dict["OPTIONS"]["application_name"] == "x"
    assert (role(), connection.settings_dict) == before


def test_an_error_in_the_block_leads_back(transactional_db: None, direct_setting: str) -> None:
    before = role()
    with pytest.raises(ZeroDivisionError), direct():
        raise ZeroDivisionError
    assert role() == before


def test_without_a_direct_address_the_connection_stays(db: None) -> None:
    """A transaction of the caller goes on, as `close` would end it."""
    with direct():
        assert connection.in_atomic_block


def test_programs_get_the_direct_url_of_this_database(db: None, direct_setting: str) -> None:
    with psycopg.connect(direct_url()) as database:
        found = database.execute("SELECT current_user, current_database()").fetchone()
    assert found == (urlsplit(direct_setting).username, connection.settings_dict["NAME"])


def test_one_role_migrates_by_the_direct_address(
    transactional_db: None, direct_setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.environment.owner_database_url", lambda: "")
    with database_roles.as_owner() as application:
        assert application is None
        assert role() == urlsplit(direct_setting).username


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://grps%40x:p@db.example.org/grps", "grps@x"),
        ("postgresql://grps_app.abc:p@aws-0-eu.pooler.supabase.com:6543/postgres", "grps_app"),
        ("postgresql://a.b:p@db.example.org/grps", "a.b"),
    ],
)
def test_the_role_of_a_url(url: str, expected: str) -> None:
    assert database_roles.role_of(url) == expected
