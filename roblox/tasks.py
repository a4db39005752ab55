"""Celery tasks of this app."""

import structlog
from celery import shared_task

from roblox import key_health
from roblox.open_cloud.errors import OpenCloudError

log = structlog.get_logger("grps.tasks")


@shared_task(name="roblox.check_keys")
def check_keys() -> int:
    """Check every Open Cloud key and return the number of those with a problem."""
    try:
        found = key_health.check_all()
    except OpenCloudError as error:
        log.warning("the open cloud keys were not checked", error=str(error))
        return 0
    for key in found:
        for problem in key.problems:
            log.warning("an open cloud key has a problem", key=key.fingerprint, problem=problem)
    return sum(bool(key.problems) for key in found)
