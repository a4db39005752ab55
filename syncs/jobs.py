"""The states of a sync job: requested, claimed, running page by page, ended.

`syncs.pull` defines what a job reads.
"""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
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
    """Another job of the same activity is active, with other options."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a pull. `full` reads every entry, `limit` only the first ones."""

    dry_run: bool = False
    full: bool = False
    limit: int | None = None


def request(
    activity: str,
    experience: Experience | None,
    *,
    actor: Actor,
    options: Options = Options(),
    token: str = "",
) -> tuple[SyncJob, bool]:
    """Return a job for the activity and whether it is new. An active one is reused.

    Raises AlreadyActive if the active job has other options, and Refused for other errors. `token`
    is the page of Roblox's listing to begin with.
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
    cursor = {"token": token} if token else {}
    job = SyncJob(activity=activity, experience=experience, cursor=cursor, **asdict(options))
    while True:
        try:
            _create(job, actor, options)
        except IntegrityError:
            active = _active_like(job)
            if active is None:
                continue  # it has just ended
            if Options(active.dry_run, active.full, active.limit) != options:
                raise AlreadyActive(
                    f"Job {active.pk} does the same with other options; wait for its end or cancel"
                    " it."
                ) from None
            return active, False
        return SyncJob.objects.select_related("experience").get(pk=job.pk), True


def _active_like(job: SyncJob) -> SyncJob | None:
    rows = SyncJob.objects.filter(status__in=SyncJob.ACTIVE)
    return rows.filter(activity=job.activity, experience=job.experience).first()


def _create(job: SyncJob, actor: Actor, options: Options) -> None:
    job.pk, job.requested_by = None, f"{actor.kind}:{actor.id}"
    with transaction.atomic():
        job.save(force_insert=True)
        _record(job, Action.SYNC_REQUESTED, actor, **asdict(options))


def claim_one(job_id: int | None = None) -> SyncJob | None:
    """Claim a due job and mark it running. None if there is none."""
    due = SyncJob.objects.filter(status__in=[Status.QUEUED, Status.RUNNING]).select_related(
        "experience"
    )
    if job_id is not None:
        due = due.filter(pk=job_id)
    found = claim(due, 1)
    if not found:
        return None
    job = found[0]
    now = database_clock.now()
    job.status, job.started_at, job.heartbeat_at = Status.RUNNING, job.started_at or now, now
    hold(job).update(status=job.status, started_at=job.started_at, heartbeat_at=now)
    return job


def release_dead() -> int:
    """Queue the running jobs of processes that died, and return their number."""
    dead = SyncJob.objects.filter(over(), status=Status.RUNNING)
    return dead.update(
        status=Status.QUEUED, error="Its process ended. It continues from its last page."
    )


def renew(job: SyncJob) -> str:
    """Renew the lease and return the requested stop: "cancel", "pause" or "". Raises LeaseLost."""
    now = database_clock.now()
    if not hold(job).update(lease_until=Now() + LEASE, heartbeat_at=now):
        raise LeaseLost(str(job))
    return str(SyncJob.objects.values_list("wanted", flat=True).get(pk=job.pk))


def checkpoint(job: SyncJob, cursor: dict[str, Any], counters: dict[str, int]) -> None:
    """Store the job's progress in the transaction that stores the page. Raises LeaseLost."""
    now = database_clock.now()
    job.cursor, job.counters, job.attempts, job.error = cursor, counters, 0, ""
    renewed = hold(job).update(
        cursor=cursor,
        counters=counters,
        attempts=0,
        error="",
        heartbeat_at=now,
        lease_until=Now() + LEASE,
    )
    if not renewed:
        raise LeaseLost(str(job))


def add_step(job: SyncJob, text: str) -> None:
    """Add a line to the job's log."""
    job.steps = [
        *job.steps,
        {"at": database_clock.now().isoformat(timespec="seconds"), "text": text},
    ][-STEPS:]
    hold(job).update(steps=job.steps)


def finish(job: SyncJob, status: SyncJob.Status, error: str = "") -> None:
    with transaction.atomic():
        now = database_clock.now()
        add_step(job, error or f"{status}.")
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
        _record_end(job, status, error, _job_actor(job))
    job.status, job.error, job.finished_at = status, error, now


def ask_person(job: SyncJob, question: str) -> None:
    """Store the question, so that the job waits for a person. Earlier jobs that wait are cancelled."""
    with transaction.atomic():
        add_step(job, question)
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
        _record(job, Action.SYNC_ASKED, _job_actor(job), question=question)
    job.status, job.question = Status.WAITING, question


def withdraw_questions(job: SyncJob) -> None:
    """Cancel the earlier jobs of this activity that still wait for an answer."""
    earlier = SyncJob.objects.filter(
        activity=job.activity, experience=job.experience, status=Status.WAITING
    )
    earlier.filter(pk__lt=job.pk).update(
        status=Status.CANCELLED,
        error=f"Job {job.pk} read everything again.",
        finished_at=database_clock.now(),
    )


def confirm(job_id: int, *, by: Staff, reason: str) -> SyncJob:
    """Continue a job that waits for a confirmation. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    if not by.has("console.sync"):
        raise NotAllowed("You may not: only those who run pulls confirm this.")
    try:
        with transaction.atomic():
            job = _locked(job_id)
            if job.status != Status.WAITING:
                raise Refused(f"Job {job_id} is {job.status}; it asks nothing.")
            job.status, job.confirmed_by, job.error = Status.QUEUED, by.person, ""
            job.retry_at = database_clock.now()
            job.save(update_fields=["status", "confirmed_by", "error", "retry_at"])
            _record(job, Action.SYNC_CONFIRMED, by.actor, reason, question=job.question)
            return job
    except IntegrityError:
        raise Refused("Another job of the same kind is under way; wait for its end.") from None


def reschedule(job: SyncJob, error: str, pause: dt.timedelta, *, failed: bool) -> None:
    """Queue the job again after `pause`. `failed` counts a failure; TRIES in a row end the job."""
    attempts = job.attempts + 1 if failed else job.attempts
    if attempts >= TRIES:
        finish(job, Status.FAILED, f"{error} (given up after {attempts} tries)")
        return
    add_step(job, error)
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


def requeue(job: SyncJob) -> None:
    """Queue the job behind the other due jobs."""
    hold(job).update(status=Status.QUEUED, retry_at=Now(), lease="", lease_until=None)


def pause_now(job: SyncJob) -> None:
    add_step(job, "paused.")
    hold(job).update(status=Status.PAUSED, wanted="", lease="", lease_until=None)


def cancel(job_id: int, *, actor: Actor, reason: str = "") -> SyncJob:
    """End a job after its current page, or now if it does not run. Raises Refused if it has ended."""
    return _stop(job_id, "cancel", actor, reason)


def pause(job_id: int, *, actor: Actor, reason: str = "") -> SyncJob:
    """Stop a job after its current page until it is resumed. Raises Refused if it has ended."""
    return _stop(job_id, "pause", actor, reason)


def resume(job_id: int, *, actor: Actor, reason: str = "") -> SyncJob:
    """Continue a paused job, or a failed one from its last page. Raises Refused for other jobs."""
    try:
        with transaction.atomic():
            job = _locked(job_id)
            if job.status not in {Status.PAUSED, Status.FAILED}:
                raise Refused(
                    f"Job {job_id} is {job.status}; only a paused or failed job can be resumed."
                )
            was = str(job.status)
            job.status, job.attempts, job.error, job.finished_at = Status.QUEUED, 0, "", None
            SyncJob.objects.filter(pk=job_id).update(
                status=job.status, attempts=0, error="", finished_at=None, wanted="", retry_at=Now()
            )
            _record(job, Action.SYNC_RESUMED, actor, reason, was=was)
            return job
    except IntegrityError:
        raise Refused("Another job of the same kind is under way; wait for its end.") from None


def _stop(job_id: int, wanted: str, actor: Actor, reason: str) -> SyncJob:
    with transaction.atomic():
        job = _locked(job_id)
        if job.status not in {*SyncJob.ACTIVE, Status.WAITING}:
            raise Refused(f"Job {job_id} is {job.status} already.")
        if job.status == Status.WAITING and wanted != "cancel":
            raise Refused(f"Job {job_id} waits for a person: confirm or cancel it.")
        if wanted == "pause" and job.status != Status.PAUSED and job.wanted != "pause":
            _record(job, Action.SYNC_PAUSED, actor, reason)
        if SyncJob.objects.filter(pk=job_id).exclude(Q(lease_until=None) | over()).exists():
            job.wanted = wanted
            SyncJob.objects.filter(pk=job_id).update(wanted=wanted)
            return job
        if wanted == "pause":
            return _end_now(job, Status.PAUSED, None)
        _record_end(job, Status.CANCELLED, reason, actor)
        return _end_now(job, Status.CANCELLED, database_clock.now())


def _end_now(job: SyncJob, status: SyncJob.Status, finished_at: dt.datetime | None) -> SyncJob:
    job.status, job.finished_at = status, finished_at
    SyncJob.objects.filter(pk=job.pk).update(
        status=status, wanted="", lease="", lease_until=None, finished_at=finished_at, error=""
    )
    return job


def _locked(job_id: int) -> SyncJob:
    found = SyncJob.objects.select_for_update(of=("self",)).select_related("experience")
    job = found.filter(pk=job_id).first()
    if job is None:
        raise Refused(f"There is no sync job {job_id}.")
    return job


def _record_end(job: SyncJob, status: SyncJob.Status, reason: str, actor: Actor) -> None:
    """Record the end of a job. `reason` may be a message of Roblox, which may name a person."""
    _record(job, Action.SYNC_FINISHED, actor, reason, status=str(status), counters=job.counters)


def _record(
    job: SyncJob, action: Action, actor: Actor, reason: str = "", **details: object
) -> None:
    record(
        action,
        actor=actor,
        target=Target("job", str(job.pk), ""),
        experience=job.experience.key if job.experience else "",
        reason=reason,
        details={"activity": str(job.activity), **details},
    )


def _job_actor(job: SyncJob) -> Actor:
    return Actor("system", f"sync-{job.activity}", f"sync {job.pk}")


def present_status(job: SyncJob, now: dt.datetime) -> str:
    """Return the status. A running job whose process died counts as queued."""
    if job.status == Status.RUNNING and (job.lease_until is None or job.lease_until < now):
        return str(Status.QUEUED)
    return str(job.status)
