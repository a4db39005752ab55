"""Pages of sign-in, sessions and access."""

from typing import Any

from allauth.account import views as account_views
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.discord.provider import DiscordProvider
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import include, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from common import database_clock
from common.errors import Refused
from common.parsing import is_row_id
from console.accounts import audit_events, discord_links, oauth_views, recent_sign_in, role_grants
from console.accounts.discord_oauth import DiscordAdapter
from console.accounts.permissions import BY_ROLE
from console.accounts.roblox_oauth.provider import RobloxAdapter, RobloxProvider
from console.decorators import is_fresh, page, render
from console.models import RoleGrant, StaffAccount
from players.active_policy import active
from players.models import Player, Rank
from players.moderation.actors import staff_of
from players.moderation.command import Command
from players.moderation.input import LONGEST_REASON

TITLES = {"roblox": "Roblox", "discord": "Discord"}
PEOPLE_SHOWN = 200
TURNSTILE = "https://challenges.cloudflare.com"
# Only the local sign-in may load Cloudflare's widget.
WITH_TURNSTILE = settings.SECURE_CSP | {
    "script-src": [*settings.SECURE_CSP["script-src"], TURNSTILE],
    "frame-src": [TURNSTILE],
}


@never_cache
@csrf_protect
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the configured ways to sign in, also to repeat a sign-in."""
    following = _next(request)
    if (
        request.user.is_authenticated
        and is_fresh(request)
        and getattr(request, "staff", None) is not None
    ):
        return redirect(following)
    providers = [app.provider for app in get_adapter().list_apps(request)]
    if request.user.is_authenticated:  # Discord never says when a person proved their identity
        providers = [name for name in providers if name != discord_links.DISCORD]
    context = {
        "title": "Sign in again" if request.user.is_authenticated else "Sign in",
        "next": following,
        "again": request.user.is_authenticated,
        "providers": [
            (reverse(f"{name}_login"), TITLES[name]) for name in TITLES if name in providers
        ],
        "factor": request.user.is_authenticated and recent_sign_in.has_factor(request.user),
        "local": settings.LOCAL_LOGIN,
    }
    return TemplateResponse(request, "account/ways.html", context)


@csp_override(WITH_TURNSTILE)
def local(request: HttpRequest) -> HttpResponseBase:
    """Show the local sign-in if it is switched on."""
    if not settings.LOCAL_LOGIN:
        raise Http404
    if request.user.is_authenticated and not is_fresh(request):
        logout(request)  # repeating a local sign-in means signing in again
    answer: HttpResponseBase = account_views.LoginView.as_view(
        template_name="account/local.html",
        extra_context={"title": "Local sign-in", "sitekey": settings.TURNSTILE_SITEKEY},
    )(request)
    return answer


@require_POST
@csrf_protect
def sign_out(request: HttpRequest) -> HttpResponse:
    if getattr(request, "staff", None) is not None:
        audit_events.signed_out(request)
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    return redirect(settings.LOGIN_URL)


@page()
def sessions(request: HttpRequest) -> HttpResponseBase:
    """Show a person's own sessions and linked Discord account, and end or unlink them."""
    assert request.user.is_authenticated
    if request.method == "POST" and request.POST.get("verb") == "unlink":
        return _unlink_own(request)
    if request.method == "POST":
        others = UserSession.objects.filter(user=request.user)
        which = request.POST.get("session", "")
        chosen = others.exclude(session_key=request.session.session_key)
        for session in (
            chosen if which == "others" else others.filter(pk=which if is_row_id(which) else 0)
        ):
            session.end()
        messages.success(request, "Ended.")
        return redirect("console:sessions")
    linked = SocialAccount.objects.filter(user=request.user, provider="discord").first()
    providers = {app.provider for app in get_adapter().list_apps(request)}
    return render(
        request,
        "console/sessions.html",
        "Your sessions",
        sessions=UserSession.objects.purge_and_list(request.user),
        current=request.session.session_key,
        linked=linked and discord_links.name_of(linked),
        linked_at=linked and linked.date_joined,
        factor=recent_sign_in.has_factor(request.user),
        is_local=staff_of(request).user_id is None,
        person=staff_of(request).person,
        may_say_who=staff_of(request).is_unlinked and "roblox" in providers,
        may_link="discord" in providers and not linked and staff_of(request).user_id is not None,
    )


@page()
def to_sessions(request: HttpRequest) -> HttpResponseBase:
    """Redirect allauth's page of linked accounts to the sessions."""
    return redirect("console:sessions")


def _unlink_own(request: HttpRequest) -> HttpResponseBase:
    assert request.user.is_authenticated
    try:
        session_key = str(request.session.session_key or "")
        name = discord_links.unlink_own(request.user.pk, by=staff_of(request), keep=session_key)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, f"{name} of Discord is unlinked, and your other sessions are ended."
        )
    return redirect("console:sessions")


class GrantForm(forms.Form):
    user_id = forms.IntegerField(min_value=1, max_value=2**63 - 1, label="Roblox user id")
    role = forms.ChoiceField(choices=RoleGrant.Role.choices, label="Role")
    reason = forms.CharField(max_length=LONGEST_REASON, label="Reason")


@page("console.roles")
def access(request: HttpRequest) -> HttpResponse:
    """Show who has access by rank and by role. Roles are requested here; a second owner approves."""
    if request.method == "POST" and request.POST.get("verb") == "unlink":
        return _unlink(request)
    form = GrantForm(request.POST or None)
    if request.method == "POST" and _asked(request, form):
        return redirect("console:access")
    ranks = [
        rank for rank in active().bundle.ranks if rank.can_warn or rank.can_adjust or rank.can_ban
    ]
    held = Rank.objects.filter(name__in=[rank.name for rank in ranks], retired=False)
    by_rank = Player.objects.filter(rank__in=list(held), erased_at=None).select_related("rank")
    grants = list(RoleGrant.objects.filter(revoked_at=None).order_by("role", "pk"))
    names = dict(
        Player.objects.filter(user_id__in=[one.user_id for one in grants]).values_list(
            "user_id", "username"
        )
    )
    people = list(by_rank.order_by("-rank__position", "username")[: PEOPLE_SHOWN + 1])
    return render(
        request,
        "console/access.html",
        "Access",
        people=people[:PEOPLE_SHOWN],
        more=len(people) > PEOPLE_SHOWN,
        grants=[(one, names.get(one.user_id, "")) for one in grants],
        waiting=role_grants.waiting(),
        locals=StaffAccount.objects.filter(roblox_id=None).select_related("user"),
        linked=discord_links.linked(),
        form=form,
        roles=[(role.label, len(BY_ROLE[role])) for role in RoleGrant.Role],
    )


def _asked(request: HttpRequest, form: GrantForm) -> bool:
    if not form.is_valid():
        return False
    given = form.cleaned_data
    ask: Any = (
        role_grants.ask_revoke if request.POST.get("verb") == "revoke" else role_grants.ask_grant
    )
    try:
        command = Command(by=staff_of(request), reason=given["reason"], now=database_clock.now())
        approval = ask(given["user_id"], given["role"], command)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, f"Asked for as request {approval.pk}: another owner approves it.")
    return True


def _unlink(request: HttpRequest) -> HttpResponse:
    """Unlink another person's Discord account."""
    user = request.POST.get("user", "")
    try:
        name = discord_links.unlink_other(
            int(user) if is_row_id(user) and len(user) < 10 else 0,
            by=staff_of(request),
            reason=request.POST.get("reason", ""),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, f"{name} of Discord is unlinked, and all sessions of its owner are ended."
        )
    return redirect("console:access")


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/admin/") else "/admin/"


urls = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sessions/", sessions, name="sessions"),
    path("access/", access, name="access"),
]
# The URLs of allauth that are needed. Its registration and mails are left out.
allauth_urls = [
    path(
        "sign-in/", sign_in, name="account_login"
    ),  # allauth redirects here if a sign-in must start again
    path("sign-in/local/", local, name="local-sign-in"),
    path("sign-in/again/", sign_in, name="account_reauthenticate"),
    path("logout/", sign_out, name="account_logout"),
    path("sign-in/inactive/", account_views.account_inactive, name="account_inactive"),
    path("sign-in/factor/", include("allauth.mfa.urls")),
    path("sign-in/with/", include(oauth_views.paths(RobloxProvider, RobloxAdapter))),
    path("sign-in/with/", include(oauth_views.paths(DiscordProvider, DiscordAdapter))),
    path("sign-in/cancelled/", sign_in, name="socialaccount_login_cancelled"),
    path("sign-in/error/", sign_in, name="socialaccount_login_error"),
    path("sign-in/linked/", to_sessions, name="socialaccount_connections"),
]
