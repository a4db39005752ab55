"""The console's admin site: access and the context of all pages."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import path
from django.views.generic import RedirectView

OURS = {"audits", "roblox", "players", "syncs", "webhooks"}


class ConsoleSite(AdminSite):
    site_header = site_title = "GRPS"
    index_title = "Console"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "staff", None) is not None

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register our own models only, and no models of packages (users, tokens, schedules)."""
        models: list[Any] = (
            [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        )
        ours = [model for model in models if model._meta.app_label in OURS]
        super().register(ours, admin_class, **options)

    def get_urls(self) -> list[Any]:
        """Return the admin's URLs without sign-in and passwords, which are in console.accounts."""
        gone = {"login", "logout", "password_change", "password_change_done"}
        kept = [
            pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in gone
        ]
        return [
            path(
                "login/",
                RedirectView.as_view(url=settings.LOGIN_URL, query_string=True),
                name="login",
            ),
            path("signed-out/", RedirectView.as_view(url=settings.LOGIN_URL), name="logout"),
            *kept,
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"staff": getattr(request, "staff", None)}
