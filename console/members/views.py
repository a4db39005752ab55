"""`/me`: the page on which members see and decide what concerns themselves.

Everybody who signs in with Roblox may open it. Only the signed-in person's own row is ever used: no
form names a player.
"""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from common import database_clock
from common.errors import Refused
from common.form_fields import DayField
from common.parsing import is_row_id
from console.members import sessions, sign_in
from console.members.facts import own_facts
from console.members.sessions import Member
from console.members.sign_in import HOME
from players.leave import requests
from players.leave.requests import Wish
from players.moderation.input import LONGEST_LINK, LONGEST_REASON, MOST_LINKS
from players.policy.leave import LeaveDays
from players.reports.filing import Filing, file, user_id_of

DONE = {
    "asked": "You asked for leave. Staff decide about it.",
    "more": "You asked for more days. Staff decide about it.",
    "withdrawn": "The request is withdrawn.",
    "ended": "Your leave is over. Welcome back!",
    "linked": "Your Discord account is linked.",
    "reported": "Staff read your report, and answer here.",
    "unlinked": "Your Discord account is unlinked.",
}
FIELDS = {"first", "last", "reason", "days", "player", "evidence"}
Act = Callable[[HttpRequest, Member, dt.datetime], str]


class AskForm(forms.Form):
    first = DayField(label="First day (UTC)")
    last = DayField(label="Last day (UTC)")
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        label="Reason",
        help_text="Only staff read it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ReportForm(forms.Form):
    player = forms.CharField(max_length=50, label="Who: the whole username, or the user id")
    words = forms.CharField(
        max_length=LONGEST_REASON, label="What happened", widget=forms.Textarea(attrs={"rows": 3})
    )
    evidence = forms.CharField(
        max_length=(LONGEST_LINK + 2) * MOST_LINKS,
        required=False,
        label="Evidence",
        help_text=f"Up to {MOST_LINKS} https:// links, one a line.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class MoreForm(forms.Form):
    last = DayField(label="New last day (UTC)")
    reason = forms.CharField(max_length=LONGEST_REASON, label="Reason")


def throttled(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Limit the requests of one address, as on public pages."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponseBase:
        kind = "write" if request.method == "POST" else "read"
        wait = import_string(settings.SIGN_IN_THROTTLE)(request, kind)
        if wait is None:
            return view(request)
        why = f"Too many requests from this address. Wait {int(wait) + 1} seconds."
        answer = render(request, "members/refused.html", {"why": why}, status=429)
        answer["Retry-After"] = str(int(wait) + 1)
        return answer

    return inner


@require_http_methods(["GET", "HEAD", "POST"])
@throttled
@never_cache
@csrf_protect
def me(request: HttpRequest) -> HttpResponseBase:
    """Show the member's page; a POST does what its field `verb` names."""
    member = sessions.member_of(request)
    if member is None:
        return _signed_out(request)
    if request.method == "POST":
        return _act(request, member)
    return _page(request, member)


def _signed_out(request: HttpRequest) -> HttpResponse:
    providers = {app.provider for app in get_adapter().list_apps(request)}
    context = {
        "address": f"{reverse('roblox_login')}?process=login&next={HOME}",
        "open": "roblox" in providers,
    }
    return render(
        request, "members/signed_out.html", context, status=401 if request.method == "POST" else 200
    )


def _act(request: HttpRequest, member: Member) -> HttpResponse:
    verb = request.POST.get("verb", "")
    if verb == "sign-out":
        response = redirect(HOME)
        sessions.end(response, member)
        return response
    if verb not in ACTS:
        return _page(request, member, "Choose one of the buttons.", status=400)
    try:
        done = ACTS[verb](request, member, database_clock.now())
    except Refused as refusal:
        return _page(request, member, _sentence(refusal), status=400)
    return redirect(f"{HOME}?done={done}")


def _page(
    request: HttpRequest, member: Member, error: str = "", *, status: int = 200
) -> HttpResponse:
    now = database_clock.now()
    today = now.astimezone(dt.UTC).date()
    verb = request.POST.get("verb", "")
    providers = {app.provider for app in get_adapter().list_apps(request)}
    context = {
        "own": own_facts(member.player, now),
        "error": error,
        "done": DONE.get(request.GET.get("done", "")) if not error else None,
        "ask": AskForm(request.POST if verb == "ask" else None, initial={"first": today}),
        "report": ReportForm(request.POST if verb == "report" else None, auto_id="report_%s"),
        "more": MoreForm(request.POST if verb == "more" else None, auto_id="more_%s"),
        "may_link": "discord" in providers,
        "is_fresh": member.is_fresh,
        "link": f"{reverse('discord_login')}?process=login&next={HOME}",
        "again": f"{reverse('roblox_login')}?process=login&again=1&next={HOME}",
        "portal": settings.PORTAL_URL,
        "until": dt.datetime.fromtimestamp(member.began + sessions.LONGEST, dt.UTC),
    }
    return render(request, "members/me.html", context, status=status)


def _sentence(refusal: Refused) -> str:
    """Return a refusal without the name of the field before it."""
    field, colon, rest = str(refusal).partition(": ")
    text = rest if colon and field in FIELDS else str(refusal)
    return text[:1].upper() + text[1:]


def _ask(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    given = _valid(AskForm(request.POST))
    wish = Wish(LeaveDays(given["first"], given["last"]), given["reason"])
    requests.ask(member.player.user_id, wish, now=now)
    return "asked"


def _more(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    given = _valid(MoreForm(request.POST))
    user_id = member.player.user_id
    requests.ask_for_more(_leave(request), user_id, given["last"], given["reason"], now)
    return "more"


def _withdraw(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    requests.withdraw(_leave(request), member.player.user_id, now)
    return "withdrawn"


def _end(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    requests.end(_leave(request), member.player.user_id, now)
    return "ended"


def _report(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    given = _valid(ReportForm(request.POST))
    filing = Filing(given["words"], given["evidence"].splitlines())
    file(member.player.user_id, user_id_of(given["player"]), filing, now)
    return "reported"


def _unlink(request: HttpRequest, member: Member, now: dt.datetime) -> str:
    sign_in.unlink(member.player)
    return "unlinked"


ACTS: dict[str, Act] = {
    "ask": _ask,
    "more": _more,
    "withdraw": _withdraw,
    "end": _end,
    "report": _report,
    "unlink": _unlink,
}


def _valid(form: forms.Form) -> dict[str, Any]:
    """Return what was entered. Raises Refused with the first defect."""
    if form.is_valid():
        return form.cleaned_data
    field, errors = next(iter(form.errors.items()))
    label = form.fields[field].label if field in form.fields else ""
    raise Refused(f"{label or 'Form'}: {errors[0]}")


def _leave(request: HttpRequest) -> int:
    given = request.POST.get("leave", "")
    return int(given) if is_row_id(given) else 0


urls = [path("me", me, name="me")]
