"""Mass changes: one act on the players that were selected, or the undo of what somebody did, from
preview to result.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from common import csv_stream
from common.amounts import hundredths
from common.errors import Refused
from common.form_fields import MomentField
from common.parsing import is_row_id
from console import navigation
from console.actions.views import ActForm, AmountForm, EvidenceForm, RankForm, UntilForm, add_error
from console.approvals.views import UNLINKED, names_of
from console.audit.forms import actors_of
from console.decorators import page, render
from console.experiences.views import Reason
from console.players import queries
from console.players.views import BULK_ACTS
from players import tasks
from players.active_policy import active
from players.bulk import previews
from players.bulk import results as job_results
from players.bulk.actions import told
from players.bulk.row_executor import BULK_JOBS, RIGHT
from players.discipline import notes
from players.models import BulkJob, BulkRow, Player
from players.moderation import authorization
from players.moderation.actors import Staff, is_local, staff_of

RIGHT = RIGHT
SIZE = 50
Status = BulkRow.Status
TONES = {
    "preview": "is-quiet",
    "waiting": "is-warning",
    "running": "is-notice",
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
    ("skipped", "Passed over"),
    ("failed", "Failed"),
)


class NoteForm(ActForm):
    text = forms.CharField(
        max_length=notes.LONGEST,
        label="Note",
        help_text="On each of them.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    field_order = ("text", "preset", "words")


class Reverting(forms.Form):
    """Whose acts, of when, and why they are taken back."""

    actor = forms.CharField(
        max_length=100, label="Who did it", help_text="name, Roblox user id, or kind:id"
    )
    since = MomentField(label="From (UTC)")
    until = MomentField(label="Until (UTC)")
    reason = forms.CharField(
        max_length=authorization.LONGEST_REASON,
        help_text="In a sentence; it goes into the audit log.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["actor"].widget.attrs |= {
            "autocomplete": "off",
            "autocapitalize": "none",
            "spellcheck": "false",
        }

    def clean_actor(self) -> tuple[tuple[str, str], ...]:
        return actors_of(self.cleaned_data["actor"].strip())


FORMS: dict[str, type[ActForm]] = {
    "warn": EvidenceForm,
    "suspend": UntilForm,
    "note": NoteForm,
    "adjust": AmountForm,
    "propose": RankForm,
    "rank": RankForm,
}


@page("players.view_approval")
def bulk(request: HttpRequest) -> HttpResponseBase:
    """GET: the latest jobs. POST: a selection of players, to which an act is then chosen and
    previewed.
    """
    if request.method == "POST":
        return _select(request)
    before = request.GET.get("before", "")
    rows = BulkJob.objects.select_related("approval", "requester").order_by("-pk")
    found = list((rows.filter(pk__lt=int(before)) if is_row_id(before) else rows)[: SIZE + 1])
    return render(
        request,
        "console/bulk.html",
        "Mass changes",
        rows=[_line(job, staff_of(request)) for job in found[:SIZE]],
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


def _select(request: HttpRequest) -> HttpResponseBase:
    by, now, act = staff_of(request), timezone.now(), request.POST.get("act", "")
    _check_entitled(request, act)
    user_ids, more = _selected(request)
    if not user_ids:
        messages.error(request, "Select the players first.")
        return redirect("console:players")
    asked = "preview" in request.POST
    form: Any = FORMS.get(act, ActForm)(
        request.POST if asked else None,
        initial={"token": uuid.uuid4()},
        name=act,
        policy=active(),
        by=by,
    )
    if asked and form.is_valid():
        data = form.cleaned_data
        try:
            job = previews.preview(
                act, user_ids, _arguments(form, now), by=by, reason=data["reason"], now=now
            )
        except Refused as refusal:
            add_error(form, str(refusal))
        else:
            return redirect("console:bulk-job", job.pk)
    return render(
        request,
        "console/bulk_select.html",
        "Mass change",
        form=form,
        act=act,
        acts=[(name, title) for name, title, right in BULK_ACTS if request.user.has_perm(right)],
        title_of={name: title for name, title, _ in BULK_ACTS}[act],
        count=len(user_ids),
        selected=",".join(map(str, user_ids)),
        more=more,
    )


def _check_entitled(request: HttpRequest, act: str) -> None:
    """Raises PermissionDenied, told in the audit log."""
    right = next((right for name, _, right in BULK_ACTS if name == act), "")
    if not right or not request.user.has_perm(RIGHT) or not request.user.has_perm(right):
        authorization.tell_refusal(BULK_JOBS.approval, None, staff_of(request).actor)
        raise PermissionDenied


def _selected(request: HttpRequest) -> tuple[list[int], bool]:
    """The user ids that were ticked, or that a filter of the list finds; whether there are more
    that it finds.
    """
    if "query" in request.POST:
        return queries.matching(request.POST["query"])
    given = request.POST.get("selected", "").split(",") + request.POST.getlist("ids")
    return list(dict.fromkeys(int(text) for text in given if is_row_id(text)))[
        : previews.MOST_PLAYERS + 1
    ], False


def _arguments(form: Any, now: dt.datetime) -> dict[str, Any]:
    data = form.cleaned_data
    found = {name: data[name] for name in ("rank", "text") if name in data}
    if "evidence" in data:
        found["evidence"] = data["evidence"].splitlines()
    if "amount" in data:
        found["amount"] = hundredths(data["amount"])
    return found | ({"until": form.until(now)} if isinstance(form, UntilForm) else {})


@require_GET
@page("players.view_approval")
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """A job: what it does, why rows are passed over, how far it is, and each row."""
    found = get_object_or_404(BulkJob.objects.select_related("approval", "requester"), pk=pk)
    by, state = staff_of(request), job_results.state(found)
    show, after = request.GET.get("show", ""), request.GET.get("after", "")
    rows = found.lines.select_related("player", "request").order_by("line")
    rows = rows.filter(status=show) if show in Status.values else rows
    shown = list((rows.filter(line__gt=int(after)) if is_row_id(after) else rows)[: SIZE + 1])
    settled = found.done + found.held + found.failed + max(0, found.skipped - _passed_over(found))
    return render(
        request,
        "console/bulk_job.html",
        told(found.act, found.arguments, found.changing),
        job=found,
        line=_line(found, by),
        state=state,
        own=by.is_person(found.requested_by),
        may=request.user.has_perm(RIGHT),
        settled=settled,
        reasons=_reasons(found),
        rows=[(row, TONES[row.status], _address(row)) for row in shown[:SIZE]],
        after=shown[SIZE - 1].line if len(shown) > SIZE else None,
        show=show,
        tabs=TABS,
        is_revert=found.act == "revert",
        live=state in {"running", "waiting"},
    )


@require_POST
@page(RIGHT)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Let one's own preview go."""
    try:
        found = BULK_JOBS.start(pk, by=staff_of(request), now=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return (
            redirect("console:bulk-job", pk)
            if BulkJob.objects.filter(pk=pk).exists()
            else redirect("console:bulk")
        )
    if found.status == BulkJob.Status.WAITING:
        messages.warning(
            request, f"Nothing happened yet: a second person must approve. {found.second}"
        )
    else:
        tasks.BULK.give()
        messages.success(request, "It is under way; this page shows how far it is.")
    return redirect("console:bulk-job", pk)


@page(RIGHT)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """A dialog: why all that a job did is taken back. Leads to a preview."""
    found = get_object_or_404(BulkJob, pk=pk)
    form = Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = previews.preview_undo(
                pk, by=staff_of(request), reason=form.cleaned_data["reason"], now=timezone.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("console:bulk-job", made.pk)
    return render(request, "console/bulk_undo.html", f"Take back job {pk}", form=form, job=found)


@page(RIGHT)
def revert(request: HttpRequest) -> HttpResponse:
    """Take back what somebody did in a span of time: who, from, until; leads to a preview."""
    form = Reverting(request.POST or None, initial={"actor": request.GET.get("actor", "")})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        order = {"by": staff_of(request), "reason": data["reason"], "now": timezone.now()}
        try:
            made = previews.preview_revert(data["actor"], (data["since"], data["until"]), **order)
        except Refused as refusal:
            add_error(form, str(refusal))
        else:
            return redirect("console:bulk-job", made.pk)
    return render(request, "console/bulk_revert.html", "Take back what somebody did", form=form)


@require_GET
@page("players.view_approval")
def results(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Every row of a job as CSV."""
    found = get_object_or_404(BulkJob, pk=pk)
    name = f'attachment; filename="mass-change-{pk}.csv"'
    return StreamingHttpResponse(
        _csv(found), content_type="text/csv", headers={"Content-Disposition": name}
    )


def _csv(found: BulkJob) -> Iterator[str]:
    yield csv_stream.line(["line", "userId", "username", "status", "note", "event", "request"])
    rows = found.lines.select_related("player").order_by("line")
    for row in rows.iterator(chunk_size=1_000):
        who = (row.player.user_id, row.player.username) if row.player else ("", "")
        yield csv_stream.line(
            [row.line, *who, row.status, row.note, row.event or "", row.request_id or ""]
        )


def _line(job: BulkJob, by: Staff) -> dict[str, Any]:
    """A job as one line of a list."""
    state = job_results.state(job)
    return {
        "job": job,
        "told": told(job.act, job.arguments, job.changing),
        "state": job.get_status_display() if state == job.status else state,
        "tone": TONES.get(state, "is-quiet"),
        "by": _maker(job, by),
    }


def _maker(job: BulkJob, by: Staff) -> str:
    """Who asked; before it is told in the audit log, a local owner's name is known to themselves
    alone.
    """
    if by.is_person(job.requested_by):
        return by.actor.name
    if job.requester is not None:
        return str(job.requester.username)
    event = job.event or (job.approval.event if job.approval else None)
    unnamed = f"{job.requested_by} ({UNLINKED})" if is_local(job.requested_by) else job.requested_by
    return names_of([event]).get(event, unnamed) if event else unnamed


def _passed_over(job: BulkJob) -> int:
    """Rows that the preview passed over already."""
    return job.rows - job.changing


def _reasons(job: BulkJob) -> list[tuple[job_results.Reason, list[Player]]]:
    found = job_results.reasons(job)
    ids = [user_id for one in found for user_id in one.examples]
    players = {one.user_id: one for one in Player.objects.filter(user_id__in=ids)}
    return [
        (one, [players[user_id] for user_id in dict.fromkeys(one.examples) if user_id in players])
        for one in found
    ]


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
