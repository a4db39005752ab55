from typing import Any

from celery import shared_task
from django.dispatch import receiver

from audits import streams
from audits.hints import Hint
from audits.seals import seal_pending
from audits.signals import sealed


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


SEALING = Hint(seal, every=0.25)
MIRRORING = Hint(mirror, every=0.25, hinted=True)


@receiver(sealed)
def hint_mirrors(**_: Any) -> None:
    if streams.configured():
        MIRRORING.give()
