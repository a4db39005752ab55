"""Celery tasks of webhooks. Hints start them at once; the schedule ensures that they run.

Each may run twice, or in parallel.
"""

from typing import Any

from celery import shared_task
from django.dispatch import receiver

from audits.signals import sealed
from common import database_clock
from common.task_hints import Hint
from webhooks.endpoints import health
from webhooks.outbound import retention, worker
from webhooks.outbound.fan_out import run as fan_out_pending

RUN_SECONDS = 300.0  # below Celery's time limit; the next run continues


@shared_task(name="webhooks.deliver")
def deliver() -> int:
    """Make the calls of due deliveries. Returns their number."""
    return worker.run(RUN_SECONDS, successor=DELIVERING.give)


@shared_task(name="webhooks.fan_out")
def fan_out() -> int:
    """Create deliveries for sealed events. Returns the number of events read."""
    looked = fan_out_pending()
    if looked:
        DELIVERING.give()
    return looked


@shared_task(name="webhooks.sweep")
def sweep() -> int:
    """Report and disable failing endpoints, and delete old secrets. Returns the number changed."""
    return health.sweep(database_clock.now())


@shared_task(name="webhooks.purge")
def forget() -> int:
    """Delete finished deliveries after their retention. Returns their number."""
    return retention.run(database_clock.now())


DELIVERING = Hint(deliver, every=0.1)
FANNING_OUT = Hint(fan_out, every=0.1)


@receiver(sealed, dispatch_uid="webhooks.fan_out")
def after_a_seal(**_: Any) -> None:
    FANNING_OUT.give()
