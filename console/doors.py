"""The way into every page of the console: signed in, entitled, and for grave acts signed in lately."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

View = Callable[..., HttpResponseBase]


def page(right: str = "", *, fresh: bool = False) -> Callable[[View], View]:
    """A view for staff who have the permission `right` (as `players.view_player`); `fresh`: signed in lately, too."""

    def wrap(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if getattr(request, "staff", None) is None:
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            if right and not request.user.has_perm(right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return never_cache(csrf_protect(inner))

    return wrap


def render(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page of ours inside the admin's frame."""
    return TemplateResponse(request, template, admin.site.each_context(request) | {"title": title} | context)
