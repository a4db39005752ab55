"""Pages of member reports: the list, one report with what is needed to decide, mutes of reporters."""

import datetime as dt
from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.decorators import page, render
from console.experiences.views import ReasonForm
from players.models import MemberReport, Player
from players.moderation.actors import staff_of
from players.moderation.command import ActionResult, Command
from players.moderation.input import LONGEST_REASON
from players.reports import decisions, queries

RIGHT = "players.view_player"
SIZE, SHOWN = 50, 10
Status = MemberReport.Status


class AnswerForm(forms.Form):
    """The answer to the reporters, and whether staff acted."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        label="Your answer, which the reporter reads",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    outcome = forms.ChoiceField(
        choices=[(str(Status.ACTED), "We acted"), (str(Status.NO_ACTION), "No action")],
        widget=forms.RadioSelect,
        initial=str(Status.ACTED),
        help_text="It only tells the reporter. Warn or suspend in the case file.",
    )


class MuteForm(ReasonForm):
    days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        required=False,
        initial=7,
        label="For so many days",
        help_text="Empty: until somebody ends it.",
    )
    field_order = ("days", "reason")


@page(RIGHT)
def listing(request: HttpRequest) -> HttpResponse:
    """List reports of one status, or those about and by one player, the newest first."""
    player = request.GET.get("player", "")
    if is_row_id(player):
        return _of_player(request, get_object_or_404(Player, user_id=int(player)))
    wanted = request.GET.get("status", "")
    status = wanted if wanted in Status.values else str(Status.OPEN)
    before = request.GET.get("before", "")
    readable = queries.visible_to(staff_of(request))
    rows = MemberReport.objects.filter(readable, status=status, joined_to=None).order_by("-pk")
    rows = rows.filter(pk__lt=int(before)) if is_row_id(before) else rows
    found = list(rows.select_related("reporter", "reported")[: SIZE + 1])
    return render(
        request,
        "console/reports.html",
        "Reports",
        rows=found[:SIZE],
        status=status,
        statuses=Status.choices,
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
    )


def _of_player(request: HttpRequest, player: Player) -> HttpResponse:
    return render(
        request,
        "console/reports.html",
        f"Reports about and by {player.username}",
        rows=queries.of_both_kinds(player, queries.visible_to(staff_of(request)), SIZE),
        player=player,
        muted=queries.mute_of(player, database_clock.now()),
    )


@page(RIGHT)
def detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """Show a report with the recent history of the reported; a POST answers it."""
    by, now = staff_of(request), database_clock.now()
    rows = MemberReport.objects.select_related("reporter", "reported__rank")
    report = get_object_or_404(rows.filter(queries.visible_to(by)), pk=report_id)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given, outcome = form.cleaned_data["reason"], Status(form.cleaned_data["outcome"])
        command = Command(by=by, reason=given, now=now)
        if _done(request, form, lambda: decisions.answer(report_id, outcome, command)):
            return redirect("console:report", report_id)
    about = [one for one in queries.about(report.reported, SHOWN) if one.pk != report.pk]
    return render(
        request,
        "console/report.html",
        f"Report {report.pk}",
        report=report,
        about=about,
        joinable=[one for one in about if one.status == Status.OPEN and one.joined_to_id is None],
        record=queries.record_of(report.reporter),
        muted=queries.mute_of(report.reporter, now),
        sanctions=report.reported.sanctions.order_by("-pk")[:SHOWN],
        why_not=_why_not(report, Command(by=by, now=now)),
        form=form,
    )


def _why_not(report: MemberReport, command: Command) -> str:
    if report.joined_to_id is not None:
        return f"It is joined to report {report.joined_to_id}, whose answer counts."
    if command.by.is_player(report.reporter):
        return decisions.OWN
    return decisions.why_not(report.reported, command)


@page(RIGHT)
def join(request: HttpRequest, report_id: int) -> HttpResponse:
    """Join every other open report about the same person to a report."""
    readable = MemberReport.objects.filter(queries.visible_to(staff_of(request)))
    report = get_object_or_404(readable.select_related("reported"), pk=report_id)
    rows = queries.waiting().filter(reported=report.reported).exclude(pk=report.pk)
    others, form = list(rows.values_list("pk", flat=True)), ReasonForm(request.POST or None)
    note = f"{len(others)} other open reports about the same person get the same answer."
    if request.method == "POST" and form.is_valid():
        command = _command(request, form)
        if _done(request, form, lambda: decisions.join(report_id, others, command)):
            return redirect("console:report", report_id)
    return _form(request, form, "Join them", note)


@page(RIGHT)
def mute(request: HttpRequest, user_id: int) -> HttpResponse:
    """Accept no reports of a member for a while, with a reason."""
    get_object_or_404(Player, user_id=user_id)
    form = MuteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        command, days = _command(request, form), form.cleaned_data["days"]
        until = command.now + dt.timedelta(days=days) if days else None
        if _done(request, form, lambda: decisions.mute(user_id, until, command)):
            return redirect("console:player", user_id)
    return _form(request, form, "Mute their reports", "They read the reason when they report.")


@page(RIGHT)
def unmute(request: HttpRequest, user_id: int) -> HttpResponse:
    """Accept a member's reports again, with a reason."""
    get_object_or_404(Player, user_id=user_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        command = _command(request, form)
        if _done(request, form, lambda: decisions.unmute(user_id, command)):
            return redirect("console:player", user_id)
    return _form(request, form, "Accept their reports again", "From now on they may report.")


def _command(request: HttpRequest, form: forms.Form) -> Command:
    return Command(
        by=staff_of(request), reason=form.cleaned_data["reason"], now=database_clock.now()
    )


def _done(request: HttpRequest, form: forms.Form, act: Callable[[], ActionResult]) -> bool:
    try:
        messages.success(request, act().sentence)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _form(request: HttpRequest, form: forms.Form, title: str, note: str) -> HttpResponse:
    return render(
        request,
        "console/form.html",
        title,
        form=form,
        asks=True,
        note=note,
        button=title,
        back="console:reports",
    )


urls = [
    path("reports/", listing, name="reports"),
    path("reports/<rowid:report_id>/", detail, name="report"),
    path("reports/<rowid:report_id>/join/", join, name="report-join"),
    path("reports/mute/<userid:user_id>/", mute, name="reports-mute"),
    path("reports/unmute/<userid:user_id>/", unmute, name="reports-unmute"),
]
