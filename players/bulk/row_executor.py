"""Run bulk jobs row by row: one act, its result and the progress in one transaction.

The job's row stays locked for that transaction, so two workers never execute the same row. Rows run
in order: a later event is reverted before the earlier one that it depends on.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from time import monotonic
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import RawSQL

from audits.actions import Action
from audits.queries import events_by_id
from audits.record import Actor, Target, record
from common import database_clock, database_errors
from common.amounts import hundredths
from common.errors import Refused, Unconfirmed
from common.retry import on_contention
from players.bulk import actions, engine, reservations, reversals
from players.bulk.actions import REVERT, Invocation, described
from players.bulk.engine import JobType
from players.bulk.facts import Case, Judge
from players.models import Approval, BulkJob, BulkRow
from players.moderation.actors import Staff
from players.moderation.authorization import Permission
from players.moderation.locks import take_turn
from players.moderation.requesters import requester_by_event
from players.policy.permissions import CHANGES_RANK, Act

RIGHT = "console.bulk"
BY_ITSELF = Actor("system", "bulk", "bulk")
FAULT = "An error in GRPS, which is in the log. The player is unchanged."
# Note texts and evidence links may identify a person. Notes and sanctions keep them until erasure.
WITHOUT_PERSONAL_DATA = RawSQL("arguments - 'text' - 'evidence'", [])
Status = BulkRow.Status

log = structlog.get_logger("grps.bulk")


class BulkJobs(JobType[BulkJob]):
    """Jobs that perform one act per row, with all checks of the act."""

    model = BulkJob
    approval = act = "bulk"
    key = "job"
    unknown = "There is no bulk job {}; a preview is kept for a day."
    may_be_empty = False

    def why_not_entitled(self, by: Staff) -> str:
        return "" if by.has(RIGHT) else "your rank does not entitle you to mass changes"

    def second_person(
        self, job: BulkJob, by: Staff, now: dt.datetime, *, tripped: bool
    ) -> Permission | None:
        """Return why a second person must approve the job, including what its preview found."""
        if by.bypasses_second_person:
            return None
        found = super().second_person(job, by, now, tripped=tripped)
        if found is None and not job.second:
            return None
        found = found or Permission(True, True, job.second)
        job.second = job.second or found.reason
        return found

    def why_not_approve_rows(self, job: BulkJob, by: Staff, now: dt.datetime) -> str:
        judge = Judge.of(by, now)
        for line, case in _pending_cases(job, by, now):
            found = judge.judge(case)
            if not found.allowed:
                return f"Row {line}: {found.reason}"
        return ""

    def summary(self, job: BulkJob) -> dict[str, Any]:
        return {"act": job.act, "told": described(job.act, job.arguments, job.changing)}

    def sentence(self, approval: Approval) -> str:
        return str(approval.arguments["told"])

    def begin(self, job: BulkJob, by: Staff, now: dt.datetime) -> None:
        job.event = record(
            Action.BULK_STARTED,
            actor=by.actor,
            target=_target(job),
            reason=job.reason,
            details={"act": job.act, "rows": job.changing}
            | ({"approval": job.approval_id} if job.approval_id else {}),
        )
        job.status, job.started_at = BulkJob.Status.RUNNING, now
        job.settled = job.settled or by.bypasses_second_person
        reservations.reserve(job, now)
        job.save()

    def execute(
        self, approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        job = self.locked_waiting(approval)
        job.settled = True
        self.begin(job, requester, now)
        return job.event

    def close(self, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
        """Do nothing, since `results.state` reads the request."""


BULK_JOBS = BulkJobs()
BULK_JOBS.register()


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a row."""

    status: BulkRow.Status
    note: str = ""
    event: int | None = None
    request: Approval | None = None


def run_due(seconds: float = inf) -> int:
    """Run the started jobs for about `seconds`; return the number of executed rows."""
    until = monotonic() + seconds
    started = BulkJob.objects.filter(status=BulkJob.Status.RUNNING).order_by("pk")
    return sum(run(job_id, until) for job_id in started.values_list("pk", flat=True))


def run(job_id: int, until: float = inf) -> int:
    """Run one job to its end or to the moment `until`; return the number of executed rows.

    `until` is a moment of the monotonic clock.
    """
    job = BulkJob.objects.select_related("requester").filter(pk=job_id).first()
    if job is None:
        return 0
    return sum(1 for _ in engine.steps(lambda: step(job_id), job.requester, until))


@on_contention
def step(job_id: int) -> bool:
    """Execute the next row of a job, or finish it; return whether more can be done now.

    Returns False also while another process executes a row of the job.
    """
    with transaction.atomic():
        running = BulkJob.objects.filter(pk=job_id, status=BulkJob.Status.RUNNING)
        take_turn(running.values_list("requested_by", flat=True).first() or "")
        job = (
            running.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("requester")
            .first()
        )
        if job is None:
            return False
        row = _pending_rows(job).filter(line__gt=job.line).first()
        if row is None:
            _finish(job)
            return False
        assert job.event is not None
        try:
            by = requester_by_event(job.requester, job.event)
        except Unconfirmed:
            return False  # a later run continues once Roblox answers again
        except Refused:
            _give_up(job)
            return True
        _store(job, row, _execute(job, row, by))
        return True


def _execute(job: BulkJob, row: BulkRow, by: Staff) -> Result:
    """Perform the act. An unexpected error is rolled back, logged and stored with the row."""
    assert row.player is not None
    players = reservations.volume(job).players if row.amount else 0
    invocation = Invocation(
        row.player,
        row.subject or 0,
        job.arguments,
        by,
        job.reason,
        database_clock.now(),
        job.settled,
        reservations.other_charges(job, players) if row.amount else None,
    )
    try:
        with transaction.atomic():
            return _call(job.act, invocation)
    except Exception as error:
        if database_errors.is_temporary(error):
            raise
        log.exception("a row failed", job=job.pk, line=row.line, act=job.act)
        return Result(Status.FAILED, FAULT)


def _call(act: str, invocation: Invocation) -> Result:
    try:
        event, request = actions.perform(act, invocation)
    except Refused as refusal:  # inside the savepoint, which keeps the audit event of a refusal
        return Result(Status.SKIPPED, str(refusal))
    if request is not None:
        return Result(Status.HELD, request=request)
    return Result(Status.DONE, event=event)


def _store(job: BulkJob, row: BulkRow, result: Result) -> None:
    amount = hundredths(abs(row.amount))
    if result.status == Status.DONE:
        reservations.settle(job, amount)
    elif amount:
        reservations.settle(job, 0, returned=amount, players=1)
    BulkRow.objects.filter(job=job, line=row.line).update(
        status=result.status, note=result.note, event=result.event, request=result.request
    )
    counter = str(result.status)
    BulkJob.objects.filter(pk=job.pk).update(
        line=row.line, reserved=job.reserved, **{counter: F(counter) + 1}
    )


def _give_up(job: BulkJob) -> None:
    """Skip the pending rows if the requester may no longer act."""
    found = reservations.volume(job)
    reservations.settle(job, 0, returned=found.moved, players=found.players)
    skipped = _pending_rows(job).update(
        status=Status.SKIPPED, note="The requester may no longer act."
    )
    BulkJob.objects.filter(pk=job.pk).update(skipped=F("skipped") + skipped, reserved=job.reserved)


def _finish(job: BulkJob) -> None:
    BulkJob.objects.filter(pk=job.pk).update(
        status=BulkJob.Status.DONE,
        finished_at=database_clock.now(),
        arguments=WITHOUT_PERSONAL_DATA,
    )
    record(
        Action.BULK_FINISHED,
        actor=BY_ITSELF,
        target=_target(job),
        details={"act": job.act, "started": job.event}
        | {name: getattr(job, name) for name in ("done", "held", "skipped", "failed")},
    )


def _target(job: BulkJob) -> Target:
    return Target("bulk", str(job.pk), "")


def _pending_rows(job: BulkJob) -> QuerySet[BulkRow]:
    rows = BulkRow.objects.filter(job=job, status=Status.PENDING)
    return rows.select_related("player__rank", "player__former_rank").order_by("line")


def _pending_cases(job: BulkJob, by: Staff, now: dt.datetime) -> Iterator[tuple[int, Case]]:
    """Return line and case of each pending row, to judge whether `by` may do it.

    Whether the act still makes sense is decided when the row is executed.
    """
    rows = list(_pending_rows(job))
    if job.act == REVERT:
        events = events_by_id([row.subject for row in rows if row.subject], personal=False)
        cases = {case.subject: case for case in reversals.cases(events.values())}
        found = [(row.line, cases[row.subject]) for row in rows if row.subject in cases]
    else:
        players = [row.player for row in rows if row.player]
        made = actions.cases(job.act, players, job.arguments, by, now)
        found = list(zip([row.line for row in rows if row.player], made, strict=True))
    return ((line, _without_precondition(case)) for line, case in found)


def _without_precondition(case: Case) -> Case:
    """Reduce the case to a question of permission."""
    act = Act.ADJUST if case.to is None and case.act in CHANGES_RANK else case.act
    return replace(case, act=act, why_not="" if case.player else case.why_not, second="")
