"""Health of this process and its dependencies, and freshness of the data.

A new check is a function that returns a detail in words or raises Unhealthy, and a line in DEEP.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from common import database_clock
from grps_site.analytics import health as analytics_health
from grps_site.http.errors import read_only
from grps_site.http.json_codec import dumps
from grps_site.models import Heartbeat
from grps_site.ops import (
    broker_health,
    clocks,
    database_roles,
    discord_health,
    seal_file_health,
    write_hold_health,
)
from grps_site.ops.unhealthy import Unhealthy
from players import leaderboard
from players.privacy import marks

FUTURE = dt.timedelta(seconds=5)  # more than two measurements of the clock may differ
HEARTBEAT_TIMEOUT = dt.timedelta(seconds=60)
COUNT_LIMIT = 10_000

FRESHNESS = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM players WHERE updated_at > %s LIMIT %s) u),
           (SELECT max(updated_at) FROM players),
           (SELECT count(*) FROM (SELECT 1 FROM audit_pending LIMIT %s) p),
           (SELECT at FROM seals ORDER BY number DESC LIMIT 1),
           (SELECT count(*) FROM (SELECT 1 FROM decisions WHERE status = 'proposed' LIMIT %s) d)"""

Check = Callable[[], str]


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only')::bool")
        is_read_only = cursor.fetchone()[0]
    if is_read_only:
        raise Unhealthy("the database is read-only: writes are answered with 503")
    excess = database_roles.excessive_privilege()
    return f"answers; {excess}: see {database_roles.STEPS}" if excess else "answers"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise Unhealthy(f"{len(waiting)} migrations are not applied; run `manage.py migrate`")
    return "all applied"


def _seen(name: str) -> str:
    seen_at = Heartbeat.objects.filter(pk=name).values_list("seen_at", flat=True).first()
    if seen_at is None:
        raise Unhealthy("never seen")
    age = database_clock.now() - seen_at
    if age < -FUTURE:
        raise Unhealthy(f"last seen {int(-age.total_seconds())} s in the future, by a wrong clock")
    if age > HEARTBEAT_TIMEOUT:
        raise Unhealthy(f"last seen {int(age.total_seconds())} s ago")
    return f"seen {int(age.total_seconds())} s ago"


def _erasure_marks() -> str:
    lost = marks.lost_key_ids()
    if lost:
        raise Unhealthy(
            f"the keys {', '.join(sorted(lost))} of stored marks are not in ERASURE_MARK_KEYS: late"
            " events bring erased people back"
        )
    return "every key is there"


# What a web process needs to serve requests.
READY: dict[str, Check] = {
    "database": _database,
    "migrations": _migrations,
    "broker": broker_health.check_broker,
    "publications": analytics_health.check_publications,
}
# A failure of these is shown, but requests are served. Periodic tasks find the work of a lost broker
# later, and a bad publication stops writes but no reads.
NOT_NEEDED_TO_SERVE = frozenset({"broker", "publications"})
# Everything that must run.
DEEP: dict[str, Check] = READY | {
    "cache": broker_health.check_cache,
    "worker": partial(_seen, "worker"),
    "sync-worker": partial(_seen, "sync-worker"),
    "webhook-worker": partial(_seen, "webhook-worker"),
    "beat": partial(_seen, "beat"),
    "seal file": seal_file_health.check,
    "clocks": clocks.check_clocks,
    "slots": analytics_health.check_slots,
    "writes to Roblox": write_hold_health.check,
    "Discord": discord_health.check,
    "marks of erased people": _erasure_marks,
}


@read_only
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process runs. A lost database is no reason to restart it."""
    return _json({"status": "ok"})


@read_only
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when requests can be served, else 503. For load balancers and orchestrators."""
    return _answer(run(READY), ignored=NOT_NEEDED_TO_SERVE)


@read_only
def deep(request: HttpRequest) -> HttpResponse:
    """Answer 200 when everything runs, else 503 with the failed checks. For uptime checks."""
    return _answer(run(DEEP))


def run(checks: Mapping[str, Check]) -> dict[str, dict[str, Any]]:
    """Return `ok` and a `detail` in words for each check."""
    return {name: _run(check) for name, check in checks.items()}


def _run(check: Check) -> dict[str, Any]:
    try:
        return {"ok": True, "detail": check()}
    except Unhealthy as error:
        return {"ok": False, "detail": str(error)}
    except (DatabaseError, InterfaceError):
        return {"ok": False, "detail": "the database cannot be reached"}


def _answer(
    checks: dict[str, dict[str, Any]], *, ignored: frozenset[str] = frozenset()
) -> HttpResponse:
    ok = all(check["ok"] for name, check in checks.items() if name not in ignored)
    body = {"status": "ok" if ok else "unavailable", "checks": checks}
    return _json(body, status=200 if ok else 503)


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


def _json(body: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(
        dumps(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
