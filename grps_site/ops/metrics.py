"""Prometheus metrics: requests of all processes, and the state of the system."""

import hmac
import os
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import REGISTRY, Collector

from grps_site.http import errors
from grps_site.ops import metric_sources

REQUESTS = Histogram(
    "grps_request_seconds",
    "HTTP requests",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request under its route, not its path, so that the number of labels stays small."""
    match = request.resolver_match
    route = match.route if match else "unmatched"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).observe(seconds)


class StateCollector(Collector):
    """Gauges, read from the database for each request."""

    def collect(self) -> Iterator[Metric]:
        # All are read first: a generator may be left unfinished.
        yield from metric_sources.collect()


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
