"""Pages of events with a host: the list, one event with its attendees, and what is done to it."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.hosted_events.calendar_file import calendar
from console.hosted_events.forms import AddForm, NewPlanForm, PlanForm, initial_of
from players.hosted_events import (
    attendance,
    awarding,
    ending,
    kinds,
    lookup,
    planning,
    rights,
    series,
)
from players.models import HostedEvent
from players.moderation.actors import staff_of
from players.moderation.command import ActionResult, Command

RIGHT = "players.view_player"
SIZE = 50
STATES = {"": "Upcoming", "waiting": "To award", "past": "Past"}


@dataclass(frozen=True, slots=True)
class Act:
    """An act on an event: its dialog's texts and its function."""

    title: str
    note: str
    perform: Callable[[int, Command], ActionResult]
    severe: bool = False


ACTS = {
    "end": Act("End it", "It ends now, and who attended is decided.", ending.end),
    "cancel": Act(
        "Cancel it", "It does not take place, or does not count.", planning.cancel, severe=True
    ),
    "award": Act(
        "Award everybody",
        "Everybody who attended is awarded under their own caps, and the hosts too. "
        "It can be undone as a whole.",
        awarding.award,
    ),
}


@page(RIGHT)
def listing(request: HttpRequest) -> HttpResponse:
    """List what is planned or runs, what waits for its award, or what is past."""
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    rows = {
        "": lookup.upcoming(database_clock.now()),
        "waiting": lookup.past(HostedEvent.Status.ENDED),
        "past": lookup.past(),
    }[state][:SIZE]
    return render(
        request,
        "console/hosted_events.html",
        "Events",
        rows=[(event, event.title or kinds.title_of(event.kind)) for event in rows],
        state=state,
        states=STATES.items(),
        may_plan=any(not rights.why_not_plan(kind, staff_of(request)) for kind in kinds.kinds()),
    )


@page(RIGHT)
def detail(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show an event with its hosts and attendees."""
    event = _event(event_id)
    manages = not rights.why_not_manage(event, staff_of(request))
    changeable = event.status in attendance.CHANGEABLE
    return render(
        request,
        "console/hosted_event.html",
        event.title or kinds.title_of(event.kind),
        event=event,
        kind=kinds.title_of(event.kind),
        hosts=event.hosts.select_related("player"),
        rows=[(row, row.seconds // 60) for row in attendance.roster(event)],
        acts=[(name, ACTS[name]) for name in _possible(event)] if manages else [],
        may_mark=manages and changeable,
        may_change=manages and event.status == HostedEvent.Status.PLANNED,
        waiting=attendance.waiting(event.pk),
    )


def _event(event_id: int) -> HostedEvent:
    return get_object_or_404(HostedEvent.objects.select_related("host", "series"), pk=event_id)


def _possible(event: HostedEvent) -> list[str]:
    return {
        HostedEvent.Status.PLANNED: ["cancel"],
        HostedEvent.Status.RUNNING: ["end", "cancel"],
        HostedEvent.Status.ENDED: ["award", "cancel"],
    }.get(HostedEvent.Status(event.status), [])


@page(RIGHT)
def new(request: HttpRequest) -> HttpResponse:
    """Plan an event, or a series."""
    form = NewPlanForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        command = Command(by=staff_of(request), now=database_clock.now())
        try:
            how = form.repetition()
            if how is None:
                event = planning.plan(form.plan(), command)
                return redirect("console:hosted-event", event.pk)
            series.begin(form.plan(), how, command)
            messages.success(request, "The series is planned four weeks ahead.")
            return redirect("console:hosted-events")
        except Refused as refusal:
            form.add_error(None, str(refusal))
    return _form(request, form, "Plan an event", "It is told where webhooks go.")


@page(RIGHT)
def change(request: HttpRequest, event_id: int) -> HttpResponse:
    """Change a planned event."""
    event = _event(event_id)
    form = PlanForm(request.POST or None, initial=initial_of(event))
    if request.method == "POST" and form.is_valid():
        command = Command(by=staff_of(request), now=database_clock.now())
        try:
            planning.change(event_id, form.plan(), command)
            return redirect("console:hosted-event", event_id)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    return _form(request, form, "Change the event", "Its time is shown in UTC.")


@page(RIGHT)
def act(request: HttpRequest, event_id: int, name: str) -> HttpResponse:
    """End, cancel or award an event, with a reason."""
    it = ACTS[name]
    form = ReasonForm(request.POST or None)
    return _dialog(request, form, it, event_id, lambda command: it.perform(event_id, command))


@page(RIGHT)
def strike(request: HttpRequest, event_id: int, user_id: int) -> HttpResponse:
    """Strike an attendee, with a reason."""
    it = Act("Strike them", "They count as absent.", ending.end, severe=True)
    form = ReasonForm(request.POST or None)
    return _dialog(
        request, form, it, event_id, lambda command: attendance.strike(event_id, user_id, command)
    )


@page(RIGHT)
def add(request: HttpRequest, event_id: int) -> HttpResponse:
    """Add somebody who attended, with a reason."""
    it = Act("Add somebody", "They count as having attended.", ending.end)
    form = AddForm(request.POST or None)

    def perform(command: Command) -> ActionResult:
        return attendance.add(event_id, form.cleaned_data["user_id"], command)

    return _dialog(request, form, it, event_id, perform)


@page(RIGHT)
def end_series(request: HttpRequest, event_id: int) -> HttpResponse:
    """End the series of an event, with a reason."""
    event = _event(event_id)
    it = Act("End the series", "Its planned events are cancelled.", ending.end, severe=True)
    form = ReasonForm(request.POST or None)
    return _dialog(
        request, form, it, event_id, lambda command: series.end(event.series_id or 0, command)
    )


def _dialog(
    request: HttpRequest,
    form: ReasonForm,
    it: Act,
    event_id: int,
    perform: Callable[[Command], ActionResult],
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        command = Command(
            by=staff_of(request), reason=form.cleaned_data["reason"], now=database_clock.now()
        )
        try:
            done = perform(command)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            (messages.warning if done.approval else messages.success)(request, done.sentence)
            return redirect("console:hosted-event", event_id)
    return _form(request, form, it.title, it.note, grave=it.severe)


def _form(
    request: HttpRequest, form: forms.Form, title: str, note: str, *, grave: bool = False
) -> HttpResponse:
    return render(
        request,
        "console/form.html",
        title,
        form=form,
        asks=True,
        note=note,
        button=title,
        grave=grave,
        back="console:hosted-events",
    )


@page(RIGHT)
def calendar_file(request: HttpRequest) -> HttpResponse:
    """Return the upcoming events as an iCalendar file."""
    now = database_clock.now()
    answer = HttpResponse(
        calendar(lookup.upcoming(now), now), content_type="text/calendar; charset=utf-8"
    )
    answer["Content-Disposition"] = 'attachment; filename="events.ics"'
    return answer


urls = [
    path("events/", listing, name="hosted-events"),
    path("events/calendar.ics", calendar_file, name="hosted-events-calendar"),
    path("events/new/", new, name="hosted-event-new"),
    path("events/<rowid:event_id>/", detail, name="hosted-event"),
    path("events/<rowid:event_id>/change/", change, name="hosted-event-change"),
    path("events/<rowid:event_id>/add/", add, name="hosted-event-add"),
    path("events/<rowid:event_id>/end-series/", end_series, name="hosted-series-end"),
    path("events/<rowid:event_id>/strike/<userid:user_id>/", strike, name="hosted-event-strike"),
    *(
        path(f"events/<rowid:event_id>/{name}/", act, {"name": name}, name=f"hosted-event-{name}")
        for name in ACTS
    ),
]
