"""Health: is the process alive, could it serve, and how fresh is what it serves."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from grps_site.http.errors import read_only
from grps_site.http.json_codec import dumps
from grps_site.models import Heartbeat
from grps_site.ops import database_roles
from players import leaderboard

SEEN_LATELY = dt.timedelta(seconds=60)
MANY = 10_000  # where counting stops

FRESHNESS = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM players WHERE updated_at > %s LIMIT %s) u),
           (SELECT max(updated_at) FROM players),
           (SELECT count(*) FROM (SELECT 1 FROM audit_pending LIMIT %s) p),
           (SELECT at FROM seals ORDER BY number DESC LIMIT 1),
           (SELECT count(*) FROM (SELECT 1 FROM decisions WHERE status = 'proposed' LIMIT %s) d)"""


class Unhealthy(Exception):
    """A part does not work; the text says what."""


@read_only
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is looked at: a database that is away is no reason to
    restart us.
    """
    return _json({"status": "ok"})


@read_only
def ready(request: HttpRequest) -> HttpResponse:
    """Whether requests should be sent here: 200, or 503 with what is wrong."""
    found = parts()
    fine = all(part["ok"] for part in found.values())
    return _json(
        {"status": "ok" if fine else "unavailable", "checks": found}, status=200 if fine else 503
    )


def parts() -> dict[str, dict[str, Any]]:
    """What must work for GRPS to serve, each with `ok` and a `detail` in words."""
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
    """How many players there are, and how fresh the data is; counts stop at MANY."""
    with connection.cursor() as cursor:
        cursor.execute(FRESHNESS, [timezone.now() - dt.timedelta(hours=1), MANY, MANY, MANY])
        updated, last, unsealed, sealed, proposed = cursor.fetchone()
    return _json(
        {
            "totalPlayers": leaderboard.total(),
            "updatedLastHour": updated,
            "lastUpdateAt": last,
            "unsealedEvents": unsealed,
            "lastSealAt": sealed,
            "pendingDecisions": proposed,
            "countsStopAt": MANY,
        }
    )


def _run(check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"ok": True, "detail": check()}
    except Unhealthy as error:
        return {"ok": False, "detail": str(error)}
    except (DatabaseError, InterfaceError):
        return {"ok": False, "detail": "the database cannot be asked"}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    too_much = database_roles.shortcomings()
    return f"answers; {too_much}: see {database_roles.STEPS}" if too_much else "answers"


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
    age = timezone.now() - seen_at
    if age > SEEN_LATELY:
        raise Unhealthy(f"last seen {int(age.total_seconds())} s ago")
    return f"seen {int(age.total_seconds())} s ago"


def _json(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(
        dumps(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
