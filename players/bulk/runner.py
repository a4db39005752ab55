"""Carrying bulk jobs out: one row is one transaction, with what came of it, so a process may end
anywhere.

The job's row is locked for the length of that transaction and of no other, so two workers never do
the same row, and rows are done in their order: a later event is taken back before the earlier one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import inf

import structlog
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Target, record
from common import retry
from common.amounts import hundredths, points
from common.errors import Refused, Unconfirmed
from players.bulk import jobs
from players.bulk.actions import KINDS, REVERT, Doing, revert
from players.bulk.jobs import BARE
from players.membership import freshness
from players.models import Approval, BulkJob, BulkRow
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.approvals import who_asked
from players.moderation.authorization import take_turn

READ_EVERY = 30.0  # seconds after which whoever asked is read from Roblox again
BY_ITSELF = Actor("system", "bulk", "bulk")
FAULT = "A fault of the program; the log has it. The player is as before."
Status = BulkRow.Status

log = structlog.get_logger("grps.bulk")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a row."""

    status: BulkRow.Status
    note: str = ""
    event: int | None = None
    request: Approval | None = None


def run_due(seconds: float = inf) -> int:
    """Carry out what is under way, for about so many seconds; how many rows were settled."""
    until, settled = time.monotonic() + seconds, 0
    for job_id in (
        BulkJob.objects.filter(status=BulkJob.Status.RUNNING)
        .order_by("pk")
        .values_list("pk", flat=True)
    ):
        settled += run(job_id, until)
    return settled


def run(job_id: int, until: float = inf, on_row: Callable[[], None] = lambda: None) -> int:
    """Carry one job out, to its end or to that moment of the monotonic clock; how many rows were
    settled.
    """
    settled, read_at = 0, -inf
    while time.monotonic() < until:
        if time.monotonic() - read_at > READ_EVERY:
            read_at = time.monotonic()
            freshness.before_act(_requester_id(job_id))
        if not step(job_id):
            break
        settled += 1
        on_row()
    return settled


def _requester_id(job_id: int) -> int | None:
    return BulkJob.objects.filter(pk=job_id).values_list("requester__user_id", flat=True).first()


@retry.on_contention
def step(job_id: int) -> bool:
    """Settle the next row of a job, or end it when none is left; whether there is more to do.

    False too while another process is at it.
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
        row = _next(job)
        if row is None:
            _finish(job)
            return False
        assert job.event is not None
        try:
            by = who_asked(job.requester, job.event)
        except Unconfirmed:
            return False  # the sweep goes on once Roblox answers again
        except Refused:
            _give_up(job)
            return True
        _note(job, row, _settle(job, row, by))
        return True


def _next(job: BulkJob) -> BulkRow | None:
    rows = BulkRow.objects.filter(job=job, line__gt=job.line, status=Status.PENDING)
    return rows.select_related("player").order_by("line").first()


def _settle(job: BulkJob, row: BulkRow, by: Staff) -> Result:
    """Call the rule. What fails unexpectedly is undone, logged and shown with the row, and the
    others go on.
    """
    assert row.player is not None
    do = revert if job.act == REVERT else KINDS[job.act].do
    paid = jobs.paid(job) if row.amount else None
    doing = Doing(
        row.player,
        row.subject or 0,
        job.arguments,
        by,
        job.reason,
        timezone.now(),
        job.settled,
        paid,
    )
    try:
        with transaction.atomic():
            return _do(do, doing)
    except OperationalError:
        raise
    except Exception:
        log.exception("a row failed", job=job.pk, line=row.line, act=job.act)
        return Result(Status.FAILED, FAULT)


def _do(do: Callable[[Doing], tuple[int | None, Approval | None]], doing: Doing) -> Result:
    try:
        event, request = do(doing)
    except (
        Refused
    ) as refusal:  # kept within the savepoint: the audit log has been told of who may not
        return Result(Status.SKIPPED, str(refusal))
    if request is not None:
        return Result(Status.HELD, request=request)
    return Result(Status.DONE, event=event)


def _note(job: BulkJob, row: BulkRow, result: Result) -> None:
    if row.amount and job.charged_on is not None:
        _settle_charge(job, abs(row.amount), done=result.status == Status.DONE)
    BulkRow.objects.filter(job=job, line=row.line).update(
        status=result.status, note=result.note, event=result.event, request=result.request
    )
    counter = str(result.status)
    BulkJob.objects.filter(pk=job.pk).update(line=row.line, **{counter: F(counter) + 1})


def _settle_charge(job: BulkJob, amount: Decimal, *, done: bool, players: int = 1) -> None:
    """Take rows out of what the job has reserved of its day; what was not done is given back to
    that day.
    """
    assert job.charged_on is not None
    BulkJob.objects.filter(pk=job.pk).update(reserved=F("reserved") - amount)
    if not done:
        daily_limit.give_back(
            job.requested_by,
            job.charged_on,
            hundredths(amount),
            players=players,
            approved=job.settled,
        )


def _give_up(job: BulkJob) -> None:
    """Whoever asked may not act any more: the rows that are left stay undone."""
    if job.charged_on is not None:
        total, players, _ = jobs.moved(job)
        _settle_charge(job, points(total), done=False, players=players)
    left = BulkRow.objects.filter(job=job, line__gt=job.line, status=Status.PENDING)
    count = left.update(status=Status.SKIPPED, note="Whoever asked for it may not act any more.")
    BulkJob.objects.filter(pk=job.pk).update(skipped=F("skipped") + count)


def _finish(job: BulkJob) -> None:
    BulkJob.objects.filter(pk=job.pk).update(
        status=BulkJob.Status.DONE, finished_at=timezone.now(), arguments=BARE
    )
    record(
        Action.BULK_FINISHED,
        actor=BY_ITSELF,
        target=Target("bulk", str(job.pk), ""),
        details={"act": job.act, "started": job.event}
        | {name: getattr(job, name) for name in ("done", "held", "skipped", "failed")},
    )
