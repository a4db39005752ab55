"""Celery's door to Roblox's own affairs."""

import structlog
from celery import shared_task

from roblox import key_health
from roblox.open_cloud.errors import OpenCloudError

log = structlog.get_logger("grps.tasks")


@shared_task(name="roblox.check_keys")
def check_keys() -> int:
    """Look at the health of every Open Cloud key; how many have a problem."""
    try:
        found = key_health.check_all()
    except OpenCloudError as error:
        log.warning("the keys' health is unknown", error=str(error))
        return 0
    for key in found:
        for problem in key.problems:
            log.warning("open cloud key", key=key.fingerprint, problem=problem)
    return sum(bool(key.problems) for key in found)
