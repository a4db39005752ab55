"""Pages of experiences and their keys."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from console.decorators import page, render
from players.experiences import counting
from players.models import Approval
from players.moderation import experience_bounds, key_requests
from players.moderation.actors import staff_of
from players.moderation.command import Command
from players.points import recounting
from players.policy.bounds import told
from roblox import keys
from roblox.experiences import set_writes
from roblox.models import CloudKey, Experience, ExperienceKey

SOON = dt.timedelta(days=14)
KEYS_SHOWN = 20  # newest keys of one experience


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, help_text="In a sentence, for the audit log.")


class NewKey(ReasonForm):
    days = forms.IntegerField(
        min_value=1,
        max_value=730,
        required=False,
        label="Expires after days",
        help_text="Empty: it does not expire.",
    )
    field_order = ("days", "reason")


class Rotate(ReasonForm):
    overlap = forms.TypedChoiceField(
        choices=[*key_requests.OVERLAPS.items()],
        coerce=int,
        initial=24,
        label="The present keys work for",
        widget=forms.RadioSelect,
    )
    field_order = ("overlap", "reason")


@dataclass(frozen=True, slots=True)
class ExperienceDialog:
    """The texts of a dialog. `severe`: shown in red."""

    title: str
    note: str
    button: str
    severe: bool = False


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as a line of the page."""

    key: ExperienceKey
    state: str
    tone: str

    @property
    def live(self) -> bool:
        return self.tone != "quiet"


@page("roblox.view_experience")
def listing(request: HttpRequest) -> HttpResponse:
    """List all experiences with their keys, bounds and pending requests."""
    now = database_clock.now()
    waiting, ready = key_requests.waiting(), key_requests.ready(staff_of(request), now)
    newest = Prefetch("keys", ExperienceKey.objects.order_by("-pk"))
    experiences = Experience.objects.prefetch_related(newest)
    return render(
        request,
        "console/experiences.html",
        "Experiences and keys",
        rows=[_row(one, waiting, ready, now) for one in experiences],
        may=request.user.has_perm("console.secrets"),
        may_ask=request.user.has_perm(experience_bounds.RIGHT),
        cloud_keys=list(CloudKey.objects.order_by("name", "fingerprint")),
        soon=now + SOON,
    )


def _row(
    experience: Experience, waiting: list[Approval], ready: list[Approval], now: dt.datetime
) -> dict[str, Any]:
    key = experience.key
    return {
        "experience": experience,
        "keys": [_line(one, now) for one in list(experience.keys.all())[:KEYS_SHOWN]],
        "waiting": [one for one in waiting if one.arguments["experience"] == key],
        "ready": [one for one in ready if one.arguments["experience"] == key],
        "bounds": _bounds(key),
        "more": experience_bounds.missing(key),
        "asked": experience_bounds.waiting(key),
        "counts": _counts(experience),
        "more_counts": recounting.missing(key),
        "counts_asked": recounting.waiting(key),
    }


@page("console.secrets")
def new_key(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    dialog = ExperienceDialog(
        f"A new key for {experience.name}",
        "A second owner approves it. Then you collect it here, where it is shown only once.",
        "Ask for approval",
    )
    form = NewKey(request.POST or None)

    def ask(command: Command) -> Approval:
        days = {"days": form.cleaned_data["days"]}
        return _ask_key(key_requests.CREATE, experience, days, command)

    return _request(request, dialog, form, ask)


@page("console.secrets")
def rotate(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    dialog = ExperienceDialog(
        f"Rotate the keys of {experience.name}",
        "A second owner approves it. When you collect the new key, the present keys get their end. "
        "Put the new key into the experience's secrets before that.",
        "Ask for approval",
    )
    form = Rotate(request.POST or None)

    def ask(command: Command) -> Approval:
        overlap = {"overlapHours": form.cleaned_data["overlap"]}
        return _ask_key(key_requests.ROTATE, experience, overlap, command)

    return _request(request, dialog, form, ask)


@page("console.secrets")
def collect(request: HttpRequest, pk: int) -> HttpResponse:
    approval = get_object_or_404(
        Approval, pk=pk, act__in=[key_requests.CREATE, key_requests.ROTATE]
    )
    if request.method != "POST":
        note = "The key is created now and shown only once. Be ready to store it."
        return _form(
            request, ExperienceDialog("Collect the key", note, "Show it"), ReasonForm(), asks=False
        )
    try:
        key, raw = key_requests.collect(approval.pk, by=staff_of(request), now=database_clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:experiences")
    return render(request, "console/key.html", f"The new key of {key.experience}", key=key, raw=raw)


@page("console.secrets")
def revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    key = get_object_or_404(ExperienceKey.objects.select_related("experience"), prefix=prefix)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        keys.revoke(key, actor=staff_of(request).actor, reason=form.cleaned_data["reason"])
        messages.success(request, f"{key} is revoked.")
        return redirect("console:experiences")
    used = (
        f"It was last used on {key.last_used_at:%Y-%m-%d %H:%M} UTC."
        if key.last_used_at
        else "It was never used."
    )
    note = f"Game servers that use {key} are refused from their next request on. {used}"
    return _form(request, ExperienceDialog(f"Revoke {key}", note, "Revoke", severe=True), form)


@page("console.secrets")
def writes(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    form = ReasonForm(request.POST or None)
    on = not experience.writes
    if request.method == "POST" and form.is_valid():
        on = request.POST.get("on") == "1"
        by = staff_of(request)
        set_writes(experience.key, on, actor=by.actor, reason=form.cleaned_data["reason"])
        messages.success(
            request, f"Writing to {experience.name} is switched {'on' if on else 'off'}."
        )
        return redirect("console:experiences")
    what = "are written again, also those that wait" if on else "wait until it is switched on again"
    word = "on" if on else "off"
    dialog = ExperienceDialog(
        f"Switch writing to {experience.name} {word}",
        f"Changes of ranks, adjusted points and bans {what}.",
        f"Switch {word}",
    )
    return _form(request, dialog, form, hidden={"on": "1" if on else "0"})


@page(experience_bounds.RIGHT)
def more(request: HttpRequest, key: str) -> HttpResponse:
    """Request the bounds of the configuration that are not in force."""
    experience = get_object_or_404(Experience, key=key)
    gains = "; ".join(experience_bounds.missing(key)) or "nothing new"
    dialog = ExperienceDialog(
        f"Let {experience.name} do more",
        f"Another owner approves it. Then game servers may send: {gains}.",
        "Ask for approval",
    )

    def ask(command: Command) -> Approval:
        return experience_bounds.ask(key, by=command.by, reason=command.reason, now=command.now)

    return _request(request, dialog, ReasonForm(request.POST or None), ask)


@page(recounting.OWNER, fresh=True)
def count_more(request: HttpRequest, key: str) -> HttpResponse:
    """Request to count what the configuration counts as points and GRPS does not count yet."""
    experience = get_object_or_404(Experience, key=key)
    gains = ", ".join(recounting.missing(key)) or "nothing new"
    dialog = ExperienceDialog(
        f"Let more of {experience.name} count",
        f"Another owner approves it: {gains}.",
        "Ask for approval",
    )

    def ask(command: Command) -> Approval:
        return recounting.ask(key, by=command.by, reason=command.reason, now=command.now)

    return _request(request, dialog, ReasonForm(request.POST or None), ask)


def _counts(experience: Experience) -> list[tuple[str, bool]]:
    """Return what may count as points in an experience, in words, and whether it counts."""
    found = counting.both(experience.key, experience.counts)
    return [(words, getattr(found, name)) for name, words in counting.WORDS.items()]


def _bounds(key: str) -> list[tuple[str, str]]:
    """Return kinds of actions that game servers may perform alone, and their bounds in words."""
    found: dict[str, list[str]] = {}
    for kind, ceiling in experience_bounds.in_force(key).acts.items():
        found.setdefault(told(ceiling), []).append(kind)
    return [(", ".join(kinds), words) for words, kinds in found.items()]


def _ask_key(
    act: str, experience: Experience, arguments: dict[str, Any], command: Command
) -> Approval:
    return key_requests.ask(
        act, experience, arguments, by=command.by, reason=command.reason, now=command.now
    )


def _request(
    request: HttpRequest,
    dialog: ExperienceDialog,
    form: ReasonForm,
    ask: Callable[[Command], Approval],
) -> HttpResponse:
    """Show the dialog; a POST makes the request. A refusal becomes an error of the form."""
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            approval = ask(Command(by=staff_of(request), reason=reason, now=database_clock.now()))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Requested (approval {approval.pk}): another owner finds it in the queue."
            )
            return redirect("console:experiences")
    return _form(request, dialog, form)


def _form(
    request: HttpRequest, dialog: ExperienceDialog, form: forms.Form, **more: Any
) -> HttpResponse:
    context = {
        "form": form,
        "note": dialog.note,
        "button": dialog.button,
        "grave": dialog.severe,
        "back": "console:experiences",
        "asks": True,
    } | more
    return render(request, "console/form.html", dialog.title, **context)


def _line(key: ExperienceKey, now: dt.datetime) -> KeyLine:
    if key.revoked_at is not None:
        return KeyLine(key, f"revoked on {key.revoked_at:%Y-%m-%d}", "quiet")
    if key.expires_at is None:
        return KeyLine(key, "live", "good")
    if key.expires_at <= now:
        return KeyLine(key, f"ended on {key.expires_at:%Y-%m-%d}", "quiet")
    tone = "warning" if key.expires_at - now < SOON else "good"
    return KeyLine(key, f"live until {key.expires_at:%Y-%m-%d %H:%M} UTC", tone)


urls = [
    path("experiences/", listing, name="experiences"),
    path("experiences/<slug:key>/new-key/", new_key, name="key-new"),
    path("experiences/<slug:key>/rotate/", rotate, name="key-rotate"),
    path("experiences/<slug:key>/writes/", writes, name="experience-writes"),
    path("experiences/<slug:key>/more/", more, name="experience-more"),
    path("experiences/<slug:key>/counts/", count_more, name="experience-counts"),
    path("keys/collect/<rowid:pk>/", collect, name="key-collect"),
    path("keys/<slug:prefix>/revoke/", revoke, name="key-revoke"),
]
