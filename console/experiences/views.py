"""Experiences and their keys: what each one is, when its keys end, and the acts on them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone

from common.errors import Refused
from console.decorators import page, render
from players.models import Approval
from players.moderation import experience_bounds, key_requests
from players.moderation.actors import staff_of
from players.points import counting, recounting
from players.policy.bounds import told
from roblox import keys
from roblox.experiences import set_writes
from roblox.models import CloudKey, Experience, ExperienceKey

SOON = dt.timedelta(days=14)
KEYS_SHOWN = 20  # of one experience, the newest


class Reason(forms.Form):
    """Every act says why."""

    reason = forms.CharField(max_length=500, help_text="In a sentence; it goes into the audit log.")


class NewKey(Reason):
    days = forms.IntegerField(
        min_value=1,
        max_value=730,
        required=False,
        label="Ends after so many days",
        help_text="Empty: it does not end.",
    )
    field_order = ("days", "reason")


class Rotate(Reason):
    overlap = forms.TypedChoiceField(
        choices=[*key_requests.OVERLAPS.items()],
        coerce=int,
        initial=24,
        label="The former keys go on for",
        widget=forms.RadioSelect,
    )
    field_order = ("overlap", "reason")


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as the page shows it."""

    key: ExperienceKey
    state: str
    tone: str

    @property
    def live(self) -> bool:
        return self.tone != "quiet"


@page("roblox.view_experience")
def listing(request: HttpRequest) -> HttpResponse:
    newest = Prefetch("keys", ExperienceKey.objects.order_by("-pk"))
    now = timezone.now()
    waiting, ready = key_requests.waiting(), key_requests.ready(staff_of(request), now)
    rows = [
        {
            "experience": one,
            "keys": [_line(key, now) for key in list(one.keys.all())[:KEYS_SHOWN]],
            "waiting": [
                approval for approval in waiting if approval.arguments["experience"] == one.key
            ],
            "bounds": _bounds(one.key),
            "more": experience_bounds.missing(one.key),
            "asked": experience_bounds.waiting(one.key),
            "counts": _counts(one),
            "more_counts": recounting.missing(one.key),
            "counts_asked": recounting.waiting(one.key),
            "ready": [
                approval for approval in ready if approval.arguments["experience"] == one.key
            ],
        }
        for one in Experience.objects.prefetch_related(newest)
    ]
    may, may_ask = (
        request.user.has_perm("console.secrets"),
        request.user.has_perm(experience_bounds.RIGHT),
    )
    return render(
        request,
        "console/experiences.html",
        "Experiences and keys",
        rows=rows,
        may=may,
        may_ask=may_ask,
        cloud_keys=list(CloudKey.objects.order_by("name", "fingerprint")),
        soon=now + SOON,
    )


@page("console.secrets")
def new_key(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    note = (
        "A second owner approves it. Then it is made when you collect it here, and shown that once."
    )
    form = NewKey(request.POST or None)
    return _ask(
        request, experience, form, key_requests.CREATE, f"A new key for {experience.name}", note
    )


@page("console.secrets")
def rotate(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    note = (
        "A second owner approves it. When you collect the new key, the live ones get their end; set the new one in the "
        "experience's secrets before that."
    )
    form = Rotate(request.POST or None)
    return _ask(
        request,
        experience,
        form,
        key_requests.ROTATE,
        f"Rotate the keys of {experience.name}",
        note,
    )


@page("console.secrets")
def collect(request: HttpRequest, pk: int) -> HttpResponse:
    approval = get_object_or_404(
        Approval, pk=pk, act__in=[key_requests.CREATE, key_requests.ROTATE]
    )
    if request.method != "POST":
        note = "The key is made now and shown once. Have the place ready where it is kept."
        return _form(request, Reason(), "Collect the key", note, "Show it", asks=False)
    try:
        key, raw = key_requests.collect(approval.pk, by=staff_of(request), now=timezone.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:experiences")
    return render(request, "console/key.html", f"The new key of {key.experience}", key=key, raw=raw)


@page("console.secrets")
def revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    key = get_object_or_404(ExperienceKey.objects.select_related("experience"), prefix=prefix)
    form = Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        keys.revoke(key, actor=staff_of(request).actor, reason=form.cleaned_data["reason"])
        messages.success(request, f"{key} opens nothing any more.")
        return redirect("console:experiences")
    used = (
        f"It was last used on {key.last_used_at:%Y-%m-%d %H:%M} UTC."
        if key.last_used_at
        else "It was never used."
    )
    note = f"Game servers that send {key} are refused from the next request on. {used}"
    return _form(request, form, f"Revoke {key}", note, "Revoke", grave=True)


@page("console.secrets")
def writes(request: HttpRequest, key: str) -> HttpResponse:
    experience = get_object_or_404(Experience, key=key)
    form = Reason(request.POST or None)
    on = not experience.writes
    if request.method == "POST" and form.is_valid():
        on = request.POST.get("on") == "1"
        by = staff_of(request)
        set_writes(experience.key, on, actor=by.actor, reason=form.cleaned_data["reason"])
        messages.success(
            request, f"GRPS {'may write' if on else 'writes nothing'} to {experience.name} now."
        )
        return redirect("console:experiences")
    what = (
        "is written there again, what waits included"
        if on
        else "waits until it is switched on again"
    )
    note = f"Ranks, adjusted points and bans: what changes here {what}."
    title = f"Writing to {experience.name}: {'on' if on else 'off'}"
    return _form(
        request,
        form,
        title,
        note,
        "Switch on" if on else "Switch off",
        hidden={"on": "1" if on else "0"},
    )


@page(experience_bounds.RIGHT)
def more(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for what the configuration says beyond what is in force."""
    experience = get_object_or_404(Experience, key=key)
    form = Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            approval = experience_bounds.ask(
                key, by=staff_of(request), reason=reason, now=timezone.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Asked for (approval {approval.pk}): another owner finds it in the queue."
            )
            return redirect("console:experiences")
    gains = "; ".join(experience_bounds.missing(key)) or "nothing new"
    note = f"Another owner approves it. Then game servers may bring: {gains}."
    return _form(request, form, f"Let {experience.name} do more", note, "Ask for approval")


@page(recounting.OWNER, fresh=True)
def count_more(request: HttpRequest, key: str) -> HttpResponse:
    """Ask to let count what the configuration says beyond what counts by now."""
    experience = get_object_or_404(Experience, key=key)
    form = Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            approval = recounting.ask(key, by=staff_of(request), reason=reason, now=timezone.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Asked for (approval {approval.pk}): another owner finds it in the queue."
            )
            return redirect("console:experiences")
    more = ", ".join(recounting.missing(key)) or "nothing new"
    return _form(
        request,
        form,
        f"Let more of {experience.name} count",
        f"Another owner approves it: {more}.",
        "Ask for approval",
    )


def _counts(experience: Experience) -> list[tuple[str, bool]]:
    """What of an experience counts as points, in words."""
    found = counting.both(experience.key, experience.counts)
    return [(words, getattr(found, name)) for name, words in counting.WORDS.items()]


def _bounds(key: str) -> list[tuple[str, str]]:
    """What game servers may bring by themselves, in words: kinds of acts, and how far they go."""
    found: dict[str, list[str]] = {}
    for kind, ceiling in experience_bounds.in_force(key).acts.items():
        found.setdefault(told(ceiling), []).append(kind)
    return [(", ".join(kinds), words) for words, kinds in found.items()]


def _ask(
    request: HttpRequest, experience: Experience, form: Reason, act: str, title: str, note: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = form.cleaned_data
        arguments = (
            {"overlapHours": given["overlap"]}
            if act == key_requests.ROTATE
            else {"days": given["days"]}
        )
        try:
            approval = key_requests.ask(
                act,
                experience,
                arguments,
                by=staff_of(request),
                reason=given["reason"],
                now=timezone.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Asked for (approval {approval.pk}): another owner finds it in the queue."
            )
            return redirect("console:experiences")
    return _form(request, form, title, note, "Ask for approval")


def _form(
    request: HttpRequest, form: forms.Form, title: str, note: str, button: str, **more: Any
) -> HttpResponse:
    context = {
        "form": form,
        "note": note,
        "button": button,
        "back": "console:experiences",
        "asks": True,
    } | more
    return render(request, "console/form.html", title, **context)


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
