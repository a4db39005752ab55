"""Pages of quarantined keys. Two owners decide on a quarantine."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from console.decorators import page, render
from console.experiences.views import ReasonForm
from players.models import ExperiencePoints, GameCommand, LedgerEntry, Player, Quarantine
from players.moderation.actors import staff_of
from players.quarantines import resolution
from players.quarantines.detection import NAMES

SHOWN = 50  # quarantines, rows or commands on a page
MOST = 10_000  # upper limit of counting people
NOTES = {
    "release": "Then everything in it counts, in the order of its sessions. Its commands are executed if "
    "their officers may still do them.",
    "discard": "Then nothing in it counts, unless two owners release it later. The key stays valid: "
    "if it was stolen, revoke it first.",
}
ACTS = {"release": resolution.RELEASE, "discard": resolution.DISCARD}


@dataclass(frozen=True, slots=True)
class Delivered:
    """The content of a quarantine."""

    people: int
    more: bool
    total: Any
    rows: list[LedgerEntry]
    commands: list[dict[str, str]]


@page(resolution.OWNER)
def listing(request: HttpRequest) -> HttpResponse:
    rows = Quarantine.objects.select_related("key").order_by("-pk")[:SHOWN]
    return render(
        request,
        "console/quarantines.html",
        "Quarantine",
        rows=[(row, caused_by(row)) for row in rows],
    )


@page(resolution.OWNER)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one quarantine, with the actions on it."""
    found = get_object_or_404(Quarantine.objects.select_related("key"), pk=pk)
    return render(
        request,
        "console/quarantine.html",
        f"Quarantine {found.pk}",
        quarantine=found,
        cause=caused_by(found),
        delivered=_delivered(found),
        waiting=resolution.waiting(found.pk),
    )


@page(resolution.OWNER, fresh=True)
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Request the approval of a second owner to release or discard a quarantine."""
    found = get_object_or_404(Quarantine, pk=pk)
    if verb not in ACTS:
        raise Http404
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            asked = resolution.ask(
                ACTS[verb],
                found.pk,
                by=staff_of(request),
                reason=form.cleaned_data["reason"],
                now=database_clock.now(),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Requested (approval {asked.pk}): another owner finds it in the queue."
            )
            return redirect("console:quarantine", found.pk)
    context = {
        "form": form,
        "note": f"A second owner approves it. {NOTES[verb]}",
        "button": "Ask for approval",
        "back": "console:quarantines",
        "asks": True,
        "grave": verb == "discard",
    }
    return render(
        request, "console/form.html", f"{verb.capitalize()} quarantine {found.pk}", **context
    )


def caused_by(found: Quarantine) -> str:
    cause = found.cause
    words = NAMES.get(cause["what"], cause["what"])
    return f"{cause['count']:,} {words} in {cause['seconds']:,} seconds; the limit is {cause['limit']:,}"


def _delivered(found: Quarantine) -> Delivered:
    """Return the number of people up to MOST, and the first rows and commands, at a limited cost."""
    owners = ExperiencePoints.objects.filter(origin=found.origin)
    ids = list(owners.order_by("player_id").values_list("player_id", flat=True)[: MOST + 1])
    first = ids[:SHOWN]
    rows = LedgerEntry.objects.filter(player__in=first, origin=found.origin).select_related(
        "player"
    )
    return Delivered(
        people=min(len(ids), MOST),
        more=len(ids) > MOST,
        total=owners.filter(player_id__in=ids[:MOST]).aggregate(total=Sum("total"))["total"] or 0,
        rows=list(rows.order_by("player", "session", "sequence")[:SHOWN]),
        commands=_commands(found),
    )


def _commands(found: Quarantine) -> list[dict[str, str]]:
    held = GameCommand.objects.filter(quarantine=found, asked__isnull=False).order_by("pk")
    asked: list[dict[str, Any]] = [row.asked for row in held[:SHOWN] if row.asked]
    users = {one[side] for one in asked for side in ("user_id", "actor_user_id")}
    names = dict(Player.objects.filter(user_id__in=users).values_list("user_id", "username"))
    return [
        {
            "kind": one["kind"],
            "target": names.get(one["user_id"], f"user {one['user_id']}"),
            "officer": names.get(one["actor_user_id"], f"user {one['actor_user_id']}"),
            "reason": one["reason"],
        }
        for one in asked
    ]


urls = [
    path("quarantines/", listing, name="quarantines"),
    path("quarantines/<int:pk>/", one, name="quarantine"),
    path("quarantines/<int:pk>/<slug:verb>/", decide, name="quarantine-decide"),
]
