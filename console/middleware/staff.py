"""Set `request.staff` from present rank and roles, and limit the length of sessions.

A person who lost access is signed out at the next request.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from console.accounts import recent_sign_in, step_up
from console.accounts.permissions import rights_of
from console.decorators import BEGAN_AT as BEGAN_AT
from console.decorators import here, sign_in_again
from console.models import StaffAccount
from players.membership import freshness
from players.models import Player

CONSOLE = "/admin/"
SIGNING_IN = "/admin/sign-in/"
FACTORS = "/admin/sign-in/factor/"
SEEN_AT = "seen_at"  # in the session, seconds since 1970
READING = {"GET", "HEAD", "OPTIONS"}
ABSOLUTE = 12 * 3600
IDLE = 30 * 60
NOTED_EVERY = 60  # seconds between two updates of the time when a person was seen

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class StaffMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(CONSOLE) or not request.user.is_authenticated:
            return self.get_response(request)
        with _planned_anew():
            return self._too_old(request) or self._judged(request) or self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: tuple[object, ...], given: dict[str, object]
    ) -> HttpResponseBase | None:
        """Require a recent sign-in before a severe action, whichever view performs it."""
        match = request.resolver_match
        if getattr(request, "staff", None) is None or match is None:
            return None
        return step_up.first(request, match.view_name, given)

    def _too_old(self, request: HttpRequest) -> HttpResponseBase | None:
        now = int(database_clock.timestamp())
        began, seen = request.session.get(BEGAN_AT, 0), request.session.get(SEEN_AT, 0)
        if now - began > ABSOLUTE or now - seen > IDLE:
            end(request, "it was idle" if now - began <= ABSOLUTE else "it was twelve hours old")
            messages.info(
                request,
                "You were signed out: the session was idle for half an hour, or twelve hours old.",
            )
            return (
                redirect_to_login(here(request), settings.LOGIN_URL)
                if request.method == "GET"
                else redirect(CONSOLE)
            )
        if now - seen > NOTED_EVERY:
            request.session[SEEN_AT] = now
            UserSession.objects.filter(session_key=request.session.session_key).update(
                last_seen_at=database_clock.now()
            )
        return None

    def _judged(self, request: HttpRequest) -> HttpResponseBase | None:
        roblox_id = _roblox_id(request) if freshness.is_asked() else None
        freshness.before_act(roblox_id)
        found = rights_of(request.user)
        if found.staff is None:
            end(request, found.why)
            context = {"title": "No access", "why": found.why}
            return TemplateResponse(request, "account/refused.html", context, status=403).render()
        if _is_act(request) and not _is_confirmed(roblox_id):
            context = {"title": "Not done", "why": freshness.UNCONFIRMED}
            return TemplateResponse(request, "account/refused.html", context, status=503).render()
        if _changes_a_factor(request) and (first := sign_in_again(request)) is not None:
            return first
        request.user.grps_perms = found.perms  # type: ignore[union-attr]
        request.staff, request.roles = found.staff, found.roles  # type: ignore[attr-defined]
        local = found.staff.rank is None and found.staff.user_id is None
        if local and settings.LOCAL_LOGIN_MFA and _lacks_factor(request):
            messages.info(request, "A second factor is required: set one up before you go on.")
            return redirect("mfa_activate_totp")
        return None


def _roblox_id(request: HttpRequest) -> int | None:
    return (
        StaffAccount.objects.filter(user=request.user.pk)
        .values_list("roblox_id", flat=True)
        .first()
    )


def _is_act(request: HttpRequest) -> bool:
    """Return whether the request may change something. Signing out is always allowed."""
    signing_out = request.path_info in {f"{CONSOLE}logout/", f"{SIGNING_IN}logout/"}
    return request.method not in READING and not signing_out


def _is_confirmed(roblox_id: int | None) -> bool:
    """Return whether Roblox confirmed the person recently enough to act.

    Local owners need no confirmation.
    """
    player = (
        Player.objects.filter(user_id=roblox_id, erased_at=None).first()
        if roblox_id is not None
        else None
    )
    return player is None or not freshness.is_too_old(player)


@contextmanager
def _planned_anew() -> Iterator[None]:
    """Make PostgreSQL plan each statement for its values.

    Pages look for rare values among millions of rows. A generic plan is made for common values.
    """
    connection.ensure_connection()
    driver = connection.connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = before


def _changes_a_factor(request: HttpRequest) -> bool:
    """Return whether the request changes or shows a second factor and needs a recent sign-in."""
    path = request.path_info
    if not path.startswith(FACTORS) or path in {
        f"{FACTORS}authenticate/",
        f"{FACTORS}reauthenticate/",
    }:
        return False
    return not recent_sign_in.may_set_up(request)


def _lacks_factor(request: HttpRequest) -> bool:
    if request.path_info.startswith(SIGNING_IN):
        return False
    return not Authenticator.objects.filter(user=request.user.pk).exists()


def end(request: HttpRequest, why: str) -> None:
    """End the present session and record it."""
    user = request.user
    with transaction.atomic():
        record(
            Action.SESSION_ENDED,
            actor=Actor("system", "sessions", "sessions"),
            target=Target("session", "", user.get_username(), f"staff:{user.pk}"),
            details={"why": why},
        )
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
