"""`@page`: requires staff, a permission, and optionally a recent sign-in."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from common import database_clock

View = Callable[..., HttpResponseBase]


SIGNED_IN_AT = "signed_in_at"  # in the session: last proof of identity, seconds since 1970
BEGAN_AT = "began_at"  # in the session: its start, seconds since 1970
FRESH = 15 * 60  # seconds
CALLBACK = "/login/callback/"  # the end of the callback URLs of providers


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the person proved their identity within the last fifteen minutes."""
    at = request.session.get(SIGNED_IN_AT)
    return isinstance(at, int | float) and 0 <= database_clock.timestamp() - at < FRESH


def sign_in_again(request: HttpRequest) -> HttpResponseBase | None:
    """Return a redirect to the sign-in if the last proof is too old, None otherwise."""
    if is_fresh(request):
        return None
    messages.info(
        request,
        "This needs a sign-in that is younger than 15 minutes: sign in again, then repeat it.",
    )
    to = (
        here(request)
        if request.method == "GET"
        else request.META.get("HTTP_REFERER", reverse("admin:index"))
    )
    return redirect_to_login(
        urlsplit(to)._replace(scheme="", netloc="").geturl(), settings.LOGIN_URL
    )


def here(request: HttpRequest) -> str:
    """Return the page to open after a sign-in. Callback URLs contain a code and are left out."""
    return (
        reverse("console:sessions")
        if request.path_info.endswith(CALLBACK)
        else request.get_full_path()
    )


def page(right: str = "", *, fresh: bool = False) -> Callable[[View], View]:
    """Wrap a view for staff with the permission `right` (as `players.view_player`).

    The table in `console.accounts.step_up` lists the actions that need a recent sign-in. `fresh` is
    for a page that is not in it.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if getattr(request, "staff", None) is None:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if right and not request.user.has_perm(right):
                raise PermissionDenied
            if fresh and (first := sign_in_again(request)) is not None:
                return first
            return view(request, *args, **kwargs)

        inner.fresh = fresh  # type: ignore[attr-defined]
        return never_cache(csrf_protect(inner))

    return wrap


def render(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """Render a template with the context of the admin's pages."""
    return TemplateResponse(
        request, template, admin.site.each_context(request) | {"title": title} | context
    )
