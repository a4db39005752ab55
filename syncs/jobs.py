"""The life of a sync job: asked for, claimed, carried on page by page, ended. What is pulled stands
in `pull`.
"""

import datetime as dt
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Target, record
from common.errors import NotAllowed, Refused
from common.leases import LEASE, LeaseLost, backoff, claim, hold, over
from players.moderation.actors import Staff
from players.moderation.input import check_reason
from roblox.models import Experience
from syncs.models import SyncJob

Activity, Status = SyncJob.Activity, SyncJob.Status
STEPS = 50
TRIES = 12  # failures in a row before a job is given up
OF_THE_GROUP = {Activity.MEMBERS, Activity.POLICY_DRIFT}


class AlreadyActive(Refused):
    """Another job of the same activity is under way, with other options."""


def request(
    activity: str,
    experience: Experience | None,
    *,
    actor: Actor,
    dry_run: bool = False,
    full: bool = False,
    limit: int | None = None,
    token: str = "",
) -> tuple[SyncJob, bool]:
    """A job for the activity, and whether it is new: the one that is active already serves whoever
    asks for the same.

    `token`: the page of Roblox's listing to begin with. Raises Refused, AlreadyActive.
    """
    if activity not in Activity.values:
        raise Refused(
            f"There is no activity {activity!r}. There are: {', '.join(Activity.values)}."
        )
    if (experience is None) != (activity in OF_THE_GROUP):
        needs = (
            "is about the group: leave out the experience" if experience else "needs an experience"
        )
        raise Refused(f"{activity} {needs}.")
    options = {"dry_run": dry_run, "full": full, "limit": limit}
    while True:
        try:
            job = _make(activity, experience, {"token": token} if token else {}, actor, options)
        except IntegrityError:
            active = SyncJob.objects.filter(
                activity=activity, experience=experience, status__in=SyncJob.ACTIVE
            ).first()
            if active is None:
                continue  # it ended this moment
            if any(getattr(active, name) != value for name, value in options.items()):
                raise AlreadyActive(
                    f"Job {active.pk} does the same with other options; wait for its end or cancel it."
                ) from None
            return active, False
        return SyncJob.objects.select_related("experience").get(pk=job.pk), True


def _make(
    activity: str,
    experience: Experience | None,
    cursor: dict[str, Any],
    actor: Actor,
    options: dict[str, Any],
) -> SyncJob:
    with transaction.atomic():
        job = SyncJob.objects.create(
            activity=activity,
            experience=experience,
            cursor=cursor,
            requested_by=f"{actor.kind}:{actor.id}",
            **options,
        )
        record(
            Action.SYNC_REQUESTED,
            actor=actor,
            target=Target("job", str(job.pk), ""),
            experience=experience.key if experience else "",
            details={"activity": activity, **options},
        )
        return job


def claim_one(job_id: int | None = None) -> SyncJob | None:
    """A job that is due and that nobody works on, now ours and running; None when there is none."""
    due = SyncJob.objects.filter(status__in=[Status.QUEUED, Status.RUNNING]).select_related(
        "experience"
    )
    if job_id is not None:
        due = due.filter(pk=job_id)
    found = claim(due, 1)
    if not found:
        return None
    job = found[0]
    now = timezone.now()
    job.status, job.started_at, job.heartbeat_at = Status.RUNNING, job.started_at or now, now
    hold(job).update(status=job.status, started_at=job.started_at, heartbeat_at=now)
    return job


def release_dead() -> int:
    """Jobs whose process is gone are queued, not running; how many there were."""
    dead = SyncJob.objects.filter(over(), status=Status.RUNNING)
    return dead.update(
        status=Status.QUEUED, error="Its process ended; it goes on from its last page by itself."
    )


def beat(job: SyncJob) -> str:
    """Hold the job for another while; what somebody wants of it (`cancel`, `pause` or nothing).
    Raises LeaseLost.
    """
    now = timezone.now()
    if not hold(job).update(lease_until=Now() + LEASE, heartbeat_at=now):
        raise LeaseLost(str(job))
    return str(SyncJob.objects.values_list("wanted", flat=True).get(pk=job.pk))


def checkpoint(job: SyncJob, cursor: dict[str, Any], counters: dict[str, int]) -> None:
    """Write how far the job is. In the transaction of the page that it tells of. Raises LeaseLost."""
    now = timezone.now()
    job.cursor, job.counters, job.attempts, job.error = cursor, counters, 0, ""
    held = hold(job).update(
        cursor=cursor,
        counters=counters,
        attempts=0,
        error="",
        heartbeat_at=now,
        lease_until=Now() + LEASE,
    )
    if not held:
        raise LeaseLost(str(job))


def say(job: SyncJob, text: str) -> None:
    """Add a line to the job's log."""
    job.steps = [*job.steps, {"at": timezone.now().isoformat(timespec="seconds"), "text": text}][
        -STEPS:
    ]
    hold(job).update(steps=job.steps)


def finish(job: SyncJob, status: SyncJob.Status, error: str = "") -> None:
    """End the job for good."""
    with transaction.atomic():
        now = timezone.now()
        say(job, error or f"{status}.")
        ended = {
            "status": status,
            "error": error,
            "finished_at": now,
            "lease": "",
            "lease_until": None,
            "wanted": "",
        }
        if not hold(job).update(**ended):
            return
        _told(job, status, error)
    job.status, job.error, job.finished_at = status, error, now


def ask(job: SyncJob, question: str) -> None:
    """Let the job wait for a person's word; what an earlier job of the same kind asked is
    withdrawn.
    """
    with transaction.atomic():
        say(job, question)
        waiting = {
            "status": Status.WAITING,
            "question": question,
            "lease": "",
            "lease_until": None,
            "wanted": "",
        }
        if not hold(job).update(**waiting):
            return
        withdraw_questions(job)
        record(
            Action.SYNC_ASKED,
            actor=Actor("system", f"sync-{job.activity}", f"sync {job.pk}"),
            target=Target("job", str(job.pk), ""),
            details={"activity": str(job.activity), "question": question},
        )
    job.status, job.question = Status.WAITING, question


def withdraw_questions(job: SyncJob) -> None:
    """End the jobs before this one that still wait for an answer: this one knows better."""
    earlier = SyncJob.objects.filter(
        activity=job.activity, experience=job.experience, status=Status.WAITING
    )
    earlier.filter(pk__lt=job.pk).update(
        status=Status.CANCELLED,
        error=f"Job {job.pk} read it all again.",
        finished_at=timezone.now(),
    )


def confirm(job_id: int, *, by: Staff, reason: str) -> SyncJob:
    """Let a job go on that waits for a person. Raises Refused, and NotAllowed for whoever may not
    run pulls.
    """
    reason = check_reason(reason)
    if not by.has("console.sync"):
        raise NotAllowed("You may not: only those who run pulls confirm this.")
    try:
        with transaction.atomic():
            job = _locked(job_id)
            if job.status != Status.WAITING:
                raise Refused(f"Job {job_id} is {job.status}; it asks nothing.")
            job.status, job.confirmed_by, job.error = Status.QUEUED, by.person, ""
            job.retry_at = timezone.now()
            job.save(update_fields=["status", "confirmed_by", "error", "retry_at"])
            record(
                Action.SYNC_CONFIRMED,
                actor=by.actor,
                target=Target("job", str(job.pk), ""),
                reason=reason,
                details={"activity": str(job.activity), "question": job.question},
            )
            return job
    except IntegrityError:
        raise Refused("Another job of the same kind is under way; wait for its end.") from None


def later(job: SyncJob, error: str, pause: dt.timedelta, *, failed: bool) -> None:
    """Let the job go on after `pause`. `failed`: it counts as a failure, and too many in a row end
    it.
    """
    attempts = job.attempts + 1 if failed else job.attempts
    if attempts >= TRIES:
        finish(job, Status.FAILED, f"{error} (given up after {attempts} tries)")
        return
    say(job, error)
    hold(job).update(
        status=Status.QUEUED,
        attempts=attempts,
        error=error,
        retry_at=Now() + pause,
        lease="",
        lease_until=None,
    )


def retry_pause(job: SyncJob) -> dt.timedelta:
    return backoff(job.attempts)


def yield_(job: SyncJob) -> None:
    """Let others have their turn; whoever is free goes on at once."""
    hold(job).update(status=Status.QUEUED, retry_at=Now(), lease="", lease_until=None)


def pause_now(job: SyncJob) -> None:
    say(job, "paused.")
    hold(job).update(status=Status.PAUSED, wanted="", lease="", lease_until=None)


def cancel(job_id: int, *, actor: Actor) -> SyncJob:
    """End a job at its next page; at once when nobody works on it. Raises Refused when it has
    ended.
    """
    return _want(job_id, "cancel", Status.CANCELLED, actor)


def pause(job_id: int, *, actor: Actor) -> SyncJob:
    """Stop a job at its next page until it is resumed. Raises Refused when it has ended."""
    return _want(job_id, "pause", Status.PAUSED, actor)


def resume(job_id: int, *, actor: Actor) -> SyncJob:
    """Let a paused job go on, or a failed one from the page that it had reached. Raises Refused."""
    try:
        with transaction.atomic():
            job = _locked(job_id)
            if job.status not in {Status.PAUSED, Status.FAILED}:
                raise Refused(
                    f"Job {job_id} is {job.status}; only a paused or failed job can be resumed."
                )
            job.status, job.attempts, job.error, job.finished_at = Status.QUEUED, 0, "", None
            SyncJob.objects.filter(pk=job_id).update(
                status=job.status, attempts=0, error="", finished_at=None, wanted="", retry_at=Now()
            )
            return job
    except IntegrityError:
        raise Refused("Another job of the same kind is under way; wait for its end.") from None


def _want(job_id: int, wish: str, at_once: SyncJob.Status, actor: Actor) -> SyncJob:
    with transaction.atomic():
        job = _locked(job_id)
        if job.status not in {*SyncJob.ACTIVE, Status.WAITING}:
            raise Refused(f"Job {job_id} is {job.status} already.")
        if job.status == Status.WAITING and wish != "cancel":
            raise Refused(f"Job {job_id} waits for a person: confirm or cancel it.")
        if SyncJob.objects.filter(pk=job_id).exclude(Q(lease_until=None) | over()).exists():
            job.wanted = wish
            SyncJob.objects.filter(pk=job_id).update(wanted=wish)
            return job
        job.status = at_once
        ended = timezone.now() if at_once == Status.CANCELLED else None
        SyncJob.objects.filter(pk=job_id).update(
            status=at_once, wanted="", lease="", lease_until=None, finished_at=ended, error=""
        )
        job.finished_at = ended
        if at_once == Status.CANCELLED:
            _told(job, at_once, "", actor)
        return job


def _locked(job_id: int) -> SyncJob:
    found = SyncJob.objects.select_for_update(of=("self",)).select_related("experience")
    job = found.filter(pk=job_id).first()
    if job is None:
        raise Refused(f"There is no sync job {job_id}.")
    return job


def _told(job: SyncJob, status: SyncJob.Status, error: str, actor: Actor | None = None) -> None:
    record(
        Action.SYNC_FINISHED,
        actor=actor or Actor("system", f"sync-{job.activity}", f"sync {job.pk}"),
        target=Target("job", str(job.pk), ""),
        experience=job.experience.key if job.experience else "",
        reason=error,  # what Roblox said may name somebody
        details={"activity": str(job.activity), "status": str(status), "counters": job.counters},
    )


def present_status(job: SyncJob, now: dt.datetime) -> str:
    """`running` only while somebody holds it."""
    if job.status == Status.RUNNING and (job.lease_until is None or job.lease_until < now):
        return str(Status.QUEUED)
    return str(job.status)
