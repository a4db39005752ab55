"""The page of requests to join the group, and the list of people to be declined."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.decorators import page, render
from players.active_policy import active
from players.moderation.actors import staff_of
from players.policy.join_requests import JoinDecision
from roblox import write_hold
from syncs.join_requests import decisions
from syncs.models import JoinRequest, UnwantedUser

SIZE = 50
PAGE = "console:join-requests"


class Unwanted(forms.Form):
    """Somebody to decline always, and why."""

    user_id = forms.IntegerField(min_value=1, max_value=2**53, label="Roblox user id")
    reason = forms.CharField(max_length=500)


@page(decisions.RIGHT)
def listing(request: HttpRequest) -> HttpResponse:
    """List open requests with what the rule says, and decided ones that Roblox does not know yet."""
    now, before = database_clock.now(), request.GET.get("before", "")
    rows = JoinRequest.objects.filter(gone_at=None).order_by("-pk")
    found = list((rows.filter(pk__lt=int(before)) if is_row_id(before) else rows)[: SIZE + 1])
    return render(
        request,
        "console/join_requests.html",
        "Join requests",
        rows=[(row, decisions.verdict(row, now)) for row in found[:SIZE]],
        older=found[SIZE - 1].pk if len(found) > SIZE else None,
        rules=active().bundle.community.join_requests,
        off=write_hold.why_off(),
        unwanted=UnwantedUser.objects.order_by("-created_at")[:SIZE],
        form=Unwanted(),
    )


@require_POST
@page(decisions.RIGHT)
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Accept or decline one request."""
    accepted = request.POST.get("decision") == "accept"
    try:
        row = decisions.decide(
            number,
            JoinDecision.ACCEPT if accepted else JoinDecision.DECLINE,
            by=staff_of(request),
            reason=request.POST.get("reason", ""),
            now=database_clock.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        done = "accepted" if accepted else "declined"
        messages.success(request, f"{row} is {done}. Roblox follows.")
    return redirect(PAGE)


@require_POST
@page(decisions.RIGHT)
def refuse(request: HttpRequest) -> HttpResponse:
    """Put somebody on the list of people to be declined, or take them off."""
    form = Unwanted(request.POST)
    if not form.is_valid():
        messages.error(request, "Give a Roblox user id and a reason.")
        return redirect(PAGE)
    user_id, reason = form.cleaned_data["user_id"], form.cleaned_data["reason"]
    by = staff_of(request)
    try:
        if request.POST.get("verb") == "remove":
            decisions.refuse_no_more(user_id, by=by, reason=reason)
        else:
            decisions.refuse_always(user_id, by=by, reason=reason, now=database_clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(PAGE)


urls = [
    path("join-requests/", listing, name="join-requests"),
    path("join-requests/unwanted/", refuse, name="join-requests-unwanted"),
    path("join-requests/<rowid:number>/", decide, name="join-request"),
]
