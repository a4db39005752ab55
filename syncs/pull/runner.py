"""Run a claimed job: read a page from Roblox, store it with its checkpoint, repeat.

Calls to Roblox run in threads that never use the database. The job's own thread waits for them,
renews the lease and checks whether the job should stop. If a process dies, the last checkpoint
stays and the lease expires.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait

import structlog
from django.db import transaction

from common import database_errors
from common.leases import LeaseLost, backoff, hold
from common.tracing import TracedThreads
from roblox import cloud
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs import jobs
from syncs.models import SyncJob
from syncs.pull.base import Activity, Cursor, PulledPage
from syncs.pull.members import Members
from syncs.pull.points import Leaderboard, Points
from syncs.pull.policy_drift import PolicyDrift
from syncs.pull.restrictions import Restrictions

ACTIVITIES: dict[str, type[Activity]] = {
    SyncJob.Activity.POINTS: Points,
    SyncJob.Activity.LEADERBOARD: Leaderboard,
    SyncJob.Activity.MEMBERS: Members,
    SyncJob.Activity.RESTRICTIONS: Restrictions,
    SyncJob.Activity.POLICY_DRIFT: PolicyDrift,
}
READERS = 16  # calls at the same time; the budget sets the pace
BEAT = 5.0  # seconds between two renewals of the lease
TURN = 30.0  # seconds after which a job is queued behind others
NEW_LISTINGS = 3  # restarts of a listing whose page token Roblox forgot

log = structlog.get_logger("grps.sync")


class Interrupted(Exception):
    """The job was cancelled or paused, or the process ends."""


class Threads:
    """The calls of one job. See `base.Calls`."""

    def __init__(self, job: SyncJob) -> None:
        self.job = job
        self.wanted = ""
        self._stop = threading.Event()
        self._pool = TracedThreads(READERS, thread_name_prefix="open-cloud")
        self._beat_at = 0.0

    def going_on(self) -> bool:
        return not self._stop.is_set()

    def gather[T](self, calls: Sequence[Callable[[], T]]) -> list[T]:
        futures = [self._pool.submit(call) for call in calls]
        try:
            waiting: set[Future[T]] = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=BEAT, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                self.beat()
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def beat(self) -> None:
        """Renew the lease and check whether the job should stop. Raises LeaseLost, Interrupted."""
        if time.monotonic() - self._beat_at < BEAT:
            return
        self.wanted = jobs.renew(self.job)
        self._beat_at = time.monotonic()
        if self.wanted:
            raise Interrupted(self.wanted)

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)


def run(
    job: SyncJob,
    *,
    report: Callable[[SyncJob, PulledPage], None] = lambda job, page: None,
    stopping: Callable[[], bool] = lambda: False,
    turn: float = TURN,
) -> None:
    """Run a claimed job until it ends, must wait, or `turn` seconds are over.

    `report` is called with each page after it was stored. `stopping` returns True when this process
    should end. Errors that are not Roblox's are raised again after the job was rescheduled.
    """
    structlog.contextvars.bind_contextvars(sync_job=job.pk)
    threads = Threads(job)
    try:
        deadline = time.monotonic() + turn
        _read_pages(job, threads, report, lambda: stopping() or time.monotonic() > deadline)
    except LeaseLost:
        log.warning("the job was taken over")
    except Interrupted as interruption:
        _interrupt(job, str(interruption))
    except cloud.NotConfigured as missing:
        jobs.finish(job, jobs.Status.FAILED, str(missing))
    except OpenCloudError as error:
        _reschedule_after(job, error)
    except Exception as error:
        if database_errors.is_unavailable(error):
            raise  # no failure of the job: its lease expires by itself
        jobs.reschedule(job, f"{type(error).__name__}: {error}", jobs.retry_pause(job), failed=True)
        raise
    finally:
        threads.close()
        structlog.contextvars.unbind_contextvars("sync_job")


def _read_pages(
    job: SyncJob,
    threads: Threads,
    report: Callable[[SyncJob, PulledPage], None],
    is_over: Callable[[], bool],
) -> None:
    activity = ACTIVITIES[job.activity](job, threads)
    cursor: Cursor | None = job.cursor
    while cursor is not None:
        if is_over():
            jobs.requeue(job)
            return
        threads.beat()
        try:
            page = activity.page(cursor)
        except OpenCloudError as error:
            cursor = _restart_listing(job, cursor, error)
            continue
        _land(job, page)
        report(job, page)
        if page.question:
            jobs.ask_person(job, page.question)
            return
        cursor = page.cursor
    client = getattr(activity, "universe", None) or getattr(activity, "group", None)
    if client is not None:
        cloud.register_use(client.client)
    jobs.finish(job, jobs.Status.DONE)


def _land(job: SyncJob, page: PulledPage) -> None:
    with transaction.atomic():
        if not hold(job).select_for_update(no_key=True).exists():
            raise LeaseLost(str(job))
        page.land(page)
        counters = dict(job.counters)
        for name, number in {"pages": 1, **page.counts}.items():
            counters[name] = counters.get(name, 0) + number
        jobs.checkpoint(job, page.cursor if page.cursor is not None else job.cursor, counters)
        if job.dry_run:
            for line in page.lines[: jobs.STEPS]:
                jobs.add_step(job, line)


def _restart_listing(job: SyncJob, cursor: Cursor, error: OpenCloudError) -> Cursor:
    """Restart the listing if Roblox forgot the page token. No change is applied twice."""
    anew = int(cursor.get("anew", 0)) + 1
    if error.status != 400 or not cursor.get("token") or anew > NEW_LISTINGS:
        raise error
    jobs.add_step(job, f"Roblox forgot the page of the listing, so it starts again. ({error})")
    return {"anew": anew}


def _interrupt(job: SyncJob, wanted: str) -> None:
    if wanted == "pause":
        jobs.pause_now(job)
    else:
        jobs.finish(job, jobs.Status.CANCELLED)


def _reschedule_after(job: SyncJob, error: OpenCloudError) -> None:
    log.warning("open cloud failed", error=str(error), decision=str(error.decision))
    if error.decision is RetryDecision.GIVE_UP:
        jobs.finish(job, jobs.Status.FAILED, str(error))
    elif error.decision is RetryDecision.WAIT:
        pause = backoff(0, base=max(1.0, error.retry_after or 30.0))
        jobs.reschedule(job, str(error), pause, failed=False)
    else:
        jobs.reschedule(job, str(error), jobs.retry_pause(job), failed=True)
