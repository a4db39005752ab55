"""HTTP operations for pulls, for programs that sign their calls: request, list and cancel jobs."""

import re
import threading
import time

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.record import Actor
from common import database_clock
from common.errors import Refused
from players.api import parameters
from players.api.base import Conflict, View, parsed_body
from players.api.parameters import page_size
from roblox.models import Experience
from syncs import jobs, tasks
from syncs.models import SyncJob
from syncs.schemas import JobOut, JobsOut, StepOut, SyncIn

AUTOMATION = Actor("system", "automation", "automation")
JOBS_LIMIT = page_size(25, 100)
AFTER_JOB = parameters.cursor(parameters.ID)
WAIT = re.compile(r"\bwait=(\d{1,4})\b")
LONGEST_WAIT = 30  # seconds that a request is held
LOOK_EVERY = 0.25
_waiting = threading.Lock()  # one request of this process waits at a time


class SyncRoblox(View):
    """Request a pull from Roblox. If the same pull is active, the answer is that job.

    `Prefer: wait=30` delays the answer until the job has ended, for at most that many seconds.
    While one call waits, further calls to the same web process are answered at once.
    """

    caller, request_body, response_body = "signed", SyncIn, JobOut
    response_status = 202
    error_statuses = (400, 404, 409)

    def post(self, request: Request) -> Response:
        asked = parsed_body(request, SyncIn)
        made = [self._request(asked, experience) for experience in _experiences(asked)]
        tasks.RUNNING.give()
        _await(made, _patience(request))
        first = SyncJob.objects.select_related("experience").get(pk=made[0].pk)
        out = _job(first, [job.pk for job in made])
        return Response(out, status=202, headers={"Location": f"/sync/jobs/{first.pk}"})

    def _request(self, asked: SyncIn, experience: Experience | None) -> SyncJob:
        try:
            return jobs.request(
                asked.activity,
                experience,
                actor=AUTOMATION,
                options=jobs.Options(asked.dry_run, asked.full, asked.limit),
                token=asked.cursor,
            )[0]
        except jobs.AlreadyActive as reason:
            raise Conflict(str(reason)) from None
        except Refused as reason:
            raise ValidationError({"activity": str(reason)}) from None


class SyncJobs(View):
    """Sync jobs, the newest first."""

    caller, response_body = "signed", JobsOut
    query_parameters = (JOBS_LIMIT, AFTER_JOB)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, JOBS_LIMIT)
        after = parameters.text(request, AFTER_JOB)
        rows = SyncJob.objects.select_related("experience").order_by("-pk")
        found = list((rows.filter(pk__lt=int(after)) if after else rows)[: size + 1])
        following = str(found[size - 1].pk) if len(found) > size else None
        return Response(JobsOut([_job(job) for job in found[:size]], following))


class OneSyncJob(View):
    """One sync job."""

    caller, response_body, error_statuses = "signed", JobOut, (404,)

    def get(self, request: Request, id: int) -> Response:
        return Response(_job(_found(id)))


class CancelSyncJob(View):
    """Cancel a job after its current page. Pages that are already stored stay."""

    caller, response_body, error_statuses = "signed", JobOut, (404, 409)

    def post(self, request: Request, id: int) -> Response:
        _found(id)
        try:
            jobs.cancel(id, actor=AUTOMATION)
        except Refused as reason:
            raise Conflict(str(reason)) from None
        return Response(_job(_found(id)))


def _experiences(asked: SyncIn) -> list[Experience | None]:
    if asked.activity in jobs.OF_THE_GROUP and asked.experience is None:
        return [None]
    enabled = Experience.objects.filter(enabled=True)
    if asked.experience is not None:
        found = enabled.filter(key=asked.experience).first()
        if found is None:
            raise NotFound(f"No experience has the key {asked.experience}.")
        return [found]
    every = [*enabled.exclude(universe_id=None)]
    if not every:
        raise Conflict(
            "No experience has a universe yet: set ROBLOX_UNIVERSE_ID and run `manage.py"
            " bootstrap`."
        )
    return [*every]


def _patience(request: Request) -> float:
    wanted = WAIT.search(request.headers.get("Prefer", ""))
    return min(int(wanted[1]), LONGEST_WAIT) if wanted else 0


def _await(made: list[SyncJob], seconds: float) -> None:
    """Wait until the jobs end. Only one call waits at a time: it blocks a thread that games need."""
    deadline = time.monotonic() + seconds
    if not seconds or not _waiting.acquire(blocking=False):
        return
    active = SyncJob.objects.filter(pk__in=[job.pk for job in made], status__in=SyncJob.ACTIVE)
    try:
        while time.monotonic() < deadline and active.exists():
            time.sleep(LOOK_EVERY)
    finally:
        _waiting.release()


def _found(job_id: int) -> SyncJob:
    job = SyncJob.objects.select_related("experience").filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no sync job {job_id}.")
    return job


def _job(job: SyncJob, together: list[int] | None = None) -> JobOut:
    now = database_clock.now()
    status = jobs.present_status(job, now)
    return JobOut(
        id=job.pk,
        activity=job.activity,
        experience=job.experience.key if job.experience else None,
        status=status,
        question=job.question if status == SyncJob.Status.WAITING else "",
        dry_run=job.dry_run,
        full=job.full,
        limit=job.limit,
        counters=job.counters,
        error=job.error,
        attempts=job.attempts,
        requested_by=job.requested_by,
        created_at=job.created_at,
        started_at=job.started_at,
        heartbeat_at=job.heartbeat_at,
        finished_at=job.finished_at,
        retry_at=job.retry_at if status == SyncJob.Status.QUEUED and job.retry_at > now else None,
        steps=[StepOut(step["at"], step["text"]) for step in job.steps],
        jobs=together or [job.pk],
    )
