from typing import Any

from celery import shared_task
from django.dispatch import receiver

from audits.chain.sealing import SPACING, seal_due
from audits.signals import sealed
from audits.streams import publisher
from common.task_hints import Hint


@shared_task(name="audits.seal")
def seal() -> None:
    """Seal committed events, at most about once in SPACING over all processes."""
    wait = seal_due()
    if wait:
        SEALING.give(after=wait)


@shared_task(name="audits.mirror")
def mirror(hinted: bool = False) -> int:
    """Write the missing events to each mirror of the log, and return their number.

    Several workers may run it at the same time.
    """
    return sum(publisher.catch_up(sink, hinted=hinted) for sink in publisher.configured())


SEALING = Hint(seal, every=SPACING)
MIRRORING = Hint(mirror, every=0.25, hinted=True)


@receiver(sealed)
def hint_mirrors(**_: Any) -> None:
    if publisher.configured():
        MIRRORING.give()
