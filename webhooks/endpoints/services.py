"""Acts on endpoints: create, change, rotate, enable, disable, delete, send again.

Each is one transaction and one audit event, which never holds addresses, headers or secrets.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from audits import queries
from audits.actions import Action
from audits.record import Actor
from common import encryption
from common.errors import Refused
from roblox.models import Experience
from webhooks.endpoints import health
from webhooks.formats import kind_of
from webhooks.formats.base import BadEndpoint, Kind
from webhooks.formats.standard import key_of, new_secret
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outbound import fan_out, locks, subscriptions
from webhooks.outbound.ssrf import BadAddress, check_url

OVERLAP = dt.timedelta(hours=24)  # both secrets sign so long after a rotation
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
RESERVED = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "user-agent",
}
MOST_HEADERS = 20
MOST_RATE = 6000  # calls a minute
REPLAY_BATCH = 1000  # events

AGAIN = """
    UPDATE webhook_deliveries
    SET status = 'pending', attempts = 0, retry_at = now(), trigger = %s, lease = '', finished_at = NULL, reason = ''
    WHERE id IN (SELECT id FROM webhook_deliveries WHERE endpoint_id = %s AND {which} FOR UPDATE SKIP LOCKED)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointInput:
    """The settings of an endpoint. `address` and `headers` None: unchanged."""

    name: str
    kind: str
    address: str | None = None
    events: Sequence[str]
    experiences: Sequence[str] = ()
    headers: Mapping[str, str] | None = None
    rate: int | None = None


def create(wanted: EndpointInput, *, actor: Actor, secret: str = "") -> tuple[WebhookEndpoint, str]:
    """Add an endpoint, which gets what happens from now on; it and its secret, to be shown this
    once.

    A kind that signs gets a secret of its own, made here where none is given. Raises BadEndpoint
    naming the field.
    """
    if not wanted.address:
        raise BadEndpoint("address: where should the messages go?")
    signs = _check(wanted).signs
    own = (secret or new_secret()) if signs else ""
    if own:
        key_of(own)
    fields = _fields(wanted) | {"secret_sealed": _sealed(own), "position": queries.head()}
    with transaction.atomic():
        endpoint = _saved(lambda: WebhookEndpoint.objects.create(**fields), wanted.name)
        health.record_event(Action.ENDPOINT_CREATED, endpoint, actor=actor, **_public(endpoint))
    return endpoint, own


def change(pk: int, wanted: EndpointInput, *, actor: Actor) -> WebhookEndpoint:
    """Change an endpoint; calls under way end as they began. Raises BadEndpoint, Refused."""
    _check(wanted)
    with transaction.atomic():
        endpoint = _locked(pk)
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
    """Give an endpoint a new secret; for a day both sign. It and the secret, to be shown this once.

    Raises BadEndpoint for a kind that does not sign, or a secret that is none.
    """
    own = secret or new_secret()
    key_of(own)
    with transaction.atomic():
        endpoint = _locked(pk)
        if not kind_of(endpoint.kind).signs:
            raise BadEndpoint(
                f"secret: {kind_of(endpoint.kind).title} has none; its address is the secret."
            )
        former = endpoint.secret_sealed or _sealed(settings.WEBHOOK_VERIFICATION_KEY)
        until = timezone.now() + OVERLAP
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
    """Stop an endpoint; what happens meanwhile waits for it. Raises Refused without a reason."""
    _require(reason)
    with transaction.atomic():
        endpoint = _locked(pk)
        if not health.disable(endpoint, reason, actor=actor, now=timezone.now()):
            raise Refused("It is disabled already.")
    endpoint.refresh_from_db()
    return endpoint


def enable(pk: int, *, actor: Actor, reason: str, skip_missed: bool = False) -> WebhookEndpoint:
    """Start an endpoint again: with what happened meanwhile, or (`skip_missed`) from now on.

    Raises Refused without a reason.
    """
    _require(reason)
    with transaction.atomic():
        locks.exclusive_lock()
        endpoint = _locked(pk)
        if endpoint.status == WebhookEndpoint.Status.ACTIVE:
            raise Refused("It is active already.")
        head = queries.head()
        skipped = head - endpoint.position if skip_missed else 0
        WebhookEndpoint.objects.filter(pk=pk).update(
            status=WebhookEndpoint.Status.ACTIVE,
            status_at=timezone.now(),
            reason=reason,
            failing_since=None,
            failing_told_at=None,
            warnings=0,
            paused_until=None,
            position=head if skip_missed else endpoint.position,
        )
        waiting = endpoint.deliveries.filter(status="pending")
        if skip_missed:
            waiting.update(
                status="exhausted",
                reason=f"Skipped when it was enabled: {reason}",
                finished_at=timezone.now(),
            )
        else:
            waiting.update(retry_at=Now(), attempts=0)
        health.record_event(
            Action.ENDPOINT_ENABLED, endpoint, actor=actor, reason=reason, skippedEvents=skipped
        )
        endpoint.refresh_from_db()
    return endpoint


def delete(pk: int, *, actor: Actor, reason: str) -> None:
    """Delete an endpoint with its deliveries; the audit log keeps that it was. Raises Refused
    without a reason.
    """
    _require(reason)
    with transaction.atomic():
        locks.exclusive_lock()
        endpoint = _locked(pk)
        health.record_event(
            Action.ENDPOINT_DELETED, endpoint, actor=actor, reason=reason, **_public(endpoint)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM webhook_attempts a USING webhook_deliveries d"
                " WHERE d.id = a.delivery_id AND d.endpoint_id = %s",
                [pk],
            )
            cursor.execute("DELETE FROM webhook_deliveries WHERE endpoint_id = %s", [pk])
        WebhookEndpoint.objects.filter(pk=pk).delete()


def send_examples(pk: int, actions: Iterable[str]) -> list[WebhookDelivery]:
    """Send an invented event of each of these actions. Raises Refused for a disabled endpoint,
    BadEndpoint for an action that is none.
    """
    with transaction.atomic():
        endpoint = _locked(pk)
        if endpoint.status != WebhookEndpoint.Status.ACTIVE:
            raise Refused("It is disabled; enable it first.")
        for action in actions:
            if action not in Action:
                raise BadEndpoint(f"action: {action!r} is none; docs/webhooks.md lists them.")
        made = [
            WebhookDelivery(endpoint=endpoint, action=str(action), trigger="example")
            for action in actions
        ]
        return WebhookDelivery.objects.bulk_create(made)


def resend(delivery_id: int, *, actor: Actor) -> WebhookDelivery:
    """Send one delivery again, whatever became of it; the receiver can tell by its id that it is
    the same.

    Raises Refused while it is under way.
    """
    with transaction.atomic():
        delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
        if not _again(delivery.endpoint_id, "resend", "id = %s AND lease = ''", [delivery_id]):
            raise Refused("It is under way at this moment.")
        health.record_event(
            Action.DELIVERY_RESENT, delivery.endpoint, actor=actor, count=1, delivery=delivery_id
        )
    delivery.refresh_from_db()
    return delivery


def recover(pk: int, since: dt.datetime, until: dt.datetime | None = None, *, actor: Actor) -> int:
    """Send again all that was given up since a moment (and before `until`); how many."""
    which = "status = 'exhausted' AND finished_at >= %s AND finished_at < coalesce(%s::timestamptz, 'infinity')"
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.get(pk=pk)
        count = _again(pk, "recover", which, [since, until])
        if count:
            health.record_event(
                Action.DELIVERY_RESENT, endpoint, actor=actor, count=count, since=since.isoformat()
            )
    return count


def replay(
    pk: int,
    after: int,
    until: int,
    *,
    actor: Actor,
    progress: Callable[[int], None] = lambda position: None,
) -> int:
    """Send every event that it asks for from the places behind `after` to `until`, also what
    arrived; how many.

    What was sent before keeps its webhook-id. A thousand events a transaction: run it again if it
    was cut short. `progress` hears of each place that was reached.
    """
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    until = min(until, queries.head())
    count = 0
    position = after
    while position < until and (
        events := queries.events_after(position, min(REPLAY_BATCH, until - position))
    ):
        with transaction.atomic():
            wanted = [event.id for event in events if fan_out.wants(endpoint, event)]
            count += _again(
                pk,
                "replay",
                "lease = '' AND status <> 'pending' AND event_id = ANY(%s::bigint[])",
                [wanted],
            )
            count += fan_out.deliver(endpoint, events, "replay")
        position = events[-1].position
        progress(position)
    if count:
        with transaction.atomic():
            health.record_event(
                Action.DELIVERY_RESENT, endpoint, actor=actor, count=count, after=after, until=until
            )
    return count


def reseal_all() -> int:
    """Encrypt what is stored with the first key of FIELD_ENCRYPTION_KEYS; how many endpoints.
    Raises NoKey.
    """
    names = ("address_sealed", "secret_sealed", "previous_secret_sealed", "headers_sealed")
    with transaction.atomic():
        endpoints = list(WebhookEndpoint.objects.select_for_update(no_key=True).order_by("pk"))
        for endpoint in endpoints:
            fresh = {
                name: encryption.reseal(getattr(endpoint, name))
                for name in names
                if getattr(endpoint, name)
            }
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**fresh)
        return len(endpoints)


def spell_headers(text: str) -> dict[str, str]:
    """`Name: value` lines as headers. Raises BadEndpoint."""
    headers = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            # The line itself may be a secret that was pasted without its name.
            raise BadEndpoint(
                f"headers: line {number} is no header; write one `Name: value` a line."
            )
        headers[name.strip()] = value.strip()
    return headers


def _locked(pk: int) -> WebhookEndpoint:
    """The endpoint, locked for a change. Raises Refused where somebody deleted it meanwhile."""
    found = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if found is None:
        raise Refused("The endpoint was deleted meanwhile.")
    return found


def _check(wanted: EndpointInput) -> Kind:
    kind = kind_of(wanted.kind)
    if not wanted.name.strip() or len(wanted.name) > 60:
        raise BadEndpoint("name: give it 1 to 60 characters.")
    subscriptions.check(wanted.events)
    known = set(Experience.objects.values_list("key", flat=True))
    for key in wanted.experiences:
        if key not in known:
            raise BadEndpoint(
                f"experiences: there is no experience {key!r}; there are {', '.join(sorted(known))}."
            )
    if wanted.rate is not None and not 1 <= wanted.rate <= MOST_RATE:
        raise BadEndpoint(f"rate: 1 to {MOST_RATE} calls a minute, or empty for no limit.")
    if wanted.address is not None:
        try:
            check_url(
                wanted.address,
                insecure=not settings.PRODUCTION,
                exceptions=settings.WEBHOOK_ALLOWED_NETWORKS,
            )
        except BadAddress as error:
            raise BadEndpoint(f"address: {error}") from None
        kind.check(wanted.address)
    _check_headers(wanted.headers or {})
    return kind


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MOST_HEADERS:
        raise BadEndpoint(f"headers: {MOST_HEADERS} at most.")
    for name, value in headers.items():
        if not HEADER.fullmatch(name):
            raise BadEndpoint(f"headers: {name!r} is no header's name.")
        if name.lower() in RESERVED or name.lower().startswith("webhook-"):
            raise BadEndpoint(f"headers: {name} is set by GRPS; leave it out.")
        if not VALUE.fullmatch(value):
            raise BadEndpoint(
                f"headers: the value of {name} must be plain ASCII of at most 1,000 characters."
            )


def _fields(wanted: EndpointInput) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": wanted.name.strip(),
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
    """What may be told of an endpoint: neither address nor headers nor secrets."""
    return {
        "events": list(endpoint.events),
        "experiences": list(endpoint.experiences),
        "rate": endpoint.rate,
    }


def _require(reason: str) -> None:
    if not reason.strip():
        raise Refused("reason: say why in a sentence.")


def _again(pk: int, trigger: str, which: str, arguments: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(AGAIN.format(which=which), [trigger, pk, *arguments])
        return int(cursor.rowcount)
