"""Prepared statements behind a transaction pool: mixed up, found out, and left out."""

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection
from environ import Env
from psycopg import errors

from common.environment import BASE_DIR
from grps_site.ops import pool_modes, pooling
from tests.conftest import free_port
from tests.pooling.conftest import neighbours

pytestmark = pytest.mark.django_db

CLIENTS, QUERIES = 8, 100


def answers(url: str, mode: str) -> Counter[str]:
    """Let clients of a mode query crosswise, and count right rows, foreign rows and errors."""
    database: dict[str, Any] = {}
    pool_modes.apply(database, mode)

    def ask(number: int) -> Counter[str]:
        found: Counter[str] = Counter()
        with psycopg.connect(url, autocommit=True, **database["OPTIONS"]) as client:
            for query in range(QUERIES):
                asked = number, (number * 7 + query) % 10
                sql = f"SELECT {number}, %s::int"
                try:
                    is_right = client.execute(sql, [asked[1]]).fetchone() == asked
                    found["right" if is_right else "foreign"] += 1
                except psycopg.Error:
                    found["error"] += 1
        return found

    with ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(ask, range(CLIENTS)), Counter[str]())


@pytest.fixture(params=["mixing", "pgbouncer"])
def bad_pool(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_a_pool_that_does_not_know_statements_answers_with_rows_of_others(bad_pool: str) -> None:
    found = answers(bad_pool, pool_modes.TRANSACTION)
    assert found["foreign"]
    assert found["error"]


def test_without_prepared_statements_every_row_is_right(bad_pool: str) -> None:
    assert answers(bad_pool, pool_modes.UNPREPARED) == {"right": CLIENTS * QUERIES}


def test_a_pool_that_carries_them_answers_right(carrying: str) -> None:
    assert answers(carrying, pool_modes.TRANSACTION) == {"right": CLIENTS * QUERIES}


def probed(url: str) -> pooling.Pool:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in Env.db_url_config(url).items():
            patch.setitem(connection.settings_dict, name, value)
        return pooling.probe()


def test_the_probe_finds_a_bad_pool(bad_pool: str) -> None:
    assert not probed(bad_pool).carries_prepared
    with neighbours(bad_pool):
        assert not probed(bad_pool).carries_prepared


def test_the_probe_finds_a_good_pool(carrying: str) -> None:
    assert probed(carrying) == (True, True)
    with neighbours(carrying):
        assert probed(carrying) == (True, True)


def test_a_connection_lost_in_the_middle_says_nothing_about_the_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carries = pooling._carries_prepared

    def lose_one(clients: list[pooling.Connection], servers: set[tuple[int, bytes]]) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [clients[0].info.backend_pid])
        return carries(clients, servers)

    monkeypatch.setattr(pooling, "_carries_prepared", lose_one)
    with pytest.raises(psycopg.OperationalError, match="was lost"):
        pooling.probe()


@pytest.mark.parametrize("error", [errors.QueryCanceled, errors.DiskFull])
def test_an_error_of_another_kind_says_nothing_about_the_pool(
    monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    def fail(*_: Any) -> bool:
        raise error("not of a statement's name")

    monkeypatch.setattr(pooling, "_carries_prepared", fail)
    with pytest.raises(psycopg.OperationalError, match="not of a statement's name"):
        pooling.probe()


def test_a_statement_that_takes_too_long_stops_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    carries = pooling._carries_prepared

    def wait(clients: list[pooling.Connection], servers: set[tuple[int, bytes]]) -> bool:
        result = clients[0].pgconn.exec_(b"SET statement_timeout = 1; SELECT pg_sleep(1)")
        pooling._raise_error(result)
        return carries(clients, servers)

    monkeypatch.setattr(pooling, "_carries_prepared", wait)
    monkeypatch.setattr(pooling.environment, "stop", pytest.fail)
    monkeypatch.setenv("DATABASE_POOL", pool_modes.TRANSACTION)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"prepare_threshold": 2})
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)
    pooling.refuse_mixed_statements()
    assert os.environ["DATABASE_POOL"] == pool_modes.UNPREPARED


def test_the_probe_finds_no_pool() -> None:
    assert pooling.probe() == (False, True)


@pytest.mark.parametrize(
    "command", ["grps_site.server", "celery --app=grps_site worker", "celery --app=grps_site beat"]
)
def test_no_process_starts_behind_a_bad_pool(mixing: str, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command.split()],
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": mixing, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == f"GRPS cannot start: {pooling.NOT_CARRIED}\n"


def test_an_unprepared_pool_is_not_probed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATABASE_POOL = pool_modes.UNPREPARED
    monkeypatch.delattr(pooling, "probe")
    pooling.refuse_mixed_statements()


def test_without_a_database_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL", pool_modes.TRANSACTION)
    monkeypatch.setitem(connection.settings_dict, "PORT", free_port())
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"prepare_threshold": 2})
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", False)
    pooling.refuse_mixed_statements()
    assert os.environ["DATABASE_POOL"] == pool_modes.UNPREPARED
    assert connection.settings_dict["OPTIONS"] == {"prepare_threshold": None}
    assert connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://a@db.example.org/grps", "none"),
        ("postgresql://a@ep-cool-1.eu-central-1.aws.neon.tech/grps", "none"),
        (
            "postgresql://a@ep-cool-1-pooler.eu-central-1.aws.neon.tech/grps",
            "transaction-unprepared",
        ),
        ("postgresql://a.ref@aws-0-eu.pooler.supabase.com:6543/postgres", "transaction-unprepared"),
        ("postgresql://a@db.ref.supabase.co:6543/postgres", "transaction-unprepared"),
        ("postgresql://a@db.ref.supabase.co:5432/postgres", "none"),
        ("postgresql://a@pgbouncer.railway.internal:5432/railway", "transaction-unprepared"),
        ("postgresql://a@127.0.0.1:6432/grps", "transaction-unprepared"),
    ],
)
def test_the_mode_by_address(url: str, mode: str) -> None:
    assert pool_modes.by_address(url) == mode


def test_the_setting_decides_over_the_address() -> None:
    pooled = "postgresql://a@x-pooler.neon.tech/grps"
    assert pool_modes.mode("transaction", pooled) == "transaction"
    assert pool_modes.mode("", pooled) == "transaction-unprepared"
    with pytest.raises(SystemExit, match=r"one of none, session, transaction, transaction-unp"):
        pool_modes.mode("statement", pooled)
