"""Read the state of a job and the results of its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber

from players.models import Adjustment, Approval, BulkJob

EXAMPLES = 3
MOST_REASONS = 50


@dataclass(slots=True)
class ResultReason:
    """Why `count` rows were not changed, with the user ids of the first ones."""

    status: str
    note: str
    count: int
    examples: list[int]


def state(job: BulkJob) -> str:
    """Return the job's status, or that of its rejected, withdrawn or expired request."""
    approval = job.approval if job.status == "waiting" else None
    if approval is not None and approval.status != Approval.Status.WAITING:
        return str(approval.status)
    return str(job.status)


def reasons(job: BulkJob | Adjustment) -> list[ResultReason]:
    """Return why rows were skipped or failed, the most frequent reasons first."""
    found: dict[tuple[str, str], ResultReason] = {}
    for status, note, count, user_id in _examples(job):
        reason = found.setdefault((status, note), ResultReason(status, note, count, []))
        if user_id is not None:
            reason.examples.append(user_id)
    return sorted(found.values(), key=lambda one: (-one.count, one.note))[:MOST_REASONS]


def _examples(job: BulkJob | Adjustment) -> Iterable[tuple[str, str, int, int | None]]:
    """Return status, note, the number of rows with that note, and user id of the first rows."""
    rows: QuerySet[Any]
    if isinstance(job, Adjustment):
        rows, user_id = job.lines.filter(status="skipped"), "user_id"  # an index exists for this
    else:
        rows, user_id = job.lines.exclude(note=""), "player__user_id"
    same = [F("status"), F("note")]
    numbered = rows.annotate(
        number=Window(RowNumber(), partition_by=same, order_by="line"),
        count=Window(Count("line"), partition_by=same),
    )
    first = numbered.filter(number__lte=EXAMPLES).order_by("line")
    return first.values_list("status", "note", "count", user_id)
