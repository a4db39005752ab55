"""Celery tasks of the sync. They have their own queue, since they wait for Roblox or take long.

Periodic tasks find all work. A hint after a request only makes it faster.
"""

import time
from collections.abc import Collection

import structlog
from celery import shared_task
from django.conf import settings

from audits.record import Actor
from common import database_clock
from common.task_hints import Hint
from players.active_policy import active
from roblox import cloud, write_hold
from roblox.models import Experience
from roblox.open_cloud.errors import OpenCloudError
from syncs import jobs
from syncs.join_requests import decisions, reading, writing
from syncs.membership import first_contact, group_log, reader
from syncs.models import SyncJob
from syncs.privacy import datastores
from syncs.pull import queue
from syncs.pull.runner import run
from syncs.push import runner
from syncs.roles import pins

TURN = 300.0  # seconds, well below the worker's time limit
READING_TURN = 15.0  # seconds, as for PUSH_TURN
GROUP_PATIENCE = 20.0  # seconds that a reading of the group waits for its rate limit
# A run starts every five seconds. Without a time limit each would keep a process from running jobs.
PUSH_TURN = 15.0

log = structlog.get_logger("grps.tasks")


@shared_task(name="syncs.run_jobs")
def run_jobs() -> int:
    """Run one due job. Returns the number of jobs (0 or 1)."""
    jobs.release_dead()
    job = jobs.claim_one()
    if job is None:
        return 0
    run(job)
    if SyncJob.objects.filter(
        status=SyncJob.Status.QUEUED, retry_at__lte=database_clock.now()
    ).exists():
        RUNNING.give()
    return 1


RUNNING = Hint(run_jobs, every=0.1)


@shared_task(name="syncs.push_mirrors")
def push_mirrors() -> int:
    """Push due mirrors for PUSH_TURN seconds and return their number."""
    until = time.monotonic() + PUSH_TURN
    pushed = 0
    if first_contact.request_pull() is not None:
        RUNNING.give()
    while time.monotonic() < until and (taken := runner.step()):
        pushed += taken
    return pushed


@shared_task(name="syncs.drain_queues")
def drain_queues() -> int:
    """Apply the items in the games' queues and return their number."""
    if write_hold.why_off():
        return 0  # reading a queue hides the items, and discarding them is a write
    drained = 0
    for experience in Experience.objects.filter(enabled=True, writes=True).exclude(
        universe_id=None
    ):
        # Then an item that waits is read at most once.
        until = time.monotonic() + queue.HIDDEN / 2
        try:
            while time.monotonic() < until and (
                read := queue.drain(experience, now=database_clock.now())
            ):
                drained += read
        except cloud.NotConfigured:
            continue
        except OpenCloudError as error:
            log.warning("the queue is not drained", experience=experience.key, error=str(error))
    return drained


def _request_for_all(activity: SyncJob.Activity) -> int:
    asked = 0
    experiences = Experience.objects.filter(enabled=True).exclude(universe_id=None)
    targets = [None] if activity in jobs.OF_THE_GROUP else list(experiences)
    for target in targets:
        try:
            jobs.request(activity, target, actor=Actor("system", "schedule", "schedule"))
            asked += 1
        except jobs.AlreadyActive as reason:
            log.info("pull not requested again", activity=str(activity), reason=str(reason))
    if asked:
        RUNNING.give()
    return asked


@shared_task(name="syncs.pull_points")
def pull_points() -> int:
    return _request_for_all(SyncJob.Activity.POINTS)


@shared_task(name="syncs.pull_leaderboard")
def pull_leaderboard() -> int:
    return _request_for_all(SyncJob.Activity.LEADERBOARD)


@shared_task(name="syncs.pull_members")
def pull_members() -> int:
    return _request_for_all(SyncJob.Activity.MEMBERS) if settings.ROBLOX_GROUP_ID else 0


@shared_task(name="syncs.pull_restrictions")
def pull_restrictions() -> int:
    return _request_for_all(SyncJob.Activity.RESTRICTIONS)


@shared_task(name="syncs.check_policy")
def check_policy() -> int:
    return _request_for_all(SyncJob.Activity.POLICY_DRIFT) if settings.ROBLOX_GROUP_ID else 0


@shared_task(name="syncs.read_memberships")
def read_memberships() -> int:
    """Read queued users for READING_TURN seconds and return their number."""
    until = time.monotonic() + READING_TURN
    read = 0
    while time.monotonic() < until and (taken := reader.step()):
        read += taken
    return read


READING = Hint(read_memberships, every=0.5)


def want_soon(user_ids: Collection[int], experience: str) -> None:
    """Queue users named by an experience's game servers, and hint a worker."""
    if reader.want(user_ids, experience=experience):
        READING.after_commit()


@shared_task(name="syncs.follow_group")
def follow_group() -> int:
    """Read the group's roles and the new entries of its log. Returns the number of entries."""
    try:
        group = cloud.group(patience=GROUP_PATIENCE)
        pins.contact(group)
        entries = group_log.step(group) if settings.INTEGRATIONS.sync.follow_group_log else 0
    except cloud.NotConfigured:
        return 0
    except OpenCloudError as error:
        log.warning("the group is not followed", error=str(error))
        return 0
    if entries:
        READING.give()
    return entries


@shared_task(name="syncs.follow_join_requests")
def follow_join_requests() -> int:
    """Read join requests, decide by the policy's rule and write decisions; return how many."""
    if active().bundle.community.join_requests is None:
        return 0
    try:
        group = cloud.group(patience=GROUP_PATIENCE)
    except cloud.NotConfigured:
        return 0
    try:
        reading.read(group)
    except OpenCloudError as error:  # what is known already is decided and written all the same
        log.warning("join requests are not read", error=str(error))
    decisions.decide_by_rule(database_clock.now())
    return writing.write(group)


@shared_task(name="syncs.purge_memberships")
def purge_memberships() -> int:
    """Delete old rows of readings."""
    return reader.purge()


@shared_task(name="syncs.erase_stores")
def erase_stores() -> int:
    """Continue erasure orders in the data stores and return their number."""
    until = time.monotonic() + TURN
    taken = 0
    while time.monotonic() < until and datastores.step():
        taken += 1
    return taken
