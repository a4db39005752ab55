"""Celery's door: each task calls one rule and is safe to run twice, or at the same time."""

import structlog
from celery import shared_task
from django.utils import timezone

from common.task_hints import Hint
from players import daily_figures, leaderboard, usernames
from players.actions import game_commands
from players.bulk import previews, row_executor
from players.discipline import sanctions
from players.mass_adjustments import chunk_executor
from players.moderation import approvals, daily_limit, velocity_limit
from players.points import recounting
from players.policy_changes import simulations
from players.privacy import orders
from players.quarantines import detection, release
from players.ranks import schedule

ADJUSTMENT_TURN = 300.0  # seconds, well below the worker's time limit
BULK_TURN = 60.0  # seconds; the next run goes on

log = structlog.get_logger("grps.tasks")


@shared_task(name="players.evaluate_due")
def evaluate_due() -> int:
    made = schedule.evaluate_due()
    log.info("evaluated", decisions=made)
    return made


@shared_task(name="players.fold_standings")
def fold_standings() -> int:
    folded = 0
    while changed := leaderboard.fold():
        folded += changed
    return folded


@shared_task(name="players.end_sanctions")
def end_sanctions() -> int:
    """End what is over by time: sanctions, requests that nobody decided, and what the guard
    remembers; how many.
    """
    now = timezone.now()
    velocity_limit.purge(now)
    daily_limit.purge(now)
    game_commands.purge(now)
    detection.purge(now)
    previews.purge(now)
    return sanctions.end_due(now) + approvals.expire(now)


@shared_task(name="players.take_down_figures")
def take_down_figures() -> int:
    """Sum up the last days for the console's charts; how many days."""
    return daily_figures.take_down(timezone.now())


@shared_task(name="players.carry_out_erasures")
def carry_out_erasures() -> int:
    """Erase in our tables whoever was ordered to be; how many. The data stores are the sync
    worker's.
    """
    return orders.carry_out_due()


ERASING = Hint(carry_out_erasures, every=0.1)


@shared_task(name="players.carry_out_bulk")
def carry_out_bulk() -> int:
    """Go on with the bulk jobs that were let go; how many rows were settled."""
    return row_executor.run_due(BULK_TURN)


BULK = Hint(carry_out_bulk, every=0.1)


@shared_task(name="players.simulate")
def simulate() -> int:
    """Go on with the simulations of policies that were asked for; how many steps were taken."""
    return simulations.run_due()


SIMULATING = Hint(simulate, every=0.1)


@shared_task(name="players.check_names")
def check_names() -> int:
    """Ask Roblox for the names that games do not agree on; how many were answered."""
    return usernames.check_due()


@shared_task(name="players.release_quarantines")
def release_quarantines() -> int:
    """Let what two owners released count; of how many players."""
    return release.run_due()


RELEASING = Hint(release_quarantines, every=0.1)


@shared_task(name="players.apply_counting")
def apply_counting() -> int:
    """Let experiences count, or count no more, as they are configured by now; of how many players."""
    return recounting.apply_due()


@shared_task(name="players.apply_adjustments")
def apply_adjustments() -> int:
    """Go on with whatever large adjustment is let go and held by nobody."""
    done = chunk_executor.run_due(ADJUSTMENT_TURN)
    if done:
        log.info("adjustments applied", adjustments=done)
    return done


ADJUSTING = Hint(apply_adjustments, every=0.1)
