"""Celery's door: hints make deliveries quick, the sweeps make them certain. Safe to run twice, and
side by side.
"""

from typing import Any

from celery import shared_task
from django.dispatch import receiver
from django.utils import timezone

from audits.signals import sealed
from common.task_hints import Hint
from webhooks.endpoints import health
from webhooks.outbound import fanout, retention, worker

TURN = 300.0  # seconds: below the worker's time limit; the next run goes on


@shared_task(name="webhooks.deliver")
def deliver() -> int:
    """Deliver whatever is due; how many calls were made."""
    return worker.run(TURN, successor=DELIVERING.give)


@shared_task(name="webhooks.fan_out")
def fan_out() -> int:
    """Make deliveries of what has been sealed; how many events were looked at."""
    looked = fanout.run()
    if looked:
        DELIVERING.give()
    return looked


@shared_task(name="webhooks.sweep")
def sweep() -> int:
    """Warn about, disable and tell of endpoints as the clock demands; how many."""
    return health.sweep(timezone.now())


@shared_task(name="webhooks.purge")
def forget() -> int:
    """Delete finished deliveries that are older than they are kept; how many."""
    return retention.run(timezone.now())


DELIVERING = Hint(deliver, every=0.1)
FANNING_OUT = Hint(fan_out, every=0.1)


@receiver(sealed, dispatch_uid="webhooks.fan_out")
def after_a_seal(**_: Any) -> None:
    FANNING_OUT.give()
