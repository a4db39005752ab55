"""The page of leaves of absence: who asks, who is away, who will be."""

import datetime as dt

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path

from common import database_clock
from common.parsing import is_row_id
from console.decorators import page, render
from players.leave.queries import WAITING
from players.models import Leave

SIZE = 50
STATES = {
    "": "On leave",
    "waiting": "Waiting",
    "coming": "To come",
    "past": "Past",
}


@page("players.view_leave")
def listing(request: HttpRequest) -> HttpResponse:
    """List leaves in one of STATES, the newest first."""
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    before = request.GET.get("before", "")
    today = database_clock.now().astimezone(dt.UTC).date()
    rows = _in_state(state, today).filter(player__erased_at=None).select_related("player__rank")
    rows = rows.filter(pk__lt=int(before)) if is_row_id(before) else rows
    found = list(rows.order_by("-pk")[: SIZE + 1])
    return render(
        request,
        "console/leave.html",
        "Leave",
        rows=found[:SIZE],
        state=state,
        states=STATES.items(),
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


def _in_state(state: str, today: dt.date) -> QuerySet[Leave]:
    approved = Leave.objects.filter(status=Leave.Status.APPROVED)
    if state == "waiting":
        return Leave.objects.filter(WAITING)
    if state == "coming":
        return approved.filter(first_day__gt=today)
    if state == "past":
        return Leave.objects.exclude(status__in=[Leave.Status.ASKED, Leave.Status.APPROVED])
    return approved.filter(first_day__lte=today)


urls = [path("leave/", listing, name="leave")]
