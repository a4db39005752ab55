"""Helpers for bulk jobs: staff, players, and running a job to its end."""

import datetime as dt
from typing import Any

from django.utils import timezone

from audits.record import Actor
from players.bulk import previews, row_executor
from players.bulk.row_executor import BULK_JOBS
from players.models import Approval, BulkJob, Player, Rank
from players.moderation import approvals
from players.moderation.actors import Staff, officer
from players.moderation.command import Command

RIGHTS = frozenset({"console.bulk"})
OLGA = Staff(Actor("staff", "olga", "Olga", "staff:1"), rank=None, rights=RIGHTS)
SVEN = Staff(Actor("staff", "sven", "Sven", "staff:2"), rank=None, rights=RIGHTS)


def make(user_ids: range | list[int], rank: str = "Storm Corporal I", points: int = 800) -> None:
    held, now = Rank.objects.get(name=rank), timezone.now()
    Player.objects.bulk_create(
        Player(
            user_id=user_id,
            username=f"player_{user_id}",
            rank=held,
            rank_since=now - dt.timedelta(days=3),
            named_at=now,
            earned=points,
        )
        for user_id in user_ids
    )


def colleague(user_id: int, rank: str) -> Staff:
    """Create an officer of this rank who may do mass changes in the console."""
    make([user_id], rank, 20_000)
    found = officer(user_id)
    return Staff(found.actor, found.rank, found.user_id, rights=RIGHTS)


def preview(act: str, user_ids: Any, by: Staff = OLGA, **arguments: Any) -> BulkJob:
    return previews.preview(
        act,
        list(user_ids),
        arguments,
        Command(by=by, reason="seen in the raid", now=timezone.now()),
    )


def go(job: BulkJob, by: Staff = OLGA, second: Staff = SVEN) -> BulkJob:
    """Start a job, approve it if necessary, and carry it out."""
    started = BULK_JOBS.start(job.pk, by=by, now=timezone.now())
    if started.approval is not None:
        approvals.approve(started.approval.pk, by=second, reason="agreed", now=timezone.now())
    row_executor.run(job.pk)
    job.refresh_from_db()
    return job


def go_as_far_as_the_request(job: BulkJob, by: Staff) -> Approval:
    started = BULK_JOBS.start(job.pk, by=by, now=timezone.now())
    assert started.approval is not None
    return started.approval
