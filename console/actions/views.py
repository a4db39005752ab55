"""Dialogs in which staff act on a player.

They show the consequences and ask for a reason. A form that is sent twice acts once.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from common import database_clock
from common.amounts import points
from common.errors import Refused
from common.visible_text import isolated
from console import navigation
from console.actions.forms import FORMS, ActForm, EvidenceForm, add_error, given
from console.decorators import page, render
from console.models import SentForm
from console.players import case_summary
from console.players.case_views import find
from players.actions import registry
from players.actions.facts import Facts, facts_for
from players.actions.params import parse
from players.actions.staff_action import StaffAction
from players.active_policy import active
from players.discipline.player_texts import readable
from players.models import Player
from players.moderation import authorization, daily_limit, refusals
from players.moderation.actors import Staff, staff_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import Command
from players.moderation.input import LONGEST_REASON
from players.policy.ranks import DAY

REASON_ALONE = {ActForm, EvidenceForm}  # forms that need nothing else


@dataclass(frozen=True, slots=True)
class Dialog:
    """An action that staff are about to perform on a player.

    `pk`: the row that the action changes, such as a warning.
    """

    action: StaffAction
    player: Player
    by: Staff
    now: datetime
    back: str
    pk: int | None = None


@page("players.view_player")
def act(request: HttpRequest, name: str, user_id: int, pk: int | None = None) -> HttpResponseBase:
    """Show the dialog of an action; a POST performs the action once."""
    action = registry.BY_NAME.get(name)
    if action is None or not action.dialog or bool(action.subject_field) != (pk is not None):
        raise Http404
    by = staff_of(request)
    if not request.user.has_perm(action.right):
        if request.method == "POST":
            refusals.record_refusal(name, user_id, by.actor)
        raise PermissionDenied
    player = find(user_id)
    if pk is not None and not registry.exists_for(player, action, pk):
        raise Http404
    dialog = Dialog(action, player, by, database_clock.now(), _back(request, player), pk)
    return _answer(request, dialog)


def _answer(request: HttpRequest, dialog: Dialog) -> HttpResponseBase:
    form: Any = FORMS[dialog.action.params](
        request.POST or None,
        initial={"token": uuid.uuid4()},
        name=dialog.action.name,
        policy=active(),
        by=dialog.by,
    )
    found = _permission(dialog)
    if "preset" in form.fields and type(form) in REASON_ALONE and not dialog.action.severe:
        form.quick = "Send"
    if request.method == "POST" and not found.allowed:
        refusals.record_refusal(dialog.action.name, dialog.player.user_id, dialog.by.actor)
    elif request.method == "POST" and form.is_valid():
        answered = _do(request, dialog, form)
        if answered is not None:
            return answered
    return _ask(request, dialog, form, found)


def _permission(dialog: Dialog) -> authorization.Permission:
    policy = active()
    return permission_for(
        dialog.action.permission,
        dialog.player,
        dialog.by,
        Circumstances(dialog.now, policy=policy, to=policy.bundle.first),
    )


def _do(request: HttpRequest, dialog: Dialog, form: Any) -> HttpResponse | None:
    """Perform the action and redirect. If it is refused, add the error to the form and return None."""
    action, token = dialog.action, form.cleaned_data["token"]
    if not _is_first(token, dialog.now):
        messages.info(request, "That was done already; it is not done twice.")
        return redirect(dialog.back)
    reason = form.cleaned_data.get("reason", "")
    try:
        params = parse(action.params, given(form, dialog.now) | {action.subject_field: dialog.pk})
        command = Command(by=dialog.by, reason=reason, now=dialog.now)
        done = action.perform(dialog.player.user_id, params, command)
    except Refused as refusal:
        SentForm.objects.filter(token=token).delete()
        add_error(form, str(refusal))
        return None
    undo = navigation.revert(done.event) if done.event and done.approval is None else ""
    say = messages.warning if done.approval is not None else messages.success
    say(request, done.sentence, extra_tags=f"undo:{undo}" if undo else "")
    return redirect(dialog.back)


def _ask(
    request: HttpRequest, dialog: Dialog, form: Any, found: authorization.Permission
) -> HttpResponse:
    action, player = dialog.action, dialog.player
    facts = facts_for(player, dialog.by, dialog.now)
    return render(
        request,
        "console/act.html",
        f"{action.title}: {isolated(player.username)}",
        player=player,
        case=case_summary.head(player, facts.policy, dialog.now),
        form=form,
        action=action.name,
        button=action.title,
        grave=action.severe,
        words=action.consequence(facts),
        why_not=_why_not(dialog, form, found, facts),
        second=found.reason if found.needs_second_person else "",
        is_ban=action.name == "ban",
        limit=_limit(dialog.by, dialog.now) if action.name == "adjust" else "",
        back=dialog.back,
    )


def _why_not(dialog: Dialog, form: Any, found: authorization.Permission, facts: Facts) -> str:
    """Return why the dialog offers no form. A form with errors shows what refused it."""
    if not found.allowed:
        return found.reason
    if by_nobody := registry.why_not_by(dialog.action, dialog.by):
        return by_nobody
    if form.errors:
        return ""
    action, pk = dialog.action, dialog.pk
    params = parse(action.params, {action.subject_field: pk}) if pk else None
    return registry.why_not(action, facts, params)


@page("players.view_player")
def preview(request: HttpRequest) -> HttpResponse:
    """Show the text of a ban that the player reads, as a fragment, while the form is filled."""
    reason = ": ".join(
        filter(None, (request.GET.get("preset", ""), request.GET.get("words", "").strip()))
    )
    return render(request, "console/act_seen.html", "", seen=readable(reason[:LONGEST_REASON]))


def _limit(by: Staff, now: datetime) -> str:
    above = (
        f"More than {points(active().bundle.second_above):,} points at once need a second person."
    )
    limit = by.rank.adjust_limit if by.rank else None
    if limit is None:
        return above
    left = max(0, limit - daily_limit.taken(by, now).spent)
    day = f"Your limit is {points(limit):,} points a day; {points(left):,} are left. Past it a second person approves."
    return f"{day} {above}"


def _back(request: HttpRequest, player: Player) -> str:
    """Return the page from which the person came if it is on this site, otherwise the case file."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    here = safe and wanted.startswith("/")  # otherwise it could name a view
    return wanted if here else reverse("console:player", args=[player.user_id])


def _is_first(token: uuid.UUID, now: datetime) -> bool:
    """Return whether a form is sent for the first time."""
    SentForm.objects.filter(at__lt=now - DAY).delete()
    _, created = SentForm.objects.get_or_create(token=token, defaults={"at": now})
    return created


urls = [
    path("acts/preview/", preview, name="act-preview"),
    path("acts/<slug:name>/<userid:user_id>/", act, name="act"),
    path("acts/<slug:name>/<userid:user_id>/<rowid:pk>/", act, name="act-on"),
]
