"""The way into every page of the console: signed in and entitled; and how long a sign-in is fresh
enough for grave acts (console.accounts.step_up says which).
"""

import time
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

View = Callable[..., HttpResponseBase]


SIGNED_IN_AT = (
    "signed_in_at"  # the session's moment of the last proof of who it is, seconds since 1970
)
BEGAN_AT = "began_at"  # of a session, seconds since 1970
FRESH = 15 * 60  # seconds
CALLBACK = "/login/callback/"  # the end of the addresses that providers send a browser back to


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved who they are within the last fifteen minutes."""
    at = request.session.get(SIGNED_IN_AT)
    return isinstance(at, int | float) and 0 <= time.time() - at < FRESH


def sign_in_again(request: HttpRequest) -> HttpResponseBase | None:
    """Where to go first when the last proof is too old for a grave act; None when it is not."""
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
    """The page to come back to after a sign-in. The way back from a provider holds its code: that
    is told to nobody.
    """
    return (
        reverse("console:sessions")
        if request.path_info.endswith(CALLBACK)
        else request.get_full_path()
    )


def page(right: str = "", *, fresh: bool = False) -> Callable[[View], View]:
    """A view for staff who have the permission `right` (as `players.view_player`); `fresh`: signed
    in lately, too.

    Acts that need it stand in the one table of `console.accounts.step_up`; `fresh` is for a page
    that is not in it yet.
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
    """A page of ours inside the admin's frame."""
    return TemplateResponse(
        request, template, admin.site.each_context(request) | {"title": title} | context
    )
