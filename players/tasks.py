"""Celery tasks. Each calls one function that is safe to run twice or concurrently.

They return the number of rows that they handled.
"""

import structlog
from celery import shared_task

from common import database_clock
from common.database_clock import database_time
from common.task_hints import Hint
from players import avatars, daily_figures, leaderboard, quarantine_release, usernames
from players.actions import game_commands
from players.bulk import previews, row_executor
from players.discipline import sanctions
from players.hosted_events import ending, series
from players.imports import runner
from players.leave import schedule as leave_schedule
from players.mass_adjustments import chunk_executor
from players.moderation import approvals, daily_limit, velocity_limit
from players.points import recounting
from players.policy_changes import simulations
from players.privacy import orders
from players.quarantines import detection
from players.quotas import closing as quota_closing
from players.quotas import exemption_ending
from players.ranks import lock_ending, schedule
from players.statistics import closing, periods, rank_counts, roll_up, snapshots

ADJUSTMENT_SECONDS = 300.0  # well below the worker's time limit
BULK_SECONDS = 60.0  # the next run continues

log = structlog.get_logger("grps.tasks")


@shared_task(name="players.evaluate_due")
def evaluate_due() -> int:
    decisions = schedule.evaluate_due()
    log.info("due players evaluated", decisions=decisions)
    return decisions


@shared_task(name="players.fold_standings")
def fold_standings() -> int:
    folded = 0
    while changed := leaderboard.fold():
        folded += changed
    return folded


@shared_task(name="players.end_sanctions")
def end_sanctions() -> int:
    """End what is over: sanctions, locks of promotions, exemptions, requests for approval.

    It also deletes expired counters.
    """
    now = database_clock.now()
    velocity_limit.purge(now)
    daily_limit.purge(now)
    game_commands.purge(now)
    detection.purge(now)
    previews.purge(now)
    ended = sanctions.end_due(now) + lock_ending.end_due(now) + exemption_ending.end_due(now)
    return ended + approvals.expire(now)


@shared_task(name="players.follow_hosted_events")
def follow_hosted_events() -> int:
    """Plan series ahead, announce what starts soon, and end what ran out."""
    now = database_clock.now()
    planned = series.plan_ahead(now) + series.announce(now)
    return planned + ending.end_by_themselves(now)


@shared_task(name="players.follow_leaves")
def follow_leaves() -> int:
    """Begin and end leaves of absence, and remind of their end."""
    return leave_schedule.run(database_clock.now())


@shared_task(name="players.take_down_figures")
def take_down_figures() -> int:
    """Sum up the last days for the console's charts."""
    return daily_figures.take_down(database_clock.now())


@shared_task(name="players.roll_up_statistics")
def roll_up_statistics() -> int:
    """Recompute periods, records and balances of the players who changed."""
    return roll_up.run(database_time())


@shared_task(name="players.count_ranks")
def count_ranks() -> int:
    """Count the listed players of each rank."""
    return rank_counts.count()


@shared_task(name="players.count_period_players")
def count_period_players() -> int:
    """Count the players of each open period."""
    return periods.count_players()


@shared_task(name="players.close_periods")
def close_periods() -> int:
    """Continue the daily pass over all players, and close the periods that ended before it."""
    return closing.run(database_time())


@shared_task(name="players.judge_quotas")
def judge_quotas() -> int:
    """Open the periods of quotas, and judge those that are over."""
    return quota_closing.run(database_time())


@shared_task(name="players.keep_positions")
def keep_positions() -> int:
    """Keep today's positions, once a day."""
    return snapshots.run(database_time())


@shared_task(name="players.carry_out_erasures")
def carry_out_erasures() -> int:
    """Erase people with a due order from our tables. The sync worker erases data stores."""
    return orders.carry_out_due()


ERASING = Hint(carry_out_erasures, every=0.1)


@shared_task(name="players.carry_out_bulk")
def carry_out_bulk() -> int:
    """Continue started bulk jobs."""
    return row_executor.run_due(BULK_SECONDS)


BULK = Hint(carry_out_bulk, every=0.1)


@shared_task(name="players.simulate")
def simulate() -> int:
    """Continue requested simulations of policies."""
    return simulations.run_due()


SIMULATING = Hint(simulate, every=0.1)


@shared_task(name="players.check_names")
def check_names() -> int:
    """Ask Roblox for usernames that games report differently."""
    return usernames.check_due()


@shared_task(name="players.fetch_avatars")
def fetch_avatars() -> int:
    """Fetch headshots that somebody asked for."""
    return avatars.fetch_due()


@shared_task(name="players.release_quarantines")
def release_quarantines() -> int:
    """Count the points that two owners released from quarantine."""
    return quarantine_release.run_due()


RELEASING = Hint(release_quarantines, every=0.1)


@shared_task(name="players.apply_counting")
def apply_counting() -> int:
    """Recalculate points of players whose experience started or stopped to count."""
    return recounting.apply_due()


@shared_task(name="players.apply_adjustments")
def apply_adjustments() -> int:
    """Continue started adjustments that no other worker holds."""
    done = chunk_executor.run_due(ADJUSTMENT_SECONDS)
    if done:
        log.info("adjustments applied", adjustments=done)
    return done


ADJUSTING = Hint(apply_adjustments, every=0.1)


@shared_task(name="players.run_imports")
def run_imports() -> int:
    """Continue imports that no other worker holds, and delete rows that are too old."""
    runner.purge(database_clock.now())
    done = runner.run_due(ADJUSTMENT_SECONDS)
    if done:
        log.info("imports worked on", imports=done)
    return done


IMPORTING = Hint(run_imports, every=0.1)
