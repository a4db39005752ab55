"""The dialog that reverts an event."""

import datetime as dt

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from audits.queries import PlacedEvent, events_by_id
from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.decorators import page, render
from console.experiences.views import ReasonForm
from players.actions import undo
from players.models import Player
from players.moderation.actors import Staff, staff_of
from players.moderation.command import Command
from webhooks.messages import payloads

AT_ONCE = dt.timedelta(minutes=1)  # one's own act is undone without a typed reason
SLIP = "Undone right after it was done."


class AtOnce(forms.Form):
    """The undo of an act of one's own, within a minute."""


@page("players.warn")
def revert(request: HttpRequest, event_id: int) -> HttpResponse:
    """Show what reverting does; a POST reverts."""
    event = events_by_id([event_id]).get(event_id)
    if event is None:
        raise Http404
    offer = undo.options([event])[event_id]
    back = _back(event)
    by, now = staff_of(request), database_clock.now()
    at_once = _is_own(event, by) and now - event.at < AT_ONCE
    form = (AtOnce if at_once else ReasonForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            done = undo.revert(
                event_id,
                Command(
                    by=by,
                    reason=form.cleaned_data.get("reason", "") or SLIP,
                    now=now,
                ),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            (messages.warning if done.approval else messages.success)(request, done.sentence)
            return redirect(back)
    told = payloads.for_events([event])[event_id].message
    return render(
        request,
        "console/revert.html",
        f"Undo event {event_id}",
        form=form,
        told=told,
        offer=offer,
        back=back,
    )


def _is_own(event: PlacedEvent, by: Staff) -> bool:
    return (event.actor_kind, event.actor_id) == (by.actor.kind, by.actor.id)


def _back(event: PlacedEvent) -> str:
    """Return the case file of the event's player, or the queue for other events."""
    if event.target_kind != "player" or not is_row_id(event.target_id):
        return reverse("console:home")
    user_id = Player.objects.filter(pk=event.target_id).values_list("user_id", flat=True).first()
    return (
        reverse("console:player", args=[user_id])
        if user_id and user_id > 0
        else reverse("console:home")
    )


urls = [path("revert/<rowid:event_id>/", revert, name="revert")]
