"""Pages of the group's roles: the pinned role of each rank, and new pins."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from common import database_clock
from common.errors import Refused
from console.decorators import page, render
from console.experiences.views import ReasonForm
from players.active_policy import active
from players.moderation.actors import staff_of
from players.moderation.command import Command
from syncs.models import GroupRole, RolePin
from syncs.roles import pin_requests


class PinAnew(ReasonForm):
    role = forms.TypedChoiceField(coerce=int, label="The role", widget=forms.RadioSelect)
    field_order = ("role", "reason")

    def __init__(self, pin: RolePin, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(role.role_id, _label(role)) for role in pin_requests.choices(pin)]


@page("syncs.view_mirror")
def listing(request: HttpRequest) -> HttpResponse:
    """List all ranks of the policy with their roles."""
    pins = {pin.rank: pin for pin in _pins()}
    roles = {
        role.role_id: role for role in GroupRole.objects.filter(group_id=_group(), gone_at=None)
    }
    rows = [
        (pin, roles.get(pin.role_id or 0))
        for rank in active().bundle.ranks
        if (pin := pins.get(rank.name)) is not None
    ]
    may = request.user.has_perm(pin_requests.RIGHT)
    return render(request, "console/pins.html", "Roles of the group", rows=rows, may=may)


@page("syncs.view_mirror")
def pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rank with its role as pinned and as on Roblox, and the affected players."""
    found = get_object_or_404(_pins(), pk=pk)
    return render(
        request,
        "console/pin.html",
        f"The role of {found.rank}",
        **_context(found),
        may=_may(request),
        asks=False,
    )


@page(pin_requests.RIGHT)
def anew(request: HttpRequest, pk: int) -> HttpResponse:
    """Request a new pin of a role. A second person approves it."""
    found = get_object_or_404(_pins(), pk=pk)
    form = PinAnew(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            approval = pin_requests.ask(
                found.rank,
                given["role"],
                Command(by=staff_of(request), reason=given["reason"], now=database_clock.now()),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request,
                f"Requested (approval {approval.pk}): a second person finds it in the queue.",
            )
            return redirect("console:role-pins")
    context = _context(found) | {"form": form, "may": True, "asks": True}
    return render(request, "console/pin.html", f"Pin the role of {found.rank} anew", **context)


def _context(found: RolePin) -> dict[str, Any]:
    return {
        "pin": found,
        "differences": pin_requests.differences(found, pin_requests.present(found)),
        "affected": pin_requests.affected(found.rank),
    }


def _pins() -> Any:
    names = list(active().bundle.by_name)
    return RolePin.objects.filter(group_id=_group(), retired=False, rank__in=names)


def _group() -> int:
    return settings.ROBLOX_GROUP_ID or 0


def _may(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(pin_requests.RIGHT))


def _label(role: GroupRole) -> str:
    held = f", {role.members:,} hold it" if role.members is not None else ""
    return f"{role.name} (number {role.number}, id {role.role_id}{held})"


urls = [
    path("sync/roles/", listing, name="role-pins"),
    path("sync/roles/<int:pk>/", pin, name="role-pin"),
    path("sync/roles/<int:pk>/anew/", anew, name="role-pin-anew"),
]
