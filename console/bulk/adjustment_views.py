"""Adjustments from a file: upload, preview, start, approval, progress and undo."""

import uuid
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from audits.actions import Action
from audits.models import AuditEvent
from common import database_clock
from common.errors import Refused
from common.keyset import paged
from console.approvals.views import names_of
from console.bulk import pages
from console.bulk.forms import UploadForm
from console.bulk.pages import TONES, JobLine, Section
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.templatetags.design import counted
from players import tasks
from players.mass_adjustments import file_previews, lifecycle
from players.mass_adjustments.files import UnknownFormat, ValidationErrors, read_upload
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment
from players.moderation.actors import Staff, staff_of

LARGEST_SHOWN = 5
SUMMED_UP = 10_000  # rows up to which a page shows summaries; the CSV file has all rows
VIEW, ACT = "players.view_adjustment", "players.adjust"
SECTION = Section("Adjustments", "console:adjustments", "console:adjustment")
Status = Adjustment.Status
# Decisions on an adjustment: the function, the button, the note of the dialog, the message.
VERBS: dict[str, tuple[Callable[..., Adjustment], str, str, str]] = {
    "approve": (
        lifecycle.approve,
        "Approve",
        "It is applied once you approve, as you see it here.",
        "Approved.",
    ),
    "reject": (
        lifecycle.reject,
        "Reject",
        "It is closed without effect.",
        "Closed; nobody was changed.",
    ),
    "invert": (
        file_previews.preview_undo,
        "Preview the undo",
        "A new adjustment with the negated amounts of the applied rows. You see a preview first.",
        "This undoes it, once you start it.",
    ),
}


@require_GET
@page(VIEW)
def listing(request: HttpRequest) -> HttpResponse:
    """List adjustments of one status or all, the newest first."""
    status = request.GET.get("status", "")
    rows = Adjustment.objects.all()
    rows = rows.filter(status=status) if status in Status.values else rows
    found, older = pages.newest(rows, request.GET.get("before", ""))
    names = names_of([one.event for one in found])
    statuses = [(value, str(name).capitalize()) for value, name in Status.choices]
    actions = [
        ("Adjust from a file", reverse("console:adjustment-new"), ACT),
        ("Mass changes", reverse("console:bulk"), "console.bulk"),
    ]
    return render(
        request,
        "console/bulk_list.html",
        SECTION.title,
        lines=[_line(one, names) for one in found],
        status=status,
        statuses=[("", "All"), *statuses],
        older=older,
        actions=[(name, to) for name, to, right in actions if request.user.has_perm(right)],
    )


@page(ACT)
def upload(request: HttpRequest) -> HttpResponse:
    """Show the upload form, which leads to the preview of the file."""
    errors = ValidationErrors()
    return SECTION.form_page(
        request,
        UploadForm(request.POST or None, request.FILES or None, initial={"token": uuid.uuid4()}),
        lambda data: _preview(data, errors, staff_of(request)),
        "Adjust from a file",
        errors=errors,
        note="Nothing happens before the preview. One line for each player; amounts with a point"
        " and at most two decimals, below 0 to take points away.",
    )


def _preview(data: dict[str, Any], errors: ValidationErrors, by: Staff) -> Adjustment:
    """Preview an uploaded file. Raises Refused, and fills `errors` for invalid lines."""
    file = data["file"]
    try:
        return file_previews.preview(
            read_upload(file, file.name or "", errors),
            by=by,
            reason=data["reason"],
            idempotency_key=f"console:{data['token']}",
            errors=errors,
            now=database_clock.now(),
        )
    except file_previews.Invalid:
        raise Refused(
            "The file has errors; nothing was changed. Correct these lines and send it again."
        ) from None
    except UnknownFormat as error:
        raise Refused(str(error)) from None


@require_GET
@page(VIEW)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an adjustment: its effect, its progress, and the decisions on it."""
    found = get_object_or_404(Adjustment.objects.select_related("inverse_of"), pk=pk)
    by, may = staff_of(request), request.user.has_perm(ACT)
    own = by.is_person(found.requested_by)
    can_start = own and found.status == Status.PREVIEW
    approved = _approval_event(found)
    names = names_of([found.event, *approved])
    inverse = Adjustment.objects.filter(inverse_of=found).first()
    return render(
        request,
        "console/adjustment.html",
        f"Adjustment {found.pk}",
        job=found,
        line=_line(found, names),
        section=SECTION,
        state=found.status,
        live=found.status in {Status.APPLYING, Status.WAITING},
        settled=found.applied,
        can_start=may and can_start,
        second=lifecycle.needs_second_person(found, by, database_clock.now()) if can_start else "",
        start_button="Apply it",
        decisions=_decisions(found, own=own, undone=inverse is not None) if may else [],
        inverse=inverse,
        approved_by=next((names[pk] for pk in approved if pk in names), found.approved_by),
        reasons=pages.named_reasons(found) if found.skipped <= SUMMED_UP else [],
        largest=file_previews.largest(found, LARGEST_SHOWN) if found.rows <= SUMMED_UP else [],
    )


def _decisions(found: Adjustment, *, own: bool, undone: bool) -> list[tuple[str, str]]:
    """Return verbs and buttons of the decisions that are possible now."""
    decisions = []
    if found.status == Status.WAITING and not own:
        decisions.append(("approve", "Approve"))
    if found.status in {Status.PREVIEW, Status.WAITING}:
        decisions.append(("reject", "Withdraw it" if own else "Reject"))
    if found.status == Status.DONE and found.applied and not undone:
        decisions.append(("invert", "Undo it all"))
    return decisions


def _approval_event(found: Adjustment) -> list[int]:
    """Return the id of the audit event of its approval, in a list that may be empty."""
    events = AuditEvent.objects.filter(
        target_kind="adjustment", target_id=str(found.pk), action=Action.ADJUSTMENT_APPROVED
    )
    return list(events.values_list("pk", flat=True))


@require_POST
@page(ACT)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Adjustment, pk=pk)
    pages.start(request, ADJUSTMENTS, pk, tasks.ADJUSTING)
    return redirect("console:adjustment", pk)


@page(ACT)
def settle(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Show the dialog of a decision; a POST decides, with a reason."""
    if verb not in VERBS:
        raise Http404
    rule, button, note, message = VERBS[verb]
    found = get_object_or_404(Adjustment, pk=pk)

    def decide(data: dict[str, Any]) -> Adjustment:
        done = rule(pk, by=staff_of(request), reason=data["reason"], now=database_clock.now())
        tasks.ADJUSTING.give()
        messages.success(request, message)
        return done

    return SECTION.form_page(
        request,
        ReasonForm(request.POST or None),
        decide,
        f"{button}: adjustment {pk}",
        job=found,
        note=f"{counted(found.changing, 'player')}, {found.total} points in sum, {found.moved} without the"
        f" signs: “{found.reason}”. {note}",
        button=button,
    )


@require_GET
@page(VIEW)
def results(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return every row of an adjustment as CSV."""
    found = get_object_or_404(Adjustment, pk=pk)
    fields = ("line", "user_id", "amount", "status", "points", "note")
    rows = paged(found.lines.values_list(*fields), "line", itemgetter(0))
    header = ["line", "userId", "amount", "status", "points", "note"]
    return pages.csv_response(f"adjustment-{pk}", header, rows)


def _line(found: Adjustment, names: dict[int, Any]) -> JobLine:
    return JobLine(
        found,
        address=reverse("console:adjustment", args=[found.pk]),
        what=f"Adjust {counted(found.changing, 'player')}, {found.total:+,} points in all",
        state=found.get_status_display(),
        tone=TONES[found.status],
        done=found.applied,
        by=names.get(found.event, found.requested_by),
    )


urls = [
    path("adjustments/", listing, name="adjustments"),
    path("adjustments/new/", upload, name="adjustment-new"),
    path("adjustments/<rowid:pk>/", one, name="adjustment"),
    path("adjustments/<rowid:pk>/start/", start, name="adjustment-start"),
    path("adjustments/<rowid:pk>/rows.csv", results, name="adjustment-results"),
    path("adjustments/<rowid:pk>/<slug:verb>/", settle, name="adjustment-settle"),
]
