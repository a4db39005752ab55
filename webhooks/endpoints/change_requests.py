"""Changes to endpoints that a second person approves: new endpoints, addresses, headers, secrets.

The input waits encrypted. A new secret is created and shown at the request, so that only the
requester ever sees it. It signs after the approval.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from django.db import transaction

from audits.models import AuditEvent
from common import encryption
from common.errors import NotAllowed, Refused
from players.models import Approval
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput
from webhooks.formats.base import BadEndpoint
from webhooks.messages import formatting
from webhooks.models import WebhookEndpoint

ADD, CHANGE, ROTATE = "endpoint.add", "endpoint.change", "endpoint.rotate"
RIGHT = "console.secrets"


class _Sealed(msgspec.Struct):
    """The encrypted part of a request. Shapes: as in EndpointInput."""

    address: str | None = None
    headers: dict[str, str] | None = None
    secret: str = ""


class IssuedSecret(NamedTuple):
    """A request with the secret that will sign after its approval.

    `secret` is empty for kinds of endpoints that do not sign.
    """

    approval: Approval
    secret: str


def ask_add(wanted: EndpointInput, command: Command) -> IssuedSecret:
    """Request a new endpoint. Raises Refused, NotAllowed, or BadEndpoint naming the field."""
    _require_right(command.by)
    _, secret = _dry_run(lambda: services.create(wanted, actor=command.by.actor))
    name = wanted.name.strip()
    arguments = _public_arguments(wanted) | {"sealed": _sealed(wanted, secret)}
    return IssuedSecret(_request(ADD, arguments, command, f"{ADD} {name}"), secret)


def ask_change(
    endpoint: WebhookEndpoint, wanted: EndpointInput, command: Command
) -> Approval | None:
    """Change an endpoint. New addresses or headers are only requested; otherwise return None.

    Raises Refused, NotAllowed, or BadEndpoint naming the field.
    """
    _require_right(command.by)
    actor = command.by.actor
    if wanted.address is None and wanted.headers is None:
        services.change(endpoint.pk, wanted, actor=actor)
        return None
    _dry_run(lambda: services.change(endpoint.pk, wanted, actor=actor))
    arguments = _reference(endpoint) | _public_arguments(wanted) | {"sealed": _sealed(wanted)}
    return _request(CHANGE, arguments, command, f"{CHANGE} {endpoint.pk}")


def ask_rotate(endpoint: WebhookEndpoint, version: int, command: Command) -> IssuedSecret:
    """Request a new secret. `version`: the endpoint's version when the requester read it.

    Raises NotAllowed, BadEndpoint for a kind that does not sign, and Refused, also if the endpoint
    was changed after that version.
    """
    _require_right(command.by)
    if endpoint.version != version:
        raise Refused("It was changed meanwhile. Open the page again to rotate its secret.")
    _, secret = _dry_run(lambda: services.rotate(endpoint.pk, actor=command.by.actor))
    arguments = _reference(endpoint) | {"name": endpoint.name, "sealed": _sealed(secret=secret)}
    return IssuedSecret(_request(ROTATE, arguments, command, f"{ROTATE} {endpoint.pk}"), secret)


def pending(endpoint: WebhookEndpoint) -> list[tuple[Approval, str]]:
    """Return the pending requests about an endpoint, each with its sentence."""
    rows = Approval.objects.filter(
        act__in=[ADD, CHANGE, ROTATE],
        status=Approval.Status.WAITING,
        arguments__endpoint=endpoint.pk,
    )
    return [(row, approvals.sentence(row)) for row in rows.order_by("pk")]


def _dry_run[T](write: Callable[[], T]) -> T:
    """Run `write` and roll it back, so that errors appear at the request and not at the approval."""
    with transaction.atomic():
        found = write()
        transaction.set_rollback(True)
        return found


def _request(act: str, arguments: dict[str, Any], command: Command, once: str) -> Approval:
    return approvals.request_approval(
        ApprovalRequest(act, arguments=arguments, once=once),
        Command(by=command.by, reason=command.reason, now=command.now),
    )


def _reference(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {"endpoint": endpoint.pk, "version": endpoint.version}


def _public_arguments(wanted: EndpointInput) -> dict[str, Any]:
    """Return the arguments that approvers may read: the address's host and the names of headers."""
    return {
        "name": wanted.name,
        "kind": wanted.kind,
        "events": list(wanted.events),
        "experiences": list(wanted.experiences),
        "rate": wanted.rate,
        "host": formatting.host(wanted.address) if wanted.address else "",
        "headers": sorted(wanted.headers) if wanted.headers is not None else None,
    }


def _sealed(wanted: EndpointInput | None = None, secret: str = "") -> str:
    private = _Sealed(secret=secret)
    if wanted is not None:
        private.address = wanted.address
        private.headers = None if wanted.headers is None else dict(wanted.headers)
    try:
        return encryption.seal(msgspec.json.encode(private).decode())
    except encryption.NoKey as error:
        raise BadEndpoint(f"secret: {error}") from None


def _sentence(approval: Approval) -> str:
    given = approval.arguments
    if approval.act == ROTATE:
        return f"Give the endpoint {given['name']} a new secret"
    if approval.act == ADD:
        return f"Tell {given['host']} of {', '.join(given['events'])} (endpoint {given['name']})"
    parts = [f"send to {given['host']}"] if given["host"] else []
    parts += ["send other headers"] if given["headers"] is not None else []
    return f"Have the endpoint {given['name']} {' and '.join(parts)}"


def _executes(act: str) -> Callable[[approval_types.Execute], approval_types.Execute]:
    return approval_types.executes(act, entitled=lambda by: by.has(RIGHT), sentence=_sentence)


@_executes(ADD)
def _add(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    sealed = _unsealed(approval)
    wanted = _endpoint_input(approval, sealed)
    endpoint, _ = services.create(wanted, actor=requester.actor, secret=sealed.secret)
    return _last_event(endpoint)


@_executes(CHANGE)
def _change(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    endpoint = _lock_unchanged(approval)
    wanted = _endpoint_input(approval, _unsealed(approval))
    services.change(endpoint.pk, wanted, actor=requester.actor)
    return _last_event(endpoint)


@_executes(ROTATE)
def _rotate(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int | None:
    endpoint, sealed = _lock_unchanged(approval), _unsealed(approval)
    services.rotate(endpoint.pk, actor=requester.actor, secret=sealed.secret)
    return _last_event(endpoint)


def _lock_unchanged(approval: Approval) -> WebhookEndpoint:
    """Return the endpoint, locked. Raises Refused if it was changed after the request."""
    given = approval.arguments
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    found = rows.filter(pk=given["endpoint"], version=given["version"]).first()
    if found is None:
        raise Refused(
            f"The endpoint {given['name']} was changed or deleted since this was requested. "
            "Reject the request and make a new one."
        )
    return found


def _endpoint_input(approval: Approval, sealed: _Sealed) -> EndpointInput:
    given = approval.arguments
    return EndpointInput(
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


def _last_event(endpoint: WebhookEndpoint) -> int | None:
    """Return the id of the newest audit event about an endpoint."""
    events = AuditEvent.objects.filter(target_kind="endpoint", target_id=str(endpoint.pk))
    return events.order_by("-pk").values_list("pk", flat=True).first()


def _require_right(by: Staff) -> None:
    if not by.has(RIGHT):
        raise NotAllowed("You may not: endpoints are a matter of the owners and integrators.")
