"""Table of the actions that need a sign-in within the last 15 minutes.

They are the actions that cannot be undone if another person uses an open browser: ranks, roles,
keys, endpoints, policies, bans and mass changes. The middleware checks this table before any view,
also for pages of the admin.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from audits.models import AuditEvent
from console.decorators import sign_in_again
from console.webhooks import endpoint_actions
from players.actions.registry import BY_NAME, INVERSES

Grave = Callable[[HttpRequest, Mapping[str, Any]], bool]

UNDONE = frozenset(
    event for event, inverse in INVERSES.items() if BY_NAME[inverse.action].fresh_sign_in
)
ON_ENDPOINTS = ("add", "edit", *endpoint_actions.ACTIONS)


def always(request: HttpRequest, given: Mapping[str, Any]) -> bool:
    """Return True, also for reading. Otherwise the sign-in would lose the input of the form."""
    return True


def changing(request: HttpRequest, given: Mapping[str, Any]) -> bool:
    """Return whether the request changes something. Only such requests need a recent sign-in."""
    return request.method not in {"GET", "HEAD", "OPTIONS"}


def _on_a_player(request: HttpRequest, given: Mapping[str, Any]) -> bool:
    action = BY_NAME.get(given["name"])
    return action is not None and action.fresh_sign_in


def _taken_back(request: HttpRequest, given: Mapping[str, Any]) -> bool:
    return AuditEvent.objects.filter(pk=given["event_id"], action__in=UNDONE).exists()


GRAVE: dict[str, Grave] = {
    "console:access": always,
    "console:act": _on_a_player,
    "console:act-on": _on_a_player,
    "console:approval": always,
    "console:decision": changing,
    "console:queue-act": changing,
    "console:revert": _taken_back,
    "console:appeal": changing,
    "console:bulk": changing,
    "console:bulk-start": changing,
    "console:bulk-undo": always,
    "console:bulk-revert": always,
    "console:adjustment-new": always,
    "console:adjustment-start": changing,
    "console:adjustment-settle": always,
    "console:import-new": always,
    "console:import-start": changing,
    "console:import-settle": always,
    "console:key-new": always,
    "console:key-rotate": always,
    "console:key-collect": always,
    "console:key-revoke": always,
    "console:experience-writes": always,
    "console:experience-more": always,
    "console:policy-new": always,
    "console:policy-activate": always,
    "console:policy-review": always,
    "console:guard-release": always,
    "console:drift-settle": always,
    "console:role-pin-anew": always,
    "console:delivery-again": changing,
    "console:join-request": changing,
    "console:join-requests-unwanted": changing,
    **{f"console:endpoint-{name}": always for name in ON_ENDPOINTS},
}


def first(request: HttpRequest, name: str, given: Mapping[str, Any]) -> HttpResponseBase | None:
    """Return the sign-in page if this request needs a recent sign-in, None otherwise."""
    grave = GRAVE.get(name)
    return sign_in_again(request) if grave is not None and grave(request, given) else None
