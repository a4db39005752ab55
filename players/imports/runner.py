"""Run imports under a lease, one chunk after the other: read, resolve names, check, apply."""

import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf

from django.db import Error, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import record
from common import database_clock
from common.errors import Refused, Unconfirmed
from common.leases import LeaseLost, backoff, claim, hold, renew
from common.retry import on_contention
from players import leaderboard
from players.bulk import engine, reservations
from players.imports import checks, execution, name_resolution, sources
from players.imports.lifecycle import COPY, IMPORTS, columns_of, target_of
from players.models import Import, ImportRow
from players.moderation.actors import Staff
from players.moderation.locks import take_turn
from players.moderation.requesters import requester_by_event
from roblox import cloud
from roblox.accounts import AccountsUnavailable
from roblox.open_cloud.errors import OpenCloudError

Status = Import.Status
WORKING = (Status.READING, Status.NAMING, Status.CHECKING, Status.APPLYING)
UNCONFIRMED = dt.timedelta(minutes=1)  # until the requester's role is read from Roblox again
FOLD_EVERY = 5  # chunks
KEPT = dt.timedelta(days=90)  # rows of a finished import, so that it can be undone
PREVIEW_KEPT = dt.timedelta(days=7)
PURGED = 20_000  # rows at once
GONE = "the requester may no longer import anything"


def run_due(seconds: float = inf) -> int:
    """Run due imports for about `seconds`; return the number of those worked on."""
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and (
        found := claim(Import.objects.filter(status__in=WORKING), 1)
    ):
        work(found[0], until=until)
        count += 1
    return count


def run(import_id: int, on_chunk: Callable[[Import], None] = lambda job: None) -> bool:
    """Run one import as far as it goes without a person.

    Returns False if it is not due or another process holds it.
    """
    found = claim(Import.objects.filter(pk=import_id, status__in=WORKING), 1)
    for job in found:
        work(job, on_chunk)
    return bool(found)


def work(
    job: Import, on_chunk: Callable[[Import], None] = lambda job: None, until: float = inf
) -> None:
    """Run a claimed import to its next stop, or to the moment `until` of the monotonic clock."""
    try:
        for count, _ in enumerate(engine.steps(lambda: step(job), job.requester, until), 1):
            if count % FOLD_EVERY == 0 and job.status == Status.APPLYING:
                leaderboard.fold()
            on_chunk(job)
    except LeaseLost:
        raise
    except Unconfirmed as reason:
        hold(job).update(error=str(reason), retry_at=Now() + UNCONFIRMED)
    except AccountsUnavailable as error:
        _postpone(job, str(error), dt.timedelta(seconds=error.wait))
    except (OpenCloudError, cloud.NotConfigured) as error:
        wait = getattr(error, "retry_after", None)
        _postpone(job, str(error), dt.timedelta(seconds=wait) if wait else backoff(job.attempts))
    except Exception as error:
        with suppress(Error):  # without a database the lease expires by itself
            _postpone(job, str(error)[:500], backoff(job.attempts))
        raise
    finally:
        with suppress(Error):
            hold(job).update(lease="", lease_until=None)


def step(job: Import) -> bool:
    """Do the next chunk of a claimed import; return whether more can be done now."""
    steps = {
        Status.READING: _read,
        Status.NAMING: _name,
        Status.CHECKING: _check,
        Status.APPLYING: _apply,
    }
    job.refresh_from_db(fields=["status", "line", "rows", "cursor", "effects"])
    do = steps.get(Status(job.status))
    return do(job) if do else False


def purge(now: dt.datetime) -> int:
    """Delete rows of imports that ended long ago, and previews that nobody started."""
    closed = Import.objects.filter(finished_at__lt=now - KEPT)
    old = Import.objects.filter(status=Status.PREVIEW, created_at__lt=now - PREVIEW_KEPT)
    jobs = [*closed.values_list("pk", flat=True), *old.values_list("pk", flat=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM import_rows WHERE ctid = ANY(ARRAY(SELECT ctid FROM import_rows"
            " WHERE job_id = ANY(%s) LIMIT %s))",
            [jobs, PURGED],
        )
        deleted = int(cursor.rowcount)
    if deleted < PURGED:
        old.filter(lines=None).update(status=Status.REJECTED, finished_at=now)
    return deleted


def _postpone(job: Import, error: str, pause: dt.timedelta) -> None:
    hold(job).update(attempts=F("attempts") + 1, error=error, retry_at=Now() + pause)


def _read(job: Import) -> bool:
    renew(job)
    page = sources.read_page(job)
    with transaction.atomic():
        _lock(job, Status.READING)
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in page.rows:
                copy.write_row((job.pk, *columns_of(row)))
        job.rows += len(page.rows)
        job.cursor = page.cursor or {}
        if page.cursor is None:
            job.status = Status.NAMING
        _save(job)
    return True


def _name(job: Import) -> bool:
    rows = name_resolution.rows_after(job)
    changed = name_resolution.ask(rows)
    with transaction.atomic():
        _lock(job, Status.NAMING)
        if rows:
            name_resolution.write(job, rows, changed)
            job.line = rows[-1].line
        else:
            job.status, job.line = Status.CHECKING, 0
        _save(job)
    return True


@on_contention
def _check(job: Import) -> bool:
    with transaction.atomic():
        _lock(job, Status.CHECKING)
        rows, now = checks.rows_after(job), database_clock.now()
        try:
            by = _requester(job)
        except Unconfirmed:
            raise
        except Refused:
            job.status, job.finished_at, job.inverse_of = Status.REJECTED, now, None
            job.save()
            return False
        if rows:
            checks.check(job, rows, checks.planner_for(job, by, now))
            job.line = rows[-1].line
            _save(job)
            return True
        checks.count(job)
        job.status, job.line = Status.PREVIEW, 0
        _save(job)
        _record_preview(job)
    return False


def _apply(job: Import) -> bool:
    rows = checks.rows_after(job, execution.CHUNK)
    execution.create_new_players(rows, database_clock.now())
    return _apply_chunk(job)


@on_contention
def _apply_chunk(job: Import) -> bool:
    with transaction.atomic():
        take_turn(job.requested_by)
        _lock(job, Status.APPLYING)
        rows, now = checks.rows_after(job, execution.CHUNK), database_clock.now()
        if not rows:
            job.status, job.finished_at = Status.DONE, now
            _save(job)
            execution.record_end(job)
            return False
        try:
            by = _requester(job)
        except Unconfirmed:
            raise
        except Refused:
            _give_up(job)
            return True
        execution.apply(job, rows, by, now)
        _save(job)
        return True


def _requester(job: Import) -> Staff:
    """Return who asked, with their present rank. Raises Refused, Unconfirmed."""
    by = requester_by_event(job.requester, job.event)
    IMPORTS.check_entitled(by)
    return by


def _give_up(job: Import) -> None:
    """Skip the pending rows if the requester may no longer act."""
    found = reservations.volume(job)
    reservations.settle(job, 0, returned=found.moved, players=found.players)
    pending = ImportRow.objects.filter(job=job, status=ImportRow.Status.PENDING)
    job.skipped += pending.update(status=ImportRow.Status.SKIPPED, note=GONE)
    _save(job)


def _lock(job: Import, status: Import.Status) -> None:
    """Lock the import's row and read it again. Raises LeaseLost if it is not in `status` any more."""
    rows = hold(job).filter(status=status).select_for_update(no_key=True, of=("self",))
    try:
        job.refresh_from_db(from_queryset=rows.select_related("requester"))
    except Import.DoesNotExist:
        raise LeaseLost(str(job)) from None


def _save(job: Import) -> None:
    job.attempts, job.error = 0, ""
    job.save()
    renew(job)


def _record_preview(job: Import) -> None:
    record(
        Action.IMPORT_PREVIEWED,
        actor=execution.requester_actor(job),
        target=target_of(job),
        details={
            "rows": job.rows,
            "changing": job.changing,
            "unread": job.unread,
            "total": str(job.total),
        },
    )
