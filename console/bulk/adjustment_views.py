"""Large adjustments: a file is judged, let go, approved by a second person past a limit, watched
and undone.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audits.actions import Action
from audits.models import AuditEvent
from common import csv_stream
from common.errors import Refused
from common.parsing import is_row_id
from console.approvals.views import names_of
from console.decorators import page, render
from console.experiences.views import Reason
from players import tasks
from players.bulk import results as job_results
from players.mass_adjustments import file_previews, lifecycle
from players.mass_adjustments.files import Flaws, UnknownFormat, read_upload
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, Player
from players.moderation.actors import Staff, staff_of
from players.moderation.authorization import LONGEST_REASON

SIZE = 50
# bytes through the browser, some 60,000 rows; more by the command, which shows its progress
LARGEST = 1_000_000
LARGEST_SHOWN = 5
SUMMED_UP = 10_000  # rows that a page looks through; of more, the file of the rows tells
VIEW, ACT = "players.view_adjustment", "players.adjust"
Status = Adjustment.Status
TONES: dict[str, str] = {
    Status.PREVIEW: "is-quiet",
    Status.WAITING: "is-warning",
    Status.APPLYING: "is-notice",
    Status.DONE: "is-good",
    Status.REJECTED: "is-quiet",
}
# What is done with an adjustment: the rule, the button, what it says, what is said after it.
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
        "A new adjustment with the amounts negated, of the rows that were applied; you see it before it goes.",
        "This undoes it, once you let it go.",
    ),
}


class Upload(forms.Form):
    """A file and why. `token` makes a second click the same upload."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label="File",
        help_text="CSV with the header userId,amount or userId,amount,reason; or JSONL with these names. At most 1 MB;"
        " for more: manage.py adjust file FILE --reason …",
        widget=forms.FileInput(attrs={"accept": ".csv,.jsonl,.ndjson"}),
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        help_text="Of the whole, in a sentence; it goes into the audit log.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(
                f"It has {file.size:,} bytes; {LARGEST:,} are the most here. Use manage.py adjust file FILE --reason …"
            )
        return file


@require_GET
@page(VIEW)
def listing(request: HttpRequest) -> HttpResponse:
    """Adjustments of one status or all, the newest first."""
    status, before = request.GET.get("status", ""), request.GET.get("before", "")
    rows = Adjustment.objects.order_by("-pk")
    rows = rows.filter(status=status) if status in Status.values else rows
    found = list((rows.filter(pk__lt=int(before)) if is_row_id(before) else rows)[: SIZE + 1])
    names = names_of([one.event for one in found])
    return render(
        request,
        "console/adjustments.html",
        "Adjustments",
        rows=[
            (one, TONES[one.status], names.get(one.event, one.requested_by)) for one in found[:SIZE]
        ],
        status=status,
        statuses=[
            ("", "All"),
            *((value, str(name).capitalize()) for value, name in Status.choices),
        ],
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


@page(ACT)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file in; leads to its preview."""
    form = Upload(request.POST or None, request.FILES or None, initial={"token": uuid.uuid4()})
    flaws = Flaws()
    if request.method == "POST" and form.is_valid():
        made = _taken(form, flaws, staff_of(request))
        if made is not None:
            return redirect("console:adjustment", made.pk)
    return render(
        request, "console/adjustment_new.html", "Adjust from a file", form=form, flaws=flaws
    )


def _taken(form: Upload, flaws: Flaws, by: Staff) -> Adjustment | None:
    """The preview of an uploaded file; None where the form or `flaws` say what to mend."""
    data = form.cleaned_data
    file = data["file"]
    try:
        return file_previews.preview(
            read_upload(cast("IO[bytes]", file), file.name or "", flaws),
            by=by,
            reason=data["reason"],
            idempotency_key=f"console:{data['token']}",
            flaws=flaws,
            now=timezone.now(),
        )
    except file_previews.Invalid:
        form.add_error(
            "file", "It cannot be taken; nothing was changed. Mend these lines and send it again."
        )
    except UnknownFormat as error:
        form.add_error("file", str(error))
    except Refused as refusal:
        form.add_error(None, str(refusal))
    return None


@require_GET
@page(VIEW)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """An adjustment: what it would do or did, how far it is, and what can be done with it."""
    found = get_object_or_404(Adjustment.objects.select_related("inverse_of"), pk=pk)
    by, may = staff_of(request), request.user.has_perm(ACT)
    own, second = by.is_person(found.requested_by), ""
    if own and found.status == Status.PREVIEW:
        second = lifecycle.needs_second_person(found, by, timezone.now())
    settled = _settled(found)
    names = names_of([found.event, *settled.values()])
    return render(
        request,
        "console/adjustment.html",
        f"Adjustment {found.pk}",
        adjustment=found,
        tone=TONES[found.status],
        changing=found.rows - found.skipped,
        own=own,
        second=second,
        can_start=may and own and found.status == Status.PREVIEW,
        can_approve=may and not own and found.status == Status.WAITING,
        can_reject=may and found.status in {Status.PREVIEW, Status.WAITING},
        can_invert=may and found.status == Status.DONE and found.applied and not _inverse(found),
        inverse=_inverse(found),
        by=names.get(found.event, found.requested_by),
        approved_by=names.get(settled.get(Action.ADJUSTMENT_APPROVED, 0), found.approved_by),
        reasons=_named(job_results.reasons(found)) if found.skipped <= SUMMED_UP else [],
        largest=file_previews.largest(found, LARGEST_SHOWN) if found.rows <= SUMMED_UP else [],
        live=found.status in {Status.APPLYING, Status.WAITING},
    )


@require_POST
@page(ACT)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Let one's own preview go."""
    get_object_or_404(Adjustment, pk=pk)
    try:
        found = ADJUSTMENTS.start(pk, by=staff_of(request), now=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:adjustment", pk)
    if found.status == Status.WAITING:
        messages.warning(request, "Nothing happened yet: a second person must approve it.")
    else:
        tasks.ADJUSTING.give()
        messages.success(request, "It is under way; this page shows how far it is.")
    return redirect("console:adjustment", pk)


@page(ACT)
def settle(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """A dialog: GET says what follows, POST does it with a reason."""
    if verb not in VERBS:
        raise Http404
    rule, button, note, said = VERBS[verb]
    found = get_object_or_404(Adjustment, pk=pk)
    form = Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            done = rule(
                pk, by=staff_of(request), reason=form.cleaned_data["reason"], now=timezone.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            tasks.ADJUSTING.give()
            messages.success(request, said)
            return redirect("console:adjustment", done.pk)
    return render(
        request,
        "console/adjustment_settle.html",
        f"{button}: adjustment {pk}",
        form=form,
        adjustment=found,
        changing=found.rows - found.skipped,
        button=button,
        note=note,
    )


@require_GET
@page(VIEW)
def results(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """What came of each row, as CSV."""
    found = get_object_or_404(Adjustment, pk=pk)
    name = f'attachment; filename="adjustment-{pk}.csv"'
    return StreamingHttpResponse(
        _csv(found), content_type="text/csv", headers={"Content-Disposition": name}
    )


def _csv(found: Adjustment) -> Iterator[str]:
    yield csv_stream.line(["line", "userId", "amount", "status", "points", "note"])
    rows = found.lines.order_by("line").values_list(
        "line", "user_id", "amount", "status", "points", "note"
    )
    for row in rows.iterator(chunk_size=5_000):
        yield csv_stream.line(row)


def _settled(found: Adjustment) -> dict[str, int]:
    """The events by which somebody approved or rejected it, by action."""
    actions = [Action.ADJUSTMENT_APPROVED, Action.ADJUSTMENT_REJECTED]
    events = AuditEvent.objects.filter(
        target_kind="adjustment", target_id=str(found.pk), action__in=actions
    )
    return dict(events.values_list("action", "pk"))


def _inverse(found: Adjustment) -> Adjustment | None:
    return Adjustment.objects.filter(inverse_of=found).first()


def _named(reasons: list[job_results.Reason]) -> list[tuple[job_results.Reason, list[str]]]:
    """Examples by their names, where they have one."""
    ids = [user_id for one in reasons for user_id in one.examples]
    names = dict(Player.objects.filter(user_id__in=ids).values_list("user_id", "username"))
    return [
        (one, [names.get(user_id, str(user_id)) for user_id in one.examples]) for one in reasons
    ]


urls = [
    path("adjustments/", listing, name="adjustments"),
    path("adjustments/new/", upload, name="adjustment-new"),
    path("adjustments/<rowid:pk>/", one, name="adjustment"),
    path("adjustments/<rowid:pk>/start/", start, name="adjustment-start"),
    path("adjustments/<rowid:pk>/rows.csv", results, name="adjustment-results"),
    path("adjustments/<rowid:pk>/<slug:verb>/", settle, name="adjustment-settle"),
]
