"""The seal file in health and metrics, as the worker that seals stored it."""

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from audits.chain import seal_file
from grps_site.ops.unhealthy import Unhealthy

GRACE = 60  # seconds within which a new seal may be missing


def check() -> str:
    """Raise Unhealthy if the file cannot be written, differs, or lacks older seals."""
    problem = seal_file.problem(GRACE)
    if problem:
        raise Unhealthy(problem)
    return "holds every seal"


def seal_file_metrics() -> list[Metric]:
    status = seal_file.status()
    behind = "Seals that the file outside the database lacks"
    broken = "1 when the seal file cannot be written or has other seals than the database"
    return [
        GaugeMetricFamily("grps_audit_seal_file_behind", behind, value=status.behind),
        GaugeMetricFamily("grps_audit_seal_file_broken", broken, value=bool(status.error)),
    ]
