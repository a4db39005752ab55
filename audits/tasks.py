from typing import Any

import structlog
from celery import shared_task
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from audits import streams
from audits.seals import seal_pending
from audits.signals import sealed

log = structlog.get_logger("grps.tasks")


@shared_task(name="audits.seal")
def seal() -> int:
    """Seal whatever has committed; safe to run at the same time elsewhere."""
    seals = 0
    while seal_pending():
        seals += 1
    return seals


@shared_task(name="audits.mirror")
def mirror(hinted: bool = False) -> int:
    """Write to each mirror of the log what it lacks; how many events. Safe to run at the same time elsewhere."""
    return sum(streams.catch_up(outlet, hinted=hinted) for outlet in streams.configured())


@receiver(sealed)
def hint_mirrors(**_: Any) -> None:
    """Ask a worker to mirror now. A broker that is away loses nothing: the sweep comes by in seconds."""
    if not streams.configured():
        return
    try:
        mirror.apply_async(kwargs={"hinted": True}, retry=False, expires=60)
    except OperationalError as error:
        log.warning("the broker is away; the sweep will mirror", error=str(error))
