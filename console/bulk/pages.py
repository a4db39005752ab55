"""Code shared by the pages of bulk jobs and of adjustments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from common import csv_stream, database_clock
from common.errors import Refused
from common.parsing import is_row_id
from common.task_hints import Hint
from console.actions.forms import add_error
from console.decorators import render
from players.bulk.engine import WAITING, JobType
from players.bulk.results import ResultReason, reasons
from players.models import Adjustment, BulkJob, Import, Player
from players.moderation.actors import staff_of

SIZE = 50
TONES = {
    "reading": "is-notice",
    "naming": "is-notice",
    "checking": "is-notice",
    "preview": "is-quiet",
    "waiting": "is-warning",
    "running": "is-notice",
    "applying": "is-notice",
    "done": "is-good",
    "rejected": "is-quiet",
}


@dataclass(frozen=True, slots=True)
class Section:
    """The pages of one kind of job, by the names of their URLs."""

    title: str
    list_page: str
    job_page: str

    @property
    def address(self) -> str:
        return reverse(self.list_page)

    def form_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        rule: Callable[[dict[str, Any]], BulkJob | Adjustment | Import],
        title: str,
        *,
        template: str = "console/bulk_form.html",
        **context: Any,
    ) -> HttpResponse:
        """Show a form, or redirect to the job that `rule` returns for the form's data.

        The form shows the Refused that `rule` raises. `context` needs `note`, and `job` for a form
        about a job.
        """
        if form.is_valid():
            try:
                return redirect(self.job_page, rule(form.cleaned_data).pk)
            except Refused as refusal:
                add_error(form, str(refusal))
        job = context.get("job")
        return render(
            request,
            template,
            title,
            form=form,
            section=self,
            back=reverse(self.job_page, args=[job.pk]) if job else self.address,
            **context,
        )


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as a line of a list. `what`: its effect. `done`: the number of finished rows."""

    job: BulkJob | Adjustment | Import
    address: str
    what: str
    state: str
    tone: str
    done: int
    by: str


def newest[M: Model](rows: QuerySet[M], before: str) -> tuple[list[M], int | None]:
    """Return a page of rows, newest first, and the id before which the next page starts."""
    rows = rows.filter(pk__lt=int(before)) if is_row_id(before) else rows
    found = list(rows.order_by("-pk")[: SIZE + 1])
    return found[:SIZE], found[SIZE - 1].pk if len(found) > SIZE else None


def named_reasons(job: BulkJob | Adjustment) -> list[tuple[ResultReason, list[str]]]:
    """Return why rows were skipped, with the first players by name, or by id if they are unknown."""
    found = reasons(job)
    ids = [user_id for one in found for user_id in one.examples]
    names = dict(Player.objects.filter(user_id__in=ids).values_list("user_id", "username"))
    return [
        (one, [names.get(user_id, str(user_id)) for user_id in dict.fromkeys(one.examples)])
        for one in found
    ]


def start[J: (BulkJob, Adjustment, Import)](
    request: HttpRequest, kind: JobType[J], pk: int, task: Hint
) -> None:
    """Start one's own preview, and show the result as a message."""
    try:
        job = kind.start(pk, by=staff_of(request), now=database_clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return
    if job.status == WAITING:
        messages.warning(request, "Nothing happened yet: a second person must approve it.")
        return
    task.give()
    messages.success(request, "It is under way; this page shows how far it is.")


def csv_response(
    name: str, header: list[str], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        csv_stream.document(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
