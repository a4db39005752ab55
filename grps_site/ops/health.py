"""Health of this process and its dependencies, and freshness of the data."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from common import database_clock
from grps_site.http.errors import read_only
from grps_site.http.json_codec import dumps
from grps_site.models import Heartbeat
from grps_site.ops import database_roles
from players import leaderboard

HEARTBEAT_TIMEOUT = dt.timedelta(seconds=60)
COUNT_LIMIT = 10_000

FRESHNESS = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM players WHERE updated_at > %s LIMIT %s) u),
           (SELECT max(updated_at) FROM players),
           (SELECT count(*) FROM (SELECT 1 FROM audit_pending LIMIT %s) p),
           (SELECT at FROM seals ORDER BY number DESC LIMIT 1),
           (SELECT count(*) FROM (SELECT 1 FROM decisions WHERE status = 'proposed' LIMIT %s) d)"""


class Unhealthy(Exception):
    """A dependency does not work. The message says what is wrong."""


@read_only
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process runs. A lost database is no reason to restart it."""
    return _json({"status": "ok"})


@read_only
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when requests can be served, else 503 with the failed checks."""
    checks = run_checks()
    ok = all(check["ok"] for check in checks.values())
    return _json(
        {"status": "ok" if ok else "unavailable", "checks": checks}, status=200 if ok else 503
    )


def run_checks() -> dict[str, dict[str, Any]]:
    """Return `ok` and a `detail` in words for each dependency."""
    checks: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": _migrations,
        "broker": _broker,
        "worker": lambda: _seen("worker"),
        "beat": lambda: _seen("beat"),
    }
    return {name: _run(check) for name, check in checks.items()}


@read_only
def freshness(request: HttpRequest) -> HttpResponse:
    """Answer the number of players and the freshness of the data. Counts stop at COUNT_LIMIT."""
    with connection.cursor() as cursor:
        cursor.execute(
            FRESHNESS,
            [database_clock.now() - dt.timedelta(hours=1), COUNT_LIMIT, COUNT_LIMIT, COUNT_LIMIT],
        )
        updated, last, unsealed, sealed, proposed = cursor.fetchone()
    return _json(
        {
            "totalPlayers": leaderboard.total(),
            "updatedLastHour": updated,
            "lastUpdateAt": last,
            "unsealedEvents": unsealed,
            "lastSealAt": sealed,
            "pendingDecisions": proposed,
            "countsStopAt": COUNT_LIMIT,
        }
    )


def _run(check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"ok": True, "detail": check()}
    except Unhealthy as error:
        return {"ok": False, "detail": str(error)}
    except (DatabaseError, InterfaceError):
        return {"ok": False, "detail": "the database cannot be reached"}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    excess = database_roles.excessive_privilege()
    return f"answers; {excess}: see {database_roles.STEPS}" if excess else "answers"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise Unhealthy(f"{len(waiting)} migrations are not applied; run `manage.py migrate`")
    return "all applied"


def _broker() -> str:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
        ) as client:
            client.ping()
    except redis.RedisError:
        raise Unhealthy("Valkey cannot be reached") from None
    return "answers"


def _seen(name: str) -> str:
    seen_at = Heartbeat.objects.filter(pk=name).values_list("seen_at", flat=True).first()
    if seen_at is None:
        raise Unhealthy("never seen")
    age = database_clock.now() - seen_at
    if age > HEARTBEAT_TIMEOUT:
        raise Unhealthy(f"last seen {int(age.total_seconds())} s ago")
    return f"seen {int(age.total_seconds())} s ago"


def _json(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(
        dumps(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
