"""Django's own admin as the console: who is let in, and what every page has around it."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest


class ConsoleSite(AdminSite):
    site_header = site_title = "GRPS"
    index_title = "Console"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "staff", None) is not None

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"staff": getattr(request, "staff", None)}
