"""Run a job in this process, or watch the process that runs it, with a progress bar."""

import time
from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from common import database_clock
from roblox import cloud
from roblox.open_cloud.operations import BUDGETS
from syncs import jobs
from syncs.models import SyncJob
from syncs.pull.base import PulledPage
from syncs.pull.runner import run

DONE, FAILED, WAITING = 0, 1, 2  # exit codes
LOOK_EVERY = 1.0  # seconds
UNDER_WAY = {SyncJob.Status.QUEUED, SyncJob.Status.RUNNING}


def follow(job: SyncJob, console: Console) -> int:
    """Follow the job until it ends, waits or is paused. Return the exit code."""
    name = f"{job.activity} {job.experience.key if job.experience else ''}".strip()
    with Progress(*_columns(), console=console) as bar:
        job = _Follower(job, name, bar).follow()
    if job.status == SyncJob.Status.WAITING:
        command = f"manage.py sync confirm {job.pk} --reason ..."
        console.print(f"{name}: {job.question} To continue: {command}")
        return WAITING
    console.print(f"{name}: {job.status}. {job.error or describe(job.counters)}")
    return {SyncJob.Status.DONE: DONE, SyncJob.Status.FAILED: FAILED}.get(
        SyncJob.Status(job.status), WAITING
    )


def describe(counters: dict[str, int]) -> str:
    first = [name for name in ("listed", "read", "changed", "adopted") if name in counters]
    others = sorted(set(counters) - {*first, "pages"})
    return ", ".join(f"{counters[name]:,} {name}" for name in first + others)


class _Follower:
    def __init__(self, job: SyncJob, name: str, bar: Progress) -> None:
        self.job, self.name, self.bar = job, name, bar
        self.started = time.monotonic()
        self.line = bar.add_task(name, total=_expected(job), counted="", budget="")

    def follow(self) -> SyncJob:
        while True:
            claimed = jobs.claim_one(self.job.pk)
            if claimed is not None:
                run(claimed, report=self._report)
            job = self.job = SyncJob.objects.select_related("experience").get(pk=self.job.pk)
            self._show(job)
            if job.status not in UNDER_WAY:
                return job
            if job.retry_at > database_clock.now():
                at = f"{job.retry_at:%H:%M:%S} UTC"
                self.bar.console.print(f"{self.name}: {job.error} Next try: {at}.", style="yellow")
            time.sleep(LOOK_EVERY)

    def _report(self, job: SyncJob, page: PulledPage) -> None:
        self._show(job)
        self.bar.update(self.line, budget=_budget(job, time.monotonic() - self.started))
        for text in page.lines if job.dry_run else ():
            self.bar.console.print(text)

    def _show(self, job: SyncJob) -> None:
        listed = job.counters.get("listed", 0)
        self.bar.update(self.line, completed=listed, counted=describe(job.counters))


def _columns() -> Iterable[ProgressColumn]:
    yield TextColumn("{task.description}")
    yield BarColumn()
    yield TextColumn("{task.fields[counted]}")
    yield TextColumn("{task.fields[budget]}", style="dim")
    yield TimeElapsedColumn()
    yield TimeRemainingColumn()


def _expected(job: SyncJob) -> int | None:
    """Estimate the number of entries from the last complete job. None if it is unknown."""
    if job.limit is not None:
        return job.limit
    before = SyncJob.objects.filter(
        activity=job.activity, experience=job.experience, status=SyncJob.Status.DONE, limit=None
    )
    last = before.order_by("-pk").values_list("counters", flat=True).first()
    return int(last.get("listed", 0)) or None if last else None


def _budget(job: SyncJob, seconds: float) -> str:
    """Describe the calls a minute that this process made, for each rate limit."""
    client = cloud.universe(job.experience).client if job.experience else cloud.group().client
    parts = []
    for name, calls in client.pacer.spent.items():
        limit = client.pacer.limit(BUDGETS[name])
        if limit is not None and calls > 1:
            rate, most = calls / max(seconds, 1) * 60, limit * 60 / BUDGETS[name].window
            parts.append(f"{name} {rate:.0f} of {most:.0f}/min")
    return ", ".join(parts)
