"""Endpoints as the console asks for them: where messages go, and what signs them, is approved by a
second person.

What was typed waits encrypted. A secret is made and shown when it is asked for, and signs from the
approval on, so that nobody but who asked ever sees it.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from django.db import transaction

from audits.models import AuditEvent
from common import encryption
from common.errors import NotAllowed, Refused
from players.models import Approval
from players.moderation import approvals
from players.moderation.actors import Staff
from webhooks.endpoints import services
from webhooks.endpoints.services import NotPossible, Wanted
from webhooks.formats.base import BadEndpoint
from webhooks.messages import formatting
from webhooks.models import WebhookEndpoint

ADD, CHANGE, ROTATE = "endpoint.add", "endpoint.change", "endpoint.rotate"
RIGHT = "console.secrets"


class _Sealed(msgspec.Struct):
    """What nobody else may read while it waits. Shapes: as in Wanted."""

    address: str | None = None
    headers: dict[str, str] | None = None
    secret: str = ""


def ask_add(wanted: Wanted, *, by: Staff, reason: str, now: dt.datetime) -> tuple[Approval, str]:
    """Ask for an endpoint: the request, and the secret that it will have, seen this once (empty:
    this kind has none).

    Raises BadEndpoint naming the field, Refused, NotAllowed.
    """
    _check(by)
    _, secret = _tried(lambda: services.create(wanted, actor=by.actor))
    return _hold(ADD, None, wanted, secret, by, reason, now), secret


def ask_change(
    endpoint: WebhookEndpoint, wanted: Wanted, *, by: Staff, reason: str, now: dt.datetime
) -> Approval | None:
    """Change an endpoint: at once (None), or, where the address or headers change, by a request.

    Raises BadEndpoint naming the field, Refused, NotAllowed.
    """
    _check(by)
    if wanted.address is None and wanted.headers is None:
        services.change(endpoint.pk, wanted, actor=by.actor)
        return None
    _tried(lambda: services.change(endpoint.pk, wanted, actor=by.actor))
    return _hold(CHANGE, endpoint, wanted, "", by, reason, now)


def ask_rotate(
    endpoint: WebhookEndpoint, version: int, *, by: Staff, reason: str, now: dt.datetime
) -> tuple[Approval, str]:
    """Ask for a new secret; the request and the secret, seen this once. `version`: of the endpoint,
    as it was read.

    Raises BadEndpoint for a kind that does not sign, NotPossible where it was changed meanwhile,
    Refused, NotAllowed.
    """
    _check(by)
    if endpoint.version != version:
        raise NotPossible("It was changed meanwhile; open the page again to rotate its secret.")
    _, secret = _tried(lambda: services.rotate(endpoint.pk, actor=by.actor))
    return _hold(ROTATE, endpoint, None, secret, by, reason, now), secret


def waiting(endpoint: WebhookEndpoint) -> list[tuple[Approval, str]]:
    """What is asked for an endpoint and not decided yet, in words."""
    return [
        (one, approvals.sentence(one))
        for one in _waiting()
        if one.arguments.get("endpoint") == endpoint.pk
    ]


def _tried[T](write: Callable[[], T]) -> T:
    """What `write` gives, undone again: whatever would stop it later stops it now, with the field's
    name.
    """
    with transaction.atomic():
        found = write()
        transaction.set_rollback(True)
        return found


def _hold(
    act: str,
    endpoint: WebhookEndpoint | None,
    wanted: Wanted | None,
    secret: str,
    by: Staff,
    reason: str,
    now: dt.datetime,
) -> Approval:
    kept = _Sealed(secret=secret)
    arguments: dict[str, Any] = (
        {"endpoint": endpoint.pk, "version": endpoint.version} if endpoint else {}
    )
    arguments["name"] = endpoint.name if endpoint else (wanted.name if wanted else "")
    if wanted is not None:
        kept.address = wanted.address
        kept.headers = None if wanted.headers is None else dict(wanted.headers)
        arguments |= {
            "name": wanted.name,
            "kind": wanted.kind,
            "events": list(wanted.events),
            "experiences": list(wanted.experiences),
            "rate": wanted.rate,
            "host": formatting.host(wanted.address) if wanted.address else "",
            "headers": sorted(wanted.headers) if wanted.headers is not None else None,
        }
    arguments["sealed"] = encryption.seal(msgspec.json.encode(kept).decode())
    return approvals.hold(
        act,
        player=None,
        arguments=arguments,
        cause=Approval.Cause.SECOND,
        by=by,
        reason=reason,
        now=now,
        once=f"{act} {endpoint.pk if endpoint else arguments['name'].strip()}",
    )


def _waiting() -> list[Approval]:
    acts = [ADD, CHANGE, ROTATE]
    return list(
        Approval.objects.filter(act__in=acts, status=Approval.Status.WAITING).order_by("pk")
    )


def _sentence(approval: Approval) -> str:
    given = approval.arguments
    if approval.act == ROTATE:
        return f"Give the endpoint {given['name']} a new secret"
    if approval.act == ADD:
        return f"Tell {given['host']} of {', '.join(given['events'])} (endpoint {given['name']})"
    parts = [f"send to {given['host']}"] if given["host"] else []
    parts += ["send other headers"] if given["headers"] is not None else []
    return f"Have the endpoint {given['name']} {' and '.join(parts)}"


def _carries_out(act: str) -> Callable[[approvals.CarryOut], approvals.CarryOut]:
    return approvals.carries_out(act, entitled=lambda by: by.has(RIGHT), sentence=_sentence)


@_carries_out(ADD)
def _add(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    sealed = _unsealed(approval)
    endpoint, _ = _refusing(
        lambda: services.create(
            _wanted(approval, sealed), actor=requester.actor, secret=sealed.secret
        )
    )
    return _event(endpoint)


@_carries_out(CHANGE)
def _change(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    endpoint, sealed = _same(approval), _unsealed(approval)
    _refusing(
        lambda: services.change(endpoint.pk, _wanted(approval, sealed), actor=requester.actor)
    )
    return _event(endpoint)


@_carries_out(ROTATE)
def _rotate(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    endpoint, sealed = _same(approval), _unsealed(approval)
    _refusing(lambda: services.rotate(endpoint.pk, actor=requester.actor, secret=sealed.secret))
    return _event(endpoint)


def _same(approval: Approval) -> WebhookEndpoint:
    """The endpoint, locked, if it is as it was when this was asked for."""
    given = approval.arguments
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    found = rows.filter(pk=given["endpoint"], version=given["version"]).first()
    if found is None:
        raise Refused(
            f"The endpoint {given['name']} was changed or deleted since; turn this down and ask again."
        )
    return found


def _wanted(approval: Approval, sealed: _Sealed) -> Wanted:
    given = approval.arguments
    return Wanted(
        name=given["name"],
        kind=given["kind"],
        address=sealed.address,
        events=given["events"],
        experiences=given["experiences"],
        headers=sealed.headers,
        rate=given["rate"],
    )


def _unsealed(approval: Approval) -> _Sealed:
    try:
        return msgspec.json.decode(encryption.unseal(approval.arguments["sealed"]), type=_Sealed)
    except encryption.NoKey as error:
        raise Refused(str(error)) from None


def _refusing[T](write: Callable[[], T]) -> T:
    try:
        return write()
    except BadEndpoint as error:
        raise Refused(str(error)) from None


def _event(endpoint: WebhookEndpoint) -> int | None:
    """The audit event that was just written of an endpoint."""
    found = AuditEvent.objects.filter(target_kind="endpoint", target_id=str(endpoint.pk)).order_by(
        "-pk"
    )
    return found.values_list("pk", flat=True).first()


def _check(by: Staff) -> None:
    if not by.has(RIGHT):
        raise NotAllowed("You may not: endpoints are a matter of the owners and integrators.")
