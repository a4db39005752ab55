"""Gauges that are read from the database at each request for /metrics.

A new source is a function without arguments that returns metric families, and a line in SOURCES.
Counts stop at 100,000, so that a backlog does not slow the page.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from audits.streams import publisher
from grps_site.analytics import slots as analytics_slots
from grps_site.ops import clocks, seal_file_health, write_hold_health

Source = Callable[[], Iterable[Metric]]

STATE = """
    SELECT (SELECT count(*) FROM (SELECT 1 FROM audit_pending LIMIT 100000) p),
           (SELECT extract(epoch FROM now() - max(at)) FROM (SELECT at FROM seals ORDER BY number DESC LIMIT 1) s),
           (SELECT count(*) FROM (SELECT 1 FROM decisions WHERE status = 'proposed' LIMIT 100000) d),
           (SELECT count(*) FROM (SELECT 1 FROM leaderboard_changes LIMIT 100000) c)"""

WAITING = """
    SELECT 'mirrors', status, count(*) FROM
        (SELECT status FROM mirrors WHERE status <> 'confirmed' LIMIT 100000) m GROUP BY status
    UNION ALL SELECT 'discord_roles', status, count(*) FROM
        (SELECT status FROM discord_role_mirrors WHERE status <> 'confirmed' LIMIT 100000) r GROUP BY status
    UNION ALL SELECT 'discord_answers', 'late', count(*) FROM
        (SELECT 1 FROM discord_interactions
         WHERE finished_at IS NULL AND received_at < now() - interval '1 minute' LIMIT 100000) i HAVING count(*) > 0
    UNION ALL SELECT 'discord_messages', state, count(*) FROM
        (SELECT CASE WHEN attempts > 0 THEN 'failing' ELSE 'new' END AS state FROM discord_queue_messages
         WHERE wanted <> shown LIMIT 100000) q GROUP BY state
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

# Shown also when there are none, so that the first one is a rise that an alert can see.
ALERTED = (
    ("mirrors", "parked"),
    ("discord_roles", "parked"),
    ("discord_answers", "late"),
    ("deliveries", "given up"),
    ("endpoints", "failing"),
    ("endpoints", "disabled"),
    ("erasures", "late"),
)

HEARTBEATS = "SELECT name, extract(epoch FROM now() - seen_at) FROM heartbeats"

KEYS = """
    SELECT fingerprint, name, (problem = '')::int, extract(epoch FROM expires_at - now()),
           extract(epoch FROM now() - last_used_at) FROM cloud_keys"""

CONNECTIONS = """
    SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"""


def audit_and_ranks() -> list[Metric]:
    unsealed, seal_age, proposed, unfolded = _rows(STATE)[0]
    return [
        GaugeMetricFamily("grps_audit_unsealed", "Audit events without a seal", value=unsealed),
        _optional("grps_audit_seal_age_seconds", "Since the last seal", seal_age),
        GaugeMetricFamily(
            "grps_decisions_proposed", "Rank decisions that wait for an officer", value=proposed
        ),
        GaugeMetricFamily(
            "grps_leaderboard_unfolded", "Moves not yet folded into counts", value=unfolded
        ),
    ]


def heartbeats() -> list[Metric]:
    rows = _rows(HEARTBEATS)
    return [_gauges("grps_heartbeat_age_seconds", "Since workers and beat were seen", "name", rows)]


def clock_skews() -> list[Metric]:
    rows = list(clocks.skews().items())
    text = "Seconds by which a machine's clock is ahead of the database's"
    return [_gauges("grps_clock_skew_seconds", text, "name", rows)]


def waiting() -> list[Metric]:
    counts = dict.fromkeys(ALERTED, 0) | {(what, state): n for what, state, n in _rows(WAITING)}
    rows = [(*labels, count) for labels, count in counts.items()]
    return [_gauges("grps_waiting", "Rows that wait for Roblox or for staff", "what state", rows)]


def open_cloud_keys() -> list[Metric]:
    healthy, expires, unused = [], [], []
    for fingerprint, name, is_healthy, seconds_left, seconds_unused in _rows(KEYS):
        healthy.append((fingerprint, name, is_healthy))
        expires.append((fingerprint, name, seconds_left))
        unused.append((fingerprint, name, seconds_unused))
    labels = "key name"
    return [
        _gauges("grps_open_cloud_key_healthy", "1 when the key has no problem", labels, healthy),
        _gauges("grps_open_cloud_key_expires_seconds", "Until the key expires", labels, expires),
        _gauges("grps_open_cloud_key_unused_seconds", "Since the key was used", labels, unused),
    ]


def audit_streams() -> list[Metric]:
    rows = [(copy.name, copy.behind) for copy in publisher.statuses()]
    return [_gauges("grps_audit_stream_behind", "Events that a mirror lacks", "mirror", rows)]


def database_connections() -> list[Metric]:
    """Count the connections to this database that our role may see."""
    rows = _rows(CONNECTIONS)
    return [_gauges("grps_database_connections", "Connections to the database", "state", rows)]


def replication_slots() -> list[Metric]:
    slots = analytics_slots.read()
    retained = [(slot.name, slot.retained) for slot in slots]
    active = [(slot.name, int(slot.is_active)) for slot in slots]
    lost = [(slot.name, int(slot.is_lost)) for slot in slots]
    return [
        _gauges("grps_replication_slot_retained_bytes", "WAL kept for it", "slot", retained),
        _gauges("grps_replication_slot_active", "1 while somebody reads it", "slot", active),
        _gauges("grps_replication_slot_lost", "1 when its WAL is gone", "slot", lost),
    ]


SOURCES: list[Source] = [
    audit_and_ranks,
    heartbeats,
    clock_skews,
    waiting,
    open_cloud_keys,
    audit_streams,
    seal_file_health.seal_file_metrics,
    write_hold_health.write_hold_metrics,
    database_connections,
    replication_slots,
]


def collect() -> list[Metric]:
    """Read all sources. One that fails is left out and reported by grps_metrics_source_up."""
    metrics: list[Metric] = []
    up: list[tuple[Any, ...]] = []
    for source in SOURCES:
        try:
            metrics += source()
        except (DatabaseError, InterfaceError):
            up.append((source.__name__, 0))
        else:
            up.append((source.__name__, 1))
    help_text = "1 when these gauges could be read"
    return [*metrics, _gauges("grps_metrics_source_up", help_text, "source", up)]


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _gauges(
    name: str, description: str, labels: str, rows: Iterable[tuple[Any, ...]]
) -> GaugeMetricFamily:
    """Build one gauge from rows that end with their value. Rows without a value are left out."""
    gauges = GaugeMetricFamily(name, description, labels=labels.split())
    for *values, number in rows:
        if number is not None:
            gauges.add_metric(values, float(number))
    return gauges


def _optional(name: str, description: str, value: Any) -> GaugeMetricFamily:
    return _gauges(name, description, "", [(value,)])
