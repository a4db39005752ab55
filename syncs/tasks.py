"""Celery's door: each task calls one rule and is safe to run twice, or at the same time."""

import structlog
from celery import shared_task

from syncs import adjustments

TURN = 300.0  # seconds: well below the worker's time limit; the next run goes on

log = structlog.get_logger("grps.tasks")


@shared_task(name="syncs.apply_adjustments")
def apply_adjustments() -> int:
    """Go on with whatever large adjustment is let go and held by nobody."""
    done = adjustments.run_due(TURN)
    if done:
        log.info("adjustments applied", adjustments=done)
    return done
