"""The hold on writes to Roblox in health and metrics."""

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from grps_site.ops.unhealthy import Unhealthy
from roblox.models import WriteHold


def check() -> str:
    held = WriteHold.objects.exclude(since=None).first()
    if held is not None:
        raise Unhealthy(f"since {held.since:%Y-%m-%d %H:%M} UTC: {held.reason}")
    return "not held"


def write_hold_metrics() -> list[Metric]:
    is_held = WriteHold.objects.exclude(since=None).exists()
    what = "1 while writes to Roblox are held since the database was restored"
    return [GaugeMetricFamily("grps_roblox_writes_held", what, value=is_held)]
