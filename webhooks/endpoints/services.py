"""Actions on endpoints: create, change, rotate, enable, disable, delete, encrypt again.

Each is one transaction and one audit event, which never contains addresses, headers or secrets.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from audits import queries
from audits.actions import Action
from audits.record import Actor
from common import database_clock, encryption
from common.errors import Refused
from common.visible_text import clean_name, clean_text
from webhooks.endpoints import health
from webhooks.endpoints.validation import EndpointInput, validate
from webhooks.formats import format_of
from webhooks.formats.base import BadEndpoint
from webhooks.formats.standard import key_of, new_secret
from webhooks.models import WebhookEndpoint
from webhooks.outbound import locks

OVERLAP = dt.timedelta(hours=24)  # both secrets sign for this time after a rotation


def create(wanted: EndpointInput, *, actor: Actor, secret: str = "") -> tuple[WebhookEndpoint, str]:
    """Add an endpoint, which gets events from now on. Return it and its secret.

    A kind that signs gets a new secret if none is given. Raises BadEndpoint naming the field.
    """
    if not wanted.address:
        raise BadEndpoint("address: where should the messages go?")
    signs = validate(wanted).signs
    own = (secret or new_secret()) if signs else ""
    if own:
        key_of(own)
    fields = _fields(wanted) | {"secret_sealed": _sealed(own), "position": queries.head()}
    with transaction.atomic():
        endpoint = _saved(lambda: WebhookEndpoint.objects.create(**fields), wanted.name)
        health.record_event(Action.ENDPOINT_CREATED, endpoint, actor=actor, **_public(endpoint))
    return endpoint, own


def change(pk: int, wanted: EndpointInput, *, actor: Actor) -> WebhookEndpoint:
    """Change an endpoint. Running calls use the old settings. Raises BadEndpoint, Refused."""
    validate(wanted)
    with transaction.atomic():
        endpoint = locked(pk)
        if wanted.kind != endpoint.kind:
            raise BadEndpoint("kind: an endpoint keeps its kind; add another endpoint.")
        before = _public(endpoint)
        fields = _fields(wanted) | {"version": endpoint.version + 1}
        _saved(lambda: WebhookEndpoint.objects.filter(pk=pk).update(**fields), wanted.name)
        endpoint.refresh_from_db()
        health.record_event(
            Action.ENDPOINT_CHANGED,
            endpoint,
            actor=actor,
            before=before,
            after=_public(endpoint),
            addressChanged=wanted.address is not None,
            headersChanged=wanted.headers is not None,
        )
    return endpoint


def rotate(pk: int, *, actor: Actor, secret: str = "") -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret. Return the endpoint and the secret.

    Both secrets sign for a day. Raises BadEndpoint for a kind that does not sign, or an invalid
    secret.
    """
    own = secret or new_secret()
    key_of(own)
    with transaction.atomic():
        endpoint = locked(pk)
        if not format_of(endpoint.kind).signs:
            raise BadEndpoint(
                f"secret: {format_of(endpoint.kind).title} has none; its address is the secret."
            )
        former = endpoint.secret_sealed or _sealed(settings.WEBHOOK_VERIFICATION_KEY)
        until = database_clock.now() + OVERLAP
        WebhookEndpoint.objects.filter(pk=pk).update(
            secret_sealed=_sealed(own),
            previous_secret_sealed=former,
            previous_until=until,
            version=endpoint.version + 1,
        )
        health.record_event(
            Action.SECRET_ROTATED, endpoint, actor=actor, overlapUntil=until.isoformat()
        )
        endpoint.refresh_from_db()
    return endpoint, own


def disable(pk: int, *, actor: Actor, reason: str) -> WebhookEndpoint:
    """Disable an endpoint; events wait until it is enabled. Raises Refused without a reason."""
    reason = _required(reason)
    with transaction.atomic():
        endpoint = locked(pk)
        if not health.disable(endpoint, reason, actor=actor, now=database_clock.now()):
            raise Refused("It is disabled already.")
    endpoint.refresh_from_db()
    return endpoint


def enable(pk: int, *, actor: Actor, reason: str, skip_missed: bool = False) -> WebhookEndpoint:
    """Enable an endpoint. The events that it missed are sent, unless `skip_missed`.

    Raises Refused without a reason.
    """
    reason = _required(reason)
    with transaction.atomic():
        locks.exclusive_lock()
        endpoint = locked(pk)
        if endpoint.status == WebhookEndpoint.Status.ACTIVE:
            raise Refused("It is active already.")
        head = queries.head()
        skipped = head - endpoint.position if skip_missed else 0
        WebhookEndpoint.objects.filter(pk=pk).update(
            status=WebhookEndpoint.Status.ACTIVE,
            status_at=database_clock.now(),
            reason=reason,
            failing_since=None,
            failing_told_at=None,
            refused=[],
            warnings=0,
            paused_until=None,
            position=head if skip_missed else endpoint.position,
        )
        waiting = endpoint.deliveries.filter(status="pending")
        if skip_missed:
            waiting.update(
                status="exhausted",
                reason=f"Skipped when it was enabled: {reason}",
                finished_at=database_clock.now(),
            )
        else:
            waiting.update(retry_at=Now(), attempts=0)
        health.record_event(
            Action.ENDPOINT_ENABLED, endpoint, actor=actor, reason=reason, skippedEvents=skipped
        )
        endpoint.refresh_from_db()
    return endpoint


def delete(pk: int, *, actor: Actor, reason: str) -> None:
    """Delete an endpoint with its deliveries. Raises Refused without a reason."""
    reason = _required(reason)
    with transaction.atomic():
        locks.exclusive_lock()
        endpoint = locked(pk)
        health.record_event(
            Action.ENDPOINT_DELETED, endpoint, actor=actor, reason=reason, **_public(endpoint)
        )
        # Raw SQL, since the ORM would load every row: deliveries cascade to attempts.
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM webhook_attempts a USING webhook_deliveries d"
                " WHERE d.id = a.delivery_id AND d.endpoint_id = %s",
                [pk],
            )
            cursor.execute("DELETE FROM webhook_deliveries WHERE endpoint_id = %s", [pk])
        WebhookEndpoint.objects.filter(pk=pk).delete()


def locked(pk: int) -> WebhookEndpoint:
    """Return the endpoint, locked for a change. Raises Refused if it was deleted meanwhile."""
    found = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if found is None:
        raise Refused("The endpoint was deleted meanwhile.")
    return found


def _fields(wanted: EndpointInput) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": clean_name(wanted.name, 60),
        "kind": wanted.kind,
        "events": list(wanted.events),
        "experiences": list(wanted.experiences),
        "rate": wanted.rate,
    }
    if wanted.address is not None:
        fields["address_sealed"] = _sealed(wanted.address)
    if wanted.headers is not None:
        fields["headers_sealed"] = (
            _sealed(msgspec.json.encode(dict(wanted.headers)).decode()) if wanted.headers else ""
        )
    return fields


def _sealed(text: str) -> str:
    try:
        return encryption.seal(text)
    except encryption.NoKey as error:
        raise BadEndpoint(f"secret: {error}") from None


def _saved[T](write: Callable[[], T], name: str) -> T:
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        raise BadEndpoint(f"name: there is an endpoint {name!r} already.") from None


def _public(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Return the settings that the audit log may contain: no address, headers or secrets."""
    return {
        "events": list(endpoint.events),
        "experiences": list(endpoint.experiences),
        "rate": endpoint.rate,
    }


def _required(reason: str) -> str:
    found = clean_text(reason)
    if not found:
        raise Refused("reason: say why in a sentence.")
    return found
