"""Bulk jobs: one action on the selected players, or the undo of a person's actions."""

import uuid
from operator import attrgetter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from common import database_clock
from common.keyset import paged
from common.parsing import is_row_id
from console import navigation
from console.actions.forms import given
from console.approvals.views import UNLINKED, names_of
from console.bulk import pages
from console.bulk.forms import RevertForm, act_form
from console.bulk.pages import SIZE, TONES, JobLine, Section
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.players import queries
from console.players.views import bulk_actions
from players import tasks
from players.actions.registry import BY_NAME
from players.active_policy import active
from players.bulk import previews
from players.bulk.actions import described
from players.bulk.results import state
from players.bulk.row_executor import BULK_JOBS, RIGHT
from players.models import BulkJob, BulkRow
from players.moderation import refusals
from players.moderation.actors import Staff, is_local, staff_of
from players.moderation.command import Command

VIEW = "players.view_approval"
SECTION = Section("Mass changes", "console:bulk", "console:bulk-job")
ROW_TONES = {
    "pending": "is-quiet",
    "done": "is-good",
    "held": "is-warning",
    "skipped": "is-quiet",
    "failed": "is-critical",
}
TABS = (
    ("", "All"),
    ("pending", "To do"),
    ("done", "Done"),
    ("held", "Waiting"),
    ("skipped", "Skipped"),
    ("failed", "Failed"),
)


@page(VIEW)
def bulk(request: HttpRequest) -> HttpResponseBase:
    """List the latest jobs. A POST chooses and previews an action on the selected players."""
    if request.method == "POST":
        return _select(request)
    rows = BulkJob.objects.select_related("approval", "requester")
    jobs, older = pages.newest(rows, request.GET.get("before", ""))
    actions = [
        ("Select players", reverse("console:players")),
        ("Undo somebody's acts", reverse("console:bulk-revert")),
    ]
    return render(
        request,
        "console/bulk_list.html",
        SECTION.title,
        lines=[_line(job, staff_of(request)) for job in jobs],
        older=older,
        actions=actions if request.user.has_perm(RIGHT) else [],
    )


def _select(request: HttpRequest) -> HttpResponse:
    act = request.POST.get("act", "")
    _check_entitled(request, act)
    user_ids, more = _selected(request)
    if not user_ids:
        messages.error(request, "Select the players first.")
        return redirect("console:players")
    by, now = staff_of(request), database_clock.now()
    form: Any = act_form(act)(
        request.POST if "preview" in request.POST else None,
        initial={"token": uuid.uuid4()},
        name=act,
        policy=active(),
        by=by,
    )
    return SECTION.form_page(
        request,
        form,
        lambda data: previews.preview(
            act, user_ids, given(form, now), Command(by=by, reason=data["reason"], now=now)
        ),
        "Mass change",
        template="console/bulk_select.html",
        act=act,
        acts=[(action.name, action.title) for action in bulk_actions(request.user)],
        title_of=BY_NAME[act].title,
        count=len(user_ids),
        selected=",".join(map(str, user_ids)),
        more=more,
    )


def _check_entitled(request: HttpRequest, act: str) -> None:
    """Raise PermissionDenied, and record the refusal, if the person may not do this in bulk."""
    allowed = {action.name for action in bulk_actions(request.user)}
    if act not in allowed or not request.user.has_perm(RIGHT):
        refusals.record_refusal(BULK_JOBS.act, None, staff_of(request).actor)
        raise PermissionDenied


def _selected(request: HttpRequest) -> tuple[list[int], bool]:
    """Return the user ids selected or found by a filter, and whether the filter finds more."""
    if "query" in request.POST:
        return queries.matching(request.POST["query"])
    given = request.POST.get("selected", "").split(",") + request.POST.getlist("ids")
    user_ids = dict.fromkeys(int(text) for text in given if is_row_id(text))
    return list(user_ids)[: previews.MOST_PLAYERS + 1], False


@require_GET
@page(VIEW)
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a job: its effect, why rows are skipped, its progress, and each row."""
    found = get_object_or_404(BulkJob.objects.select_related("approval", "requester"), pk=pk)
    by, status, may = staff_of(request), state(found), request.user.has_perm(RIGHT)
    own = by.is_person(found.requested_by)
    is_revert = found.act == "revert"
    return render(
        request,
        "console/bulk_job.html",
        described(found.act, found.arguments, found.changing),
        job=found,
        line=_line(found, by),
        section=SECTION,
        state=status,
        live=status in {"running", "waiting"},
        own=own,
        may=may,
        can_start=status == "preview" and own and may and found.changing,
        second=found.second,
        start_button=f"{'Undo' if is_revert else 'Do it to'} {found.changing}",
        settled=_executed(found),
        reasons=pages.named_reasons(found),
        is_revert=is_revert,
        tabs=TABS,
        **_rows(request, found),
    )


def _rows(request: HttpRequest, job: BulkJob) -> dict[str, Any]:
    """Return a page of the job's rows of one status or all, in their order."""
    show, after = request.GET.get("show", ""), request.GET.get("after", "")
    rows = job.lines.select_related("player", "request").order_by("line")
    rows = rows.filter(status=show) if show in BulkRow.Status.values else rows
    found = list((rows.filter(line__gt=int(after)) if is_row_id(after) else rows)[: SIZE + 1])
    return {
        "show": show,
        "rows": [(row, ROW_TONES[row.status], _address(row)) for row in found[:SIZE]],
        "after": found[SIZE - 1].line if len(found) > SIZE else None,
    }


def _executed(job: BulkJob) -> int:
    """Return the number of finished rows, without those that the preview skipped."""
    skipped_by_preview = job.rows - job.changing
    return job.done + job.held + job.failed + max(0, job.skipped - skipped_by_preview)


@require_POST
@page(RIGHT)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    pages.start(request, BULK_JOBS, pk, tasks.BULK)
    if not BulkJob.objects.filter(pk=pk).exists():  # previews are kept for a day only
        return redirect("console:bulk")
    return redirect("console:bulk-job", pk)


@page(RIGHT)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the dialog that leads to the preview of a job's undo."""
    found = get_object_or_404(BulkJob, pk=pk)
    by, now = staff_of(request), database_clock.now()
    return SECTION.form_page(
        request,
        ReasonForm(request.POST or None),
        lambda data: previews.preview_undo(pk, Command(by=by, reason=data["reason"], now=now)),
        f"Undo job {pk}",
        job=found,
        note=f"Each of its {found.done} done rows is undone if it can be. You see a preview first.",
    )


@page(RIGHT)
def revert(request: HttpRequest) -> HttpResponse:
    """Show the form that leads to the preview of undoing a person's actions in a span of time."""
    by, now = staff_of(request), database_clock.now()
    return SECTION.form_page(
        request,
        RevertForm(request.POST or None, initial={"actor": request.GET.get("actor", "")}),
        lambda data: previews.preview_revert(
            data["actor"],
            (data["since"], data["until"]),
            Command(by=by, reason=data["reason"], now=now),
        ),
        "Undo somebody's acts",
        note="Everything they did in that time that can be undone is undone, the newest act first."
        " You see a preview first. More than a few acts need a second person.",
    )


@require_GET
@page(VIEW)
def results(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return every row of a job as CSV."""
    found = get_object_or_404(BulkJob, pk=pk)
    rows = paged(found.lines.select_related("player"), "line", attrgetter("line"))
    header = ["line", "userId", "username", "status", "note", "event", "request"]
    return pages.csv_response(f"mass-change-{pk}", header, map(_cells, rows))


def _cells(row: BulkRow) -> list[Any]:
    player = (row.player.user_id, row.player.username) if row.player else ("", "")
    return [row.line, *player, row.status, row.note, row.event or "", row.request_id or ""]


def _line(job: BulkJob, by: Staff) -> JobLine:
    status = state(job)
    return JobLine(
        job,
        address=reverse("console:bulk-job", args=[job.pk]),
        what=described(job.act, job.arguments, job.changing),
        state=job.get_status_display() if status == job.status else status,
        tone=TONES.get(status, "is-quiet"),
        done=job.done,
        by=_requester(job, by),
    )


def _requester(job: BulkJob, by: Staff) -> str:
    """Return the requester's name.

    Without an audit event, only local owners see their own name.
    """
    if by.is_person(job.requested_by):
        return by.actor.name
    if job.requester is not None:
        return str(job.requester.username)
    event = job.event or (job.approval.event if job.approval else None)
    unnamed = f"{job.requested_by} ({UNLINKED})" if is_local(job.requested_by) else job.requested_by
    return names_of([event]).get(event, unnamed) if event else unnamed


def _address(row: BulkRow) -> str:
    return navigation.player(row.player.user_id) if row.player and row.player.user_id > 0 else ""


urls = [
    path("bulk/", bulk, name="bulk"),
    path("bulk/revert/", revert, name="bulk-revert"),
    path("bulk/<rowid:pk>/", job, name="bulk-job"),
    path("bulk/<rowid:pk>/start/", start, name="bulk-start"),
    path("bulk/<rowid:pk>/undo/", undo, name="bulk-undo"),
    path("bulk/<rowid:pk>/rows.csv", results, name="bulk-results"),
]
