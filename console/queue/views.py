"""The home page: the queue of work for staff, oldest first, and figures of the last days."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from audits.models import AuditEvent, Seal
from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.charts.bars import bars
from console.decorators import page, render
from console.experiences.views import ReasonForm
from console.models import SeenUpTo
from console.queue.base import MOST, Item, WorkKind, counts
from console.queue.registry import BY_NAME, seen_by
from console.sync.views import freshness
from players import daily_figures
from players.models import GuardTrip
from players.moderation import assignments, input, velocity_limit
from players.moderation.actors import Staff, staff_of
from players.moderation.input import LONGEST_REASON
from players.policy_changes import reviews
from players.ranks import decisions
from webhooks.endpoints import statistics
from webhooks.models import WebhookEndpoint

SIZE = 30  # items on the page of one kind
EACH = 8  # items of each kind if all kinds are shown
STRIPS = 4  # endpoints with a chart of the last day, failing ones first
DAY = dt.timedelta(days=1)
PICKED = 100  # proposals in one decision

# Items of these kinds can only be taken by people who may decide on them.
DECIDED_WITH = {"appeal": "players.decide_appeals"}


@page()
def home(request: HttpRequest) -> HttpResponse:
    """Show the queue. Its live parts request this page again and use their part of it."""
    by, now = staff_of(request), database_clock.now()
    kinds = seen_by(request.user)
    which = request.GET.get("kind", "")
    chosen = [kind for kind in kinds if kind.name == which] or kinds
    after = request.GET.get("after", "")
    start = int(after) if is_row_id(after) and len(chosen) == 1 else 0
    size = SIZE if len(chosen) == 1 else EACH
    found = [item for kind in chosen for item in kind.items(by, now, start, size + 1)[: size + 1]]
    more = len(chosen) == 1 and len(found) > SIZE
    found = sorted(found[:SIZE] if len(chosen) == 1 else found, key=lambda item: item.since)
    _mark_claims(found, now)
    older = found[-1].key if more else ""  # before the filters, which may leave nothing
    mine = request.GET.get("mine", "")
    if mine:
        found = [
            item for item in found if item.claim is not None and item.claim.holder == by.person
        ]
    old = request.GET.get("old", "")
    if old:
        found = [item for item in found if item.since <= now - DAY]
    return render(
        request,
        "console/home.html",
        "Queue",
        tabs=_tabs(kinds, by, now),
        which=which if len(chosen) == 1 and len(kinds) != 1 else "",
        items=found,
        older=older,
        mine=mine,
        old=old,
        person=by.person,
        cards=_cards(request, now) if not request.headers.get("HX-Request") else None,
        verbs=[
            (verb, verb.capitalize(), input.preset_reasons().get(verb, []))
            for verb in ("approve", "reject")
        ],
    )


class Picked(forms.Form):
    """Several proposals, with one verb and its reason."""

    verb = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    approve_reason = forms.CharField(max_length=LONGEST_REASON, required=False)
    reject_reason = forms.CharField(max_length=LONGEST_REASON, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reason = (data.get(f"{data.get('verb')}_reason") or "").strip()
        if not reason:
            self.add_error(None, "Choose a reason.")
        return data | {"reason": reason}


@require_POST
@page("players.adjust")
def act(request: HttpRequest) -> HttpResponse:
    """Decide on several proposals at once, and show each refusal."""
    form = Picked(request.POST)
    picked = [int(key) for key in request.POST.getlist("pick") if is_row_id(key)]
    if not form.is_valid() or not picked:
        messages.error(request, "Pick at least one proposal, and choose a reason.")
        return _back(request)
    verb: Callable[..., Any] = (
        decisions.approve if form.cleaned_data["verb"] == "approve" else decisions.reject
    )
    done, by = 0, staff_of(request)
    for pk in picked[:PICKED]:
        try:
            verb(pk, by=by, reason=form.cleaned_data["reason"], now=database_clock.now())
        except Refused as refusal:
            messages.error(request, f"Proposal {pk}: {refusal}")
        else:
            done += 1
    messages.success(request, f"{done} of {len(picked[:PICKED])} are decided.")
    return _back(request)


@require_POST
@page("players.view_player")
def take(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Take or release an item."""
    by, needed = staff_of(request), DECIDED_WITH.get(kind, "")
    try:
        if request.POST.get("verb") == "release":
            assignments.release(kind, key, by=by)
        elif needed and not request.user.has_perm(needed):
            raise Refused("You cannot claim it, because you may not decide on it.")
        else:
            assignments.claim(kind, key, by=by, now=database_clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return _back(request)


@page("audits.view_auditevent")
def seen(request: HttpRequest, kind: str, event: int) -> HttpResponse:
    """Mark all events of a kind as seen, up to this one."""
    work = BY_NAME.get(kind)
    if work is None or not AuditEvent.objects.filter(pk=event, action=work.action).exists():
        raise Http404
    if not work.seen_by(request.user):
        raise PermissionDenied
    if request.method == "POST":
        _see(kind, event, staff_of(request).person)
        messages.success(request, "They left the queue. The audit log keeps them.")
        return redirect("console:home")
    context = {
        "form": forms.Form(),
        "note": "All events up to this one leave the queue of all staff.",
    }
    return render(
        request,
        "console/form.html",
        "Mark as seen",
        button="Mark as seen",
        back="console:home",
        asks=False,
        **context,
    )


def _see(kind: str, event: int, person: str) -> None:
    """Store up to which event a kind was seen. It never moves back."""
    seen = {"event": event, "person": person, "at": database_clock.now()}
    _, created = SeenUpTo.objects.get_or_create(kind=kind, defaults=seen)
    if not created:
        SeenUpTo.objects.filter(kind=kind, event__lt=event).update(**seen)


@page("console.roles")
def release_guard(request: HttpRequest, pk: int) -> HttpResponse:
    """Restore the access of a person whom the guard stopped."""
    trip = get_object_or_404(GuardTrip, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            velocity_limit.release(
                trip.person,
                by=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=database_clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{trip.name} can act without approval again.")
            return redirect("console:home")
    since = f"{trip.tripped_at:%Y-%m-%d %H:%M} UTC"
    note = f"Since {since}, actions of {trip.name} need approval. Check what they did first."
    return render(
        request,
        "console/form.html",
        f"Restore the access of {trip.name}",
        form=form,
        note=note,
        button="Restore access",
        back="console:home",
        asks=True,
    )


@page("console.policy")
def review(request: HttpRequest) -> HttpResponse:
    """Record that the policy was reviewed without a change."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reviews.review(
            by=staff_of(request), reason=form.cleaned_data["reason"], now=database_clock.now()
        )
        messages.success(request, "Recorded. The next review is due in a quarter.")
        return redirect("console:home")
    note = "Say what was reviewed. Ranks, points, punishments and permissions do not change."
    context = {
        "form": form,
        "note": note,
        "button": "Record the review",
        "back": "console:home",
        "asks": True,
    }
    return render(request, "console/form.html", "The quarterly review of the policy", **context)


def _mark_claims(found: list[Item], now: dt.datetime) -> None:
    held = assignments.held_among([(item.kind, item.key) for item in found], now)
    for item in found:
        item.claim = held.get((item.kind, item.key))


def _tabs(kinds: list[WorkKind], by: Staff, now: dt.datetime) -> list[tuple[WorkKind, str]]:
    found = counts(kinds, by, now)
    shown = {name: f"{MOST - 1}+" if count >= MOST else str(count) for name, count in found.items()}
    return [(kind, shown[kind.name]) for kind in kinds]


def _cards(request: HttpRequest, now: dt.datetime) -> dict[str, Any]:
    """Return charts of the last fourteen days, from stored daily figures."""
    today = now.astimezone(dt.UTC).date()
    days = [today - dt.timedelta(days=back) for back in reversed(range(daily_figures.DAYS))]
    found = daily_figures.of(
        ["points", "players", "promotions", "demotions", "warnings", "suspensions", "bans"], days[0]
    )
    nothing: dict[dt.date, Decimal] = {}
    sealed = Seal.objects.order_by("-number").values_list("at", "number").first()
    return {
        "points": bars(
            "Points a day",
            days,
            {label: by for (what, label), by in found.items() if what == "points"},
        ),
        "players": bars(
            "Active players a day",
            days,
            {label: by for (what, label), by in found.items() if what == "players"},
        ),
        "ranks": bars(
            "Changes of rank a day",
            days,
            {name: found.get((name, ""), nothing) for name in ("promotions", "demotions")},
        ),
        "sanctions": bars(
            "Sanctions a day",
            days,
            {name: found.get((name, ""), nothing) for name in ("warnings", "suspensions", "bans")},
        ),
        "deliveries": _deliveries(now)
        if request.user.has_perm("webhooks.view_webhookdelivery")
        else [],
        "freshness": freshness(now) if request.user.has_perm("syncs.view_syncjob") else [],
        "sealed": sealed,
    }


def _deliveries(now: dt.datetime) -> list[tuple[WebhookEndpoint, statistics.Strip]]:
    """Return some endpoints with their last day, failing ones first."""
    chosen = list(WebhookEndpoint.objects.order_by("failing_since", "name")[:STRIPS])
    found = statistics.strips([one.pk for one in chosen], now) if chosen else {}
    return [(one, found[one.pk]) for one in chosen]


def _back(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return redirect(
        wanted if safe and wanted.startswith("/") else "console:home"
    )  # otherwise it could name a view


urls = [
    path("", home, name="home"),
    path("queue/act/", act, name="queue-act"),
    path("queue/seen/<slug:kind>/<rowid:event>/", seen, name="queue-seen"),
    path("queue/take/<slug:kind>/<str:key>/", take, name="queue-take"),
    path("queue/guard/<rowid:pk>/", release_guard, name="guard-release"),
    path("policy/review/", review, name="policy-review"),
]
