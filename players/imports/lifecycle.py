"""Begin, start, approve, reject and undo imports."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Q

from audits.actions import Action
from audits.record import Actor, Target, record, reserve_id
from common.errors import Refused
from common.visible_text import clean_name, clean_text
from players.bulk import engine, reservations
from players.bulk.engine import JobType
from players.imports import checks
from players.imports.plans import facts_of
from players.imports.values import ParsedRow
from players.models import Approval, Import, ImportRow
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.input import check_reason
from players.moderation.refusals import audit_refusals
from roblox.models import Experience

RIGHT = "console.bulk"
Status, Source = Import.Status, Import.Source
CLOSED = (Status.REJECTED, Status.DONE)

COPY = """
    COPY import_rows (job_id, line, given, user_id, username, points, kos, wos, rank, rank_since,
                      warnings, status, note) FROM STDIN"""

COPY_INVERSE = """
    INSERT INTO import_rows (job_id, line, given, user_id, username, display_name, amount, status,
                             before, after)
    SELECT %s, line, given, user_id, username, display_name, -amount, 'pending', after, before
    FROM import_rows WHERE job_id = %s AND status = 'applied' ORDER BY line"""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is imported: for which experience, from where, and how it is read."""

    experience: str
    by: Staff
    reason: str
    now: dt.datetime
    source: Import.Source = Source.FILE
    options: Mapping[str, Any] = field(default_factory=dict)


class ImportJobs(JobType[Import]):
    """Jobs that set what players had before GRPS."""

    model = Import
    approval = key = "import"
    act = "import"
    unknown = "There is no import {}."
    may_be_empty = False

    def why_not_entitled(self, by: Staff) -> str:
        if not by.has(RIGHT):
            return "your role does not entitle you to mass changes"
        if by.rank is not None and not (by.rank.can_adjust and by.rank.can_warn):
            return "your rank may not adjust points and warn"
        return ""

    def why_not_approve_rows(self, job: Import, by: Staff, now: dt.datetime) -> str:
        planner = checks.planner_for(job, by, now)
        after = 0
        pending = ImportRow.objects.filter(job=job, status=ImportRow.Status.PENDING)
        while rows := list(pending.filter(line__gt=after).order_by("line")[: checks.CHUNK]):
            after = rows[-1].line
            found = facts_of(rows, job.experience)
            for row in rows:
                if why_not := planner.why_not(row, found[row.user_id or 0].player):
                    return f"Line {row.line}: {why_not}."
        return ""

    def summary(self, job: Import) -> dict[str, Any]:
        return {"total": str(job.total), "experience": job.experience}

    def sentence(self, approval: Approval) -> str:
        given = approval.arguments
        return (
            f"Import {given['rows']:,} players for {given['experience']}, {given['total']} points in"
            f" all (import {given['import']})"
        )

    def begin(self, job: Import, by: Staff, now: dt.datetime) -> None:
        job.status, job.line, job.retry_at = Status.APPLYING, 0, now
        reservations.reserve(job, now)
        job.save()

    def execute(
        self, approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        job = self.locked_waiting(approval)
        if why_not := self.why_not_entitled(requester):
            raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
        job.approved_by, job.approved_at = approver.person, now
        self.begin(job, requester, now)
        return record(
            Action.IMPORT_APPROVED,
            actor=approver.actor,
            target=target_of(job),
            reason=approval.decide_reason,
        )

    def close(self, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
        job = self.locked(approval.arguments[self.key])
        if job.status == Status.WAITING:
            _close(job, actor, reason, now)


IMPORTS = ImportJobs()
IMPORTS.register()


def begin_file(request: ImportRequest, rows: Iterable[ParsedRow]) -> Import:
    """Store the rows of a file. The same file again returns the import of the first time.

    Raises Refused, NotAllowed, and what `rows` raises.
    """
    with transaction.atomic():
        job = _new(request)
        job.status = Status.NAMING
        job.digest, job.rows = _copy(job, rows)
        if not job.rows:
            raise Refused("The file has no rows, so there is nothing to import.")
        known = _same(job)
        if known is not None:
            ImportRow.objects.filter(job=job).delete()
            job.delete()
            return known
        job.save()
        _record_begun(job, request)
        return job


def begin_store(request: ImportRequest) -> Import:
    """Begin to read a data store. Raises Refused, NotAllowed."""
    if not str(request.options.get("store", "")).strip():
        raise Refused("store: name the data store.")
    with transaction.atomic():
        job = _new(request)
        _record_begun(job, request)
        return job


def preview_undo(import_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Import:
    """Preview the undo of an import: what it changed, back. Raises Refused, NotAllowed."""
    with transaction.atomic():
        original = IMPORTS.locked(import_id)
        _check_invertible(original)
        options = {"ranks": original.options.get("ranks", {})}
        request = ImportRequest(original.experience, by, reason, now, Source.INVERSE, options)
        job = _new(request)
        with connection.cursor() as cursor:
            cursor.execute(COPY_INVERSE, [job.pk, original.pk])
            job.rows = cursor.rowcount
        job.inverse_of, job.status = original, Status.CHECKING
        job.save()
        _record_begun(job, request)
        return job


def approve(import_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Import:
    """Approve an import as the second person. Raises Refused, NotAllowed."""
    approval = _open_request(import_id)
    if approval is None:
        raise Refused(f"The import is {find(import_id).status}, it does not wait for approval.")
    approvals.approve(approval.pk, by=by, reason=reason, now=now)
    return find(import_id)


def reject(import_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Import:
    """Close an import that has not started. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    IMPORTS.check_entitled(by)
    approval = _open_request(import_id)
    if approval is not None:
        verb = approvals.withdraw if by.is_person(approval.requested_by) else approvals.reject
        verb(approval.pk, by=by, reason=reason, now=now)
        return find(import_id)
    with transaction.atomic():
        job = IMPORTS.locked(import_id)
        if job.status in {*CLOSED, Status.APPLYING}:
            raise Refused(f"The import is {job.status} already.")
        _close(job, by.actor, reason, now)
        return job


def needs_second_person(job: Import, by: Staff, now: dt.datetime) -> str:
    """Return why a second person would have to approve it now, or an empty string."""
    with transaction.atomic():
        second = IMPORTS.second_person(job, by, now, tripped=False)
    return second.reason if second is not None else ""


def find(import_id: int) -> Import:
    """Return an import. Raises Refused for an unknown id."""
    found = Import.objects.filter(pk=import_id).first()
    if found is None:
        raise Refused(IMPORTS.unknown.format(import_id))
    return found


def target_of(job: Import) -> Target:
    return Target("import", str(job.pk), "")


def experience_for(given: str) -> str:
    """Return the key of the experience whose points are imported. Raises Refused."""
    keys = sorted(Experience.objects.values_list("key", flat=True))
    if given in keys:
        return given
    if not given and len(keys) == 1:
        return str(keys[0])
    known = ", ".join(keys) or "none: run bootstrap"
    raise Refused(f"experience: say where the points were earned. The experiences are: {known}.")


def _new(request: ImportRequest) -> Import:
    """Store a new import. Raises Refused, NotAllowed."""
    reason = check_reason(request.reason)
    with audit_refusals(IMPORTS.act, None, request.by):
        IMPORTS.check_entitled(request.by)
    return Import.objects.create(
        experience=experience_for(request.experience),
        source=request.source,
        options=dict(request.options),
        status=Status.READING,
        reason=reason,
        requested_by=request.by.person,
        requester=engine.player_of(request.by),
        event=reserve_id(),
        created_at=request.now,
    )


def _copy(job: Import, rows: Iterable[ParsedRow]) -> tuple[str, int]:
    """Store rows as they are read; return the SHA-256 of their content, and their number."""
    content, count = hashlib.sha256(f"{job.experience} {job.options}".encode()), 0
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            values = columns_of(row)
            content.update(repr(values[1:]).encode())
            copy.write_row((job.pk, *values))
            count += 1
    return content.hexdigest(), count


def columns_of(row: ParsedRow) -> tuple[Any, ...]:
    """Return a parsed row as columns, from `line` to `note`.

    What a file or a key held is shown without characters that the database cannot store.
    """
    warnings = None if row.warnings is None else msgspec.json.encode(row.warnings).decode()
    status = ImportRow.Status.UNREAD if row.error else ImportRow.Status.PENDING
    return (
        *(row.line, clean_name(row.given, 100), row.user_id, row.username),
        *(row.points, row.kos, row.wos, row.rank, row.rank_since),
        *(warnings, str(status), clean_text(row.error)),
    )


def _same(job: Import) -> Import | None:
    """Return an earlier import of the same file that is not closed without effect, nor undone."""
    same = Import.objects.filter(digest=job.digest).exclude(pk=job.pk)
    undone = Q(inverse__status=Status.DONE)
    return same.exclude(status=Status.REJECTED).exclude(undone).order_by("-pk").first()


def _check_invertible(original: Import) -> None:
    if original.status != Status.DONE:
        raise Refused(f"The import is {original.status}; only one that is done can be undone.")
    if original.source == Source.INVERSE:
        raise Refused("It is an undo itself; import the file again instead.")
    inverse = Import.objects.filter(inverse_of=original).first()
    if inverse is not None:
        raise Refused(f"It is undone already, by import {inverse.pk}.")
    if not original.lines.filter(status=ImportRow.Status.APPLIED).exists():
        raise Refused("Nothing of it is left to undo: it changed nobody, or its rows are deleted.")


def _record_begun(job: Import, request: ImportRequest) -> None:
    details = {"source": job.source, "experience": job.experience, "rows": job.rows}
    if job.inverse_of_id:
        details["inverseOf"] = job.inverse_of_id
    record(
        Action.IMPORT_BEGUN,
        actor=request.by.actor,
        target=target_of(job),
        reason=job.reason,
        event_id=job.event,
        details=details,
    )


def _close(job: Import, actor: Actor, reason: str, now: dt.datetime) -> None:
    job.status, job.finished_at, job.inverse_of = Status.REJECTED, now, None
    job.lease, job.lease_until = "", None
    job.save(update_fields=["status", "finished_at", "inverse_of", "lease", "lease_until"])
    record(Action.IMPORT_REJECTED, actor=actor, target=target_of(job), reason=reason)


def _open_request(import_id: int) -> Approval | None:
    waiting = Approval.objects.filter(status=Approval.Status.WAITING)
    return waiting.filter(data_import=import_id).first()
