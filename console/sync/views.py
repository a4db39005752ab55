"""Pages of the sync with Roblox: pulls, differences, and writes that wait or are parked."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id, whole_number
from console.decorators import page, render
from console.experiences.views import ReasonForm
from players.moderation.actors import staff_of
from players.moderation.command import Command
from players.moderation.input import LONGEST_REASON
from roblox import write_hold
from roblox.models import Experience
from syncs import drift as drift_resolution
from syncs import jobs, tasks
from syncs.models import Drift, Mirror, RolePin, SyncJob
from syncs.pull import missing_members
from syncs.push import mirrors, writers

SHOWN = 50
MANY = 1_000  # upper limit of counting
JOBS = 40
JOBS_READ = 2_000  # newest jobs among which the last success of each activity is searched
REASONS = 20  # groups of parked writes
GROUP_WIDE = {SyncJob.Activity.MEMBERS, SyncJob.Activity.POLICY_DRIFT}
# An activity without a success for this long is shown as stale.
STALE = {SyncJob.Activity.LEADERBOARD: dt.timedelta(hours=3)}
NIGHTLY = dt.timedelta(hours=30)


@dataclass(frozen=True, slots=True)
class Freshness:
    """The last success of an activity, for one experience or for the group (`experience` None)."""

    activity: str
    experience: Experience | None
    at: dt.datetime | None
    stale: bool


@page("syncs.view_syncjob")
def overview(request: HttpRequest) -> HttpResponse:
    pending = Mirror.objects.filter(status=Mirror.Status.PENDING).order_by()[:MANY]
    waiting = pending.aggregate(count=Count("pk"), since=Min("wanted_at"))
    now = database_clock.now()
    latest = SyncJob.objects.select_related("experience").order_by("-pk")[:JOBS]
    return render(
        request,
        "console/sync.html",
        "Sync with Roblox",
        freshness=freshness(now),
        jobs=[(job, jobs.present_status(job, now)) for job in latest],
        parked=_parked_by_reason(),
        parked_roles=RolePin.objects.filter(retired=False).exclude(parked="").count(),
        waiting=waiting["count"],
        waiting_since=waiting["since"],
        many=MANY,
        why_off=write_hold.why_off(),
        drifts=_open_drifts(None),
        may=request.user.has_perm("console.sync"),
    )


def freshness(now: dt.datetime) -> list[Freshness]:
    """Return each activity of each enabled experience, with its last success."""
    last = _last_successes()
    found, connected = [], list(_connected())
    for activity in SyncJob.Activity:
        places: list[Experience | None] = [None] if activity in GROUP_WIDE else connected
        for experience in places:
            at = last.get((activity, experience.pk if experience else None))
            stale = at is None or now - at > STALE.get(activity, NIGHTLY)
            found.append(Freshness(activity, experience, at, stale))
    return found


def _last_successes() -> dict[tuple[str, int | None], dt.datetime]:
    """Return the end of the last success by activity and experience, among the newest JOBS_READ."""
    done = SyncJob.objects.filter(status=SyncJob.Status.DONE, dry_run=False).order_by("-pk")
    newest = SyncJob.objects.filter(pk__in=done.values("pk")[:JOBS_READ]).order_by()
    rows = newest.values_list("activity", "experience").annotate(at=Max("finished_at"))
    return {(activity, experience): at for activity, experience, at in rows}


def _parked_by_reason() -> list[tuple[str, str, int, int]]:
    """Return aspect, reason, number and first id of parked writes, among the first MANY."""
    first = mirrors.parked().order_by("pk").values("pk")[:MANY]
    groups = Mirror.objects.filter(pk__in=first).values("aspect", "reason")
    counted = groups.annotate(count=Count("pk"), first=Min("pk")).order_by("-count", "first")
    return list(counted.values_list("aspect", "reason", "count", "first")[:REASONS])


def _connected() -> Any:
    return Experience.objects.filter(enabled=True).exclude(universe_id=None)


class PullForm(forms.Form):
    activity = forms.ChoiceField(choices=SyncJob.Activity.choices)
    experience = forms.CharField(required=False)


@page("console.sync")
def ask(request: HttpRequest) -> HttpResponse:
    """Request a pull."""
    form = PullForm(request.POST)
    if request.method == "POST" and form.is_valid():
        key = form.cleaned_data["experience"]
        place = Experience.objects.filter(key=key).first() if key else None
        _report(
            request,
            lambda: jobs.request(
                form.cleaned_data["activity"], place, actor=staff_of(request).actor
            ),
            f"The pull of {form.cleaned_data['activity']} starts soon.",
        )
        tasks.RUNNING.give()
    return redirect("console:sync")


ON_JOBS = {
    "cancel": (jobs.cancel, "ends at its next page"),
    "pause": (jobs.pause, "stops at its next page"),
    "resume": (jobs.resume, "continues"),
}


@page("console.sync")
def on_job(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Cancel, pause or resume a job."""
    if request.method == "POST" and act in ON_JOBS:
        do, effect = ON_JOBS[act]
        by, reason = staff_of(request), request.POST.get("reason", "")[:LONGEST_REASON]
        _report(request, lambda: do(pk, actor=by.actor, reason=reason), f"Job {pk} {effect}.")
        tasks.RUNNING.give()
    return redirect("console:sync")


@page("syncs.view_syncjob", fresh=True)
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the question of a waiting pull, the affected players, and the form to confirm it."""
    job = get_object_or_404(SyncJob, pk=pk, status=SyncJob.Status.WAITING)
    form = ReasonForm(request.POST or None) if request.user.has_perm("console.sync") else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            jobs.confirm(pk, by=staff_of(request), reason=form.cleaned_data["reason"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Job {pk} continues.")
            tasks.RUNNING.give()
            return redirect("console:sync")
    group = settings.ROBLOX_GROUP_ID or 0
    return render(
        request,
        "console/sync_question.html",
        f"The pull of {job.activity} waits for a person",
        job=job,
        form=form,
        staff=missing_members.staff_among(job, group, SHOWN),
        others=missing_members.known(job, group, SHOWN),
    )


@page("console.sync")
def retry_parked(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        count = mirrors.retry_parked(database_clock.now())
        messages.success(request, f"{count:,} parked writes are tried again.")
    return redirect("console:sync")


@page("syncs.view_drift")
def drift_list(request: HttpRequest) -> HttpResponse:
    after = request.GET.get("after", "")
    rows = _open_drifts(whole_number(after))
    return render(
        request,
        "console/drifts.html",
        "Differences from Roblox",
        drifts=rows[:SHOWN],
        following=rows[SHOWN - 1].pk if len(rows) > SHOWN else None,
        may=request.user.has_perm("console.sync"),
    )


@page("syncs.view_drift")
def drift(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Drift.objects.select_related("experience", "player"), pk=pk)
    return render(
        request,
        "console/drift.html",
        f"Difference {found.pk}: {found.get_aspect_display()} of {found.subject}",
        drift=found,
        sides=_sides(found),
        settles=found.aspect in {Drift.Aspect.ROLE, Drift.Aspect.RESTRICTION},
        may=request.user.has_perm("console.sync"),
    )


RESOLUTIONS: dict[str, tuple[Callable[..., Drift], str, str, str]] = {
    "adopt": (
        drift_resolution.adopt,
        "Adopt the state on Roblox",
        "GRPS changes to the state on Roblox.",
        "Adopt",
    ),
    "push": (
        drift_resolution.push,
        "Push the state of GRPS",
        "Roblox changes to the state of GRPS.",
        "Push",
    ),
}


class Adopt(ReasonForm):
    name = forms.CharField(
        max_length=20, required=False, label="Username, if they are not a player yet"
    )


@page("console.sync")
def resolve(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Resolve a difference: adopt the state on Roblox, or push ours."""
    found = get_object_or_404(Drift, pk=pk)
    do, title, note, button = RESOLUTIONS["adopt" if act == "adopt" else "push"]
    form = (Adopt if act == "adopt" else ReasonForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        command = Command(by=staff_of(request), reason=data.pop("reason"), now=database_clock.now())
        try:
            do(found.pk, command, **{k: v for k, v in data.items() if v})
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Difference {found.pk} is resolved.")
            return redirect("console:drifts")
    context = {
        "form": form,
        "note": f"{found.detail}. {note}",
        "button": button,
        "back": "console:drifts",
    }
    return render(request, "console/form.html", title, asks=True, **context)


@page("syncs.view_mirror")
def parked(request: HttpRequest) -> HttpResponse:
    """List parked writes."""
    after = request.GET.get("after", "")
    rows = mirrors.parked().select_related("player", "experience").order_by("pk")
    found = list((rows.filter(pk__gt=int(after)) if is_row_id(after) else rows)[: SHOWN + 1])
    return render(
        request,
        "console/parked.html",
        "Parked writes",
        rows=[(row, writers.sentence(row)) for row in found[:SHOWN]],
        resting=mirrors.resting_parked(),
        following=found[SHOWN - 1].pk if len(found) > SHOWN else None,
        may=request.user.has_perm("console.sync"),
    )


@page("console.sync")
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Retry one parked write."""
    row = get_object_or_404(Mirror.objects.select_related("player", "experience"), pk=pk)
    if request.method == "POST":
        mirrors.push_again(Mirror.Aspect(row.aspect), row.player, row.experience)
        messages.success(request, f"The {row.aspect} of {row.player} is written again.")
    return redirect("console:parked")


def _open_drifts(after: int | None) -> list[Drift]:
    rows = (
        Drift.objects.filter(resolved_at=None).select_related("experience", "player").order_by("pk")
    )
    return list((rows.filter(pk__gt=after) if after else rows)[: SHOWN + 1])


def _sides(found: Drift) -> list[tuple[str, str, str]]:
    """Return field name, our value and their value of each field of either side."""
    ours = found.ours if isinstance(found.ours, dict) else {"": found.ours}
    theirs = found.theirs if isinstance(found.theirs, dict) else {"": found.theirs}
    return [(name, _text(ours.get(name)), _text(theirs.get(name))) for name in {**ours, **theirs}]


def _text(value: Any) -> str:
    return (
        {None: "–", True: "yes", False: "no"}.get(value, str(value))
        if not isinstance(value, dict)
        else str(value)
    )


def _report(request: HttpRequest, do: Callable[[], Any], success: str) -> None:
    try:
        do()
    except (Refused, jobs.AlreadyActive) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, success)


urls = [
    path("sync/", overview, name="sync"),
    path("sync/ask/", ask, name="sync-ask"),
    path("sync/jobs/<rowid:pk>/question/", question, name="sync-question"),
    path("sync/jobs/<rowid:pk>/<slug:act>/", on_job, name="sync-job"),
    path("sync/drift/", drift_list, name="drifts"),
    path("sync/drift/<rowid:pk>/", drift, name="drift"),
    path("sync/drift/<rowid:pk>/<slug:act>/", resolve, name="drift-settle"),
    path("sync/parked/", parked, name="parked"),
    path("sync/parked/retry/", retry_parked, name="parked-retry"),
    path("sync/parked/<rowid:pk>/again/", again, name="parked-again"),
]
