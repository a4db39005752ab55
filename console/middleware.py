"""Who acts: `request.staff`, by their present rank, for every page of the console."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audits.record import Actor
from players.staff import Staff

TECHNICAL = frozenset(f"console.{right}" for right in ("policy", "secrets", "roles", "sync", "audit", "bulk", "system"))


class StaffMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = getattr(request, "user", None)
        if user is not None and user.is_active and user.is_staff:
            actor = Actor("staff", f"local-{user.pk}", user.get_username(), f"staff:{user.pk}")
            request.staff = Staff(actor, rank=None, rights=TECHNICAL)  # type: ignore[attr-defined]
        return self.get_response(request)
