"""Health checks of publications and replication slots."""

from grps_site.analytics import publication, slots
from grps_site.ops.unhealthy import Unhealthy


def check_publications() -> str:
    defects = publication.defects()
    if defects:
        raise Unhealthy(f"{defects[0]}; see docs/analytics.md")
    return "none refuses a change"


def check_slots() -> str:
    lost = slots.lost()
    if lost:
        raise Unhealthy(
            f"{', '.join(lost)} lost changes that its warehouse lacks; run `manage.py analytics"
            " warehouse`"
        )
    return "none is lost"
