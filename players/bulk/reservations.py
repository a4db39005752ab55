"""Count a job toward the daily limit of its requester.

The whole job is charged when it starts. Each step uses a part of that charge, and returns what its
skipped rows would have moved.
"""

import datetime as dt

from django.db.models import Count, Max, Sum
from django.db.models.functions import Abs

from common.amounts import hundredths, points
from players.models import ZERO, Adjustment, BulkJob, Import
from players.moderation import daily_limit
from players.moderation.daily_limit import Taken, Volume


def volume(job: BulkJob | Adjustment | Import) -> Volume:
    """Scan the pending rows and return what they move."""
    amount = Abs("amount")
    found = (
        job.lines.filter(status="pending")
        .exclude(amount=0)
        .aggregate(moved=Sum(amount), players=Count("line"), largest=Max(amount))
    )
    return Volume(
        hundredths(found["moved"] or ZERO), found["players"], hundredths(found["largest"] or ZERO)
    )


def pending(job: BulkJob | Adjustment | Import) -> tuple[int, int]:
    """Return the hundredths without signs that pending rows move, and the number of players."""
    if isinstance(job, Adjustment) and not job.line:  # its sums are stored, so no scan is needed
        return hundredths(job.moved), job.changing
    found = volume(job)
    return found.moved, found.players


def reserve(job: BulkJob | Adjustment | Import, now: dt.datetime) -> None:
    """Charge the pending rows to the requester's current day. The caller saves the job."""
    moved, players = pending(job)
    if not players:
        return
    job.charged_on, job.reserved = daily_limit.day_of(now), points(moved)
    daily_limit.lock(job.requested_by, job.charged_on)
    daily_limit.charge(
        job.requested_by, job.charged_on, moved, players=players, approved=job.is_approved
    )


def other_charges(job: BulkJob | Adjustment | Import, players: int = 0) -> Taken | None:
    """Return the other charges of the charged day, with its row locked, or None without a charge.

    `players`: the players of the job whose rows are still pending.
    """
    if job.charged_on is None:
        return None
    taken = daily_limit.lock(job.requested_by, job.charged_on)
    return taken.less(hundredths(job.reserved), players=players, approved=job.is_approved)


def settle(
    job: BulkJob | Adjustment | Import, used: int, *, returned: int = 0, players: int = 0
) -> None:
    """Reduce the reservation by `used` and `returned` hundredths.

    `returned`, with its number of `players`, is also removed from the day's charge. The caller
    saves the job, whose row is locked.
    """
    if job.charged_on is None:
        return
    job.reserved = max(ZERO, job.reserved - points(used + returned))
    if players:
        daily_limit.give_back(
            job.requested_by, job.charged_on, returned, players=players, approved=job.is_approved
        )
