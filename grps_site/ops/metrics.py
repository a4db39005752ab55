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

from common import metric_errors, previous_secrets
from grps_site.http import errors
from grps_site.http.routes import route
from grps_site.ops import metric_sources, metrics_folder

REQUESTS = Histogram(
    "grps_request_seconds",
    "HTTP requests",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Count a request under its route, not its path, so that the number of labels stays small."""
    method = request.method if request.method in METHODS else "other"
    with metric_errors.tolerated():
        REQUESTS.labels(method, route(request), str(status)).observe(seconds)


class StateCollector(Collector):
    """Gauges, read from the database for each request."""

    def collect(self) -> Iterator[Metric]:
        # All are read first: a generator may be left unfinished.
        yield from metric_sources.collect()


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics. Needs `Authorization: Bearer METRICS_TOKEN`, and the setting."""
    if not is_authorized(request.headers.get("Authorization", "")):
        return errors.response(
            401,
            "Send the metrics token: Authorization: Bearer …",
            headers={"WWW-Authenticate": "Bearer"},
        )
    state = CollectorRegistry()
    state.register(StateCollector())
    return HttpResponse(
        of_this_service() + generate_latest(state), content_type=CONTENT_TYPE_LATEST
    )


def is_authorized(authorization: str) -> bool:
    """Check the bearer token. Without METRICS_TOKEN nobody is authorized."""
    given, tokens = (
        authorization.encode(),
        (settings.METRICS_TOKEN, settings.METRICS_TOKEN_PREVIOUS),
    )
    matches = [
        hmac.compare_digest(given, f"Bearer {token}".encode()) and bool(token) for token in tokens
    ]
    return previous_secrets.any_match("METRICS_TOKEN", matches)


def of_this_service() -> bytes:
    """Return the counters of all processes that share this one's folder, else of this one."""
    if not os.environ.get(metrics_folder.VARIABLE):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
