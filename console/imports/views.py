"""Pages of imports: begin, preview, start, approval, progress and undo."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from common import database_clock
from common.errors import Refused
from common.keyset import paged
from console.approvals.views import names_of
from console.bulk import pages
from console.bulk.pages import TONES, JobLine, Section
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.imports.forms import FORMS, StoreForm
from console.templatetags.design import counted
from players import tasks
from players.imports import lifecycle, preview
from players.imports.files import ImportFile, UnusableFile
from players.imports.lifecycle import IMPORTS, ImportRequest
from players.imports.runner import WORKING
from players.models import Import
from players.moderation.actors import Staff, staff_of

RIGHT = "console.bulk"
SECTION = Section("Import", "console:imports", "console:import")
Status = Import.Status
NOTE = (
    "Nothing happens before the preview. An import sets what players had before GRPS, so the same"
    " file again changes nothing."
)
# Decisions on an import: the function, the button, the note of the dialog, the message.
VERBS: dict[str, tuple[Callable[..., Import], str, str, str]] = {
    "approve": (lifecycle.approve, "Approve", "It is applied once you approve.", "Approved."),
    "reject": (
        lifecycle.reject,
        "Reject",
        "It is closed without effect.",
        "Closed; nobody was changed.",
    ),
    "undo": (
        lifecycle.preview_undo,
        "Preview the undo",
        "It undoes what the import changed. You see a preview first.",
        "This undoes it, once you start it.",
    ),
}


@require_GET
@page(RIGHT)
def listing(request: HttpRequest) -> HttpResponse:
    """List imports, the newest first."""
    found, older = pages.newest(Import.objects.all(), request.GET.get("before", ""))
    names = names_of([one.event for one in found])
    return render(
        request,
        "console/bulk_list.html",
        SECTION.title,
        lines=[_line(one, names) for one in found],
        older=older,
        actions=[
            ("Import a file", reverse("console:import-new", args=["file"])),
            ("Import a data store", reverse("console:import-new", args=["store"])),
        ],
    )


@page(RIGHT)
def begin(request: HttpRequest, what: str) -> HttpResponse:
    """Show the form of a file or a data store, which leads to the preview."""
    if what not in FORMS:
        raise Http404
    form = FORMS[what](request.POST or None, request.FILES or None)

    def go(data: dict[str, Any]) -> Import:
        by = staff_of(request)
        job = _store(form, by) if isinstance(form, StoreForm) else _file(request, data, by)
        tasks.IMPORTING.give()
        return job

    return SECTION.form_page(request, form, go, f"Import a {what}", note=NOTE)


def _file(request: HttpRequest, data: dict[str, Any], by: Staff) -> Import:
    file, now = data["file"], database_clock.now()
    source = ImportFile(file, file.name or "", now, data["columns"])
    try:
        job = lifecycle.begin_file(_request(data, by, Import.Source.FILE, {}), source.rows())
    except UnusableFile as error:
        raise Refused(f"file: {error}") from None
    if job.status == Status.DONE:
        messages.info(request, "This file was imported already; nothing was done.")
    if source.ignored:
        messages.info(request, f"Columns that are not read: {', '.join(source.ignored)}.")
    return job


def _store(form: StoreForm, by: Staff) -> Import:
    data = form.cleaned_data
    source = Import.Source(data["source"])
    return lifecycle.begin_store(_request(data, by, source, form.options()))


def _request(
    data: dict[str, Any], by: Staff, source: Import.Source, options: dict[str, Any]
) -> ImportRequest:
    ranks = {"ranks": data["ranks"]} if data["ranks"] else {}
    now = database_clock.now()
    return ImportRequest(data["experience"], by, data["reason"], now, source, options | ranks)


@require_GET
@page(RIGHT)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an import: what it would do or did, the rows that are left out, the decisions."""
    found = get_object_or_404(Import.objects.select_related("inverse_of"), pk=pk)
    by = staff_of(request)
    own = by.is_person(found.requested_by)
    can_start = own and found.status == Status.PREVIEW and found.changing > 0
    inverse = Import.objects.filter(inverse_of=found).first()
    return render(
        request,
        "console/import.html",
        f"Import {found.pk}",
        job=found,
        line=_line(found, names_of([found.event])),
        section=SECTION,
        state=found.status,
        live=found.status in {*WORKING, Status.WAITING},
        settled=found.applied,
        facts=preview.lines(found)[1:],
        left_out=list(preview.left_out(found)),
        can_start=can_start,
        second=lifecycle.needs_second_person(found, by, database_clock.now()) if can_start else "",
        start_button="Apply it",
        decisions=_decisions(found, own=own, undone=inverse is not None),
        inverse=inverse,
    )


def _decisions(found: Import, *, own: bool, undone: bool) -> list[tuple[str, str]]:
    """Return verbs and buttons of the decisions that are possible now."""
    decisions = []
    if found.status == Status.WAITING and not own:
        decisions.append(("approve", "Approve"))
    if found.status not in {Status.APPLYING, Status.DONE, Status.REJECTED}:
        decisions.append(("reject", "Withdraw it" if own else "Reject"))
    if found.status == Status.DONE and found.applied and not undone and not found.inverse_of_id:
        decisions.append(("undo", "Undo it all"))
    return decisions


@require_POST
@page(RIGHT)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Import, pk=pk)
    pages.start(request, IMPORTS, pk, tasks.IMPORTING)
    return redirect("console:import", pk)


@page(RIGHT)
def settle(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Show the dialog of a decision; a POST decides, with a reason."""
    if verb not in VERBS:
        raise Http404
    rule, button, note, message = VERBS[verb]
    found = get_object_or_404(Import, pk=pk)

    def decide(data: dict[str, Any]) -> Import:
        done = rule(pk, by=staff_of(request), reason=data["reason"], now=database_clock.now())
        tasks.IMPORTING.give()
        messages.success(request, message)
        return done

    return SECTION.form_page(
        request,
        ReasonForm(request.POST or None),
        decide,
        f"{button}: import {pk}",
        job=found,
        note=f"{counted(found.changing, 'player')}, {found.total} points in sum: “{found.reason}”. {note}",
        button=button,
    )


@require_GET
@page(RIGHT)
def results(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return every row of an import as CSV."""
    found = get_object_or_404(Import, pk=pk)
    fields = ("line", "given", "user_id", "username", "status", "amount", "note")
    rows = paged(found.lines.values_list(*fields), "line", itemgetter(0))
    header = ["line", "given", "userId", "username", "status", "points", "note"]
    return pages.csv_response(f"import-{pk}", header, rows)


def _line(found: Import, names: dict[int, Any]) -> JobLine:
    return JobLine(
        found,
        address=reverse("console:import", args=[found.pk]),
        what=f"{found.get_source_display().capitalize()} for {found.experience},"
        f" {found.rows:,} rows",
        state=found.get_status_display(),
        tone=TONES[found.status],
        done=found.applied,
        by=names.get(found.event, found.requested_by),
    )


urls = [
    path("imports/", listing, name="imports"),
    path("imports/new/<slug:what>/", begin, name="import-new"),
    path("imports/<rowid:pk>/", one, name="import"),
    path("imports/<rowid:pk>/start/", start, name="import-start"),
    path("imports/<rowid:pk>/rows.csv", results, name="import-results"),
    path("imports/<rowid:pk>/<slug:verb>/", settle, name="import-settle"),
]
