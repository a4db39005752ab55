"""Prometheus metrics: requests of all processes, and the state of the system."""

import hmac
import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from audits.streams import publisher
from grps_site.http import errors

REQUESTS = Histogram(
    "grps_request_seconds",
    "HTTP requests",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}

STATE = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM audit_pending LIMIT 100000) p),
           (SELECT extract(epoch FROM now() - max(at)) FROM (SELECT at FROM seals ORDER BY number DESC LIMIT 1) s),
           (SELECT count(*) FROM (SELECT 1 FROM decisions WHERE status = 'proposed' LIMIT 100000) d),
           (SELECT count(*) FROM (SELECT 1 FROM leaderboard_changes LIMIT 100000) c)"""

# Each count stops at 100,000, so that a backlog does not slow the page.
WAITING = """
    SELECT 'mirrors', status, count(*) FROM
        (SELECT status FROM mirrors WHERE status <> 'confirmed' LIMIT 100000) m GROUP BY status
    UNION ALL SELECT 'sync_jobs', status, count(*) FROM
        (SELECT status FROM sync_jobs WHERE status IN ('queued', 'running', 'paused')) j GROUP BY status
    UNION ALL SELECT 'drifts', aspect, count(*) FROM
        (SELECT aspect FROM drifts WHERE resolved_at IS NULL LIMIT 100000) d GROUP BY aspect
    UNION ALL SELECT 'deliveries', CASE WHEN d.status = 'exhausted' THEN 'given up' WHEN e.status = 'disabled'
            THEN 'endpoint disabled' WHEN d.attempts > 0 THEN 'retrying' ELSE 'new' END, count(*) FROM
        (SELECT endpoint_id, status, attempts FROM webhook_deliveries WHERE status <> 'delivered' LIMIT 100000) d
        JOIN webhook_endpoints e ON e.id = d.endpoint_id GROUP BY 2
    UNION ALL SELECT 'endpoints', CASE WHEN status = 'disabled' THEN 'disabled' WHEN failing_since IS NOT NULL
            THEN 'failing' ELSE 'fine' END, count(*) FROM webhook_endpoints GROUP BY 2
    UNION ALL SELECT 'erasures', state, count(*) FROM
        (SELECT CASE WHEN now() > received_at + (due_at - received_at) / 2 THEN 'late' ELSE 'open' END AS state
         FROM erasure_orders WHERE status = 'open' LIMIT 100000) e GROUP BY state"""

HEARTBEATS = "SELECT name, extract(epoch FROM now() - seen_at) FROM heartbeats"

KEYS = """
    SELECT fingerprint, name, (problem = '')::int, extract(epoch FROM expires_at - now()),
           extract(epoch FROM now() - last_used_at) FROM cloud_keys"""


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request under its route, not its path, so that the number of labels stays small."""
    match = request.resolver_match
    route = match.route if match else "unmatched"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).observe(seconds)


class StateCollector(Collector):
    """Gauges, read from the database for each request."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        # All rows are read first: a generator may be left unfinished.
        state, beats, waiting, keys = (_rows(sql) for sql in (STATE, HEARTBEATS, WAITING, KEYS))
        yield from _state(*state[0])
        yield _gauges(
            "grps_heartbeat_age_seconds", "Since worker and beat were seen", "name", beats
        )
        yield _gauges(
            "grps_waiting", "Rows that wait for Roblox or for staff", "what state", waiting
        )
        yield from _key_health(keys)
        behind = [(copy.name, copy.behind) for copy in publisher.statuses()]
        yield _gauges("grps_audit_stream_behind", "Events that a mirror lacks", "mirror", behind)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _state(
    unsealed: int, seal_age: float | None, proposed: int, unfolded: int
) -> Iterator[GaugeMetricFamily]:
    yield GaugeMetricFamily("grps_audit_unsealed", "Audit events without a seal", value=unsealed)
    if seal_age is not None:
        yield GaugeMetricFamily(
            "grps_audit_seal_age_seconds", "Since the last seal", value=float(seal_age)
        )
    yield GaugeMetricFamily(
        "grps_decisions_proposed", "Rank decisions that wait for an officer", value=proposed
    )
    yield GaugeMetricFamily(
        "grps_leaderboard_unfolded", "Moves not yet folded into counts", value=unfolded
    )


def _gauges(
    name: str, description: str, labels: str, rows: list[tuple[Any, ...]]
) -> GaugeMetricFamily:
    """Build one gauge from rows that end with their value."""
    gauges = GaugeMetricFamily(name, description, labels=labels.split())
    for *values, number in rows:
        gauges.add_metric(values, float(number))
    return gauges


def _key_health(
    keys: list[tuple[Any, ...]],
) -> Iterator[GaugeMetricFamily]:
    labels = ["key", "name"]
    healthy = GaugeMetricFamily(
        "grps_open_cloud_key_healthy", "1 when the key has no problem", labels=labels
    )
    left = GaugeMetricFamily(
        "grps_open_cloud_key_expires_seconds", "Until the key expires", labels=labels
    )
    unused = GaugeMetricFamily(
        "grps_open_cloud_key_unused_seconds", "Since the key was used", labels=labels
    )
    for fingerprint, name, is_healthy, expires, used in keys:
        healthy.add_metric([fingerprint, name], is_healthy)
        for family, value in ((left, expires), (unused, used)):
            if value is not None:
                family.add_metric([fingerprint, name], float(value))
    yield from (healthy, left, unused)


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics. Needs `Authorization: Bearer METRICS_TOKEN`, and the setting."""
    given = request.headers.get("Authorization", "").encode()
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given, expected):
        return errors.response(
            401,
            "Send the metrics token: Authorization: Bearer …",
            headers={"WWW-Authenticate": "Bearer"},
        )
    registry = CollectorRegistry()
    registry.register(StateCollector())
    shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if shared:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    return HttpResponse(
        generate_latest(REGISTRY) + generate_latest(registry), content_type=CONTENT_TYPE_LATEST
    )
