"""Decide which endpoints may be called now, and how many calls to each may begin."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from common.encryption import NoKey
from webhooks.formats import format_of
from webhooks.formats.base import BadEndpoint, Format
from webhooks.formats.standard import key_of
from webhooks.models import WebhookDelivery, WebhookEndpoint

SLOW_SLOTS = 2  # parallel calls to a slow endpoint
UNREADABLE = dt.timedelta(minutes=1)

log = structlog.get_logger("grps.webhooks")


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """An endpoint with its secrets decrypted. `allowance`: the number of calls that may begin now."""

    id: int
    name: str
    kind: Format
    address: str
    headers: Mapping[str, str]
    secret: str
    previous: str
    previous_until: dt.datetime | None  # None: while `previous` is configured
    allowance: int = 0

    def secrets(self, now: dt.datetime) -> Sequence[str]:
        """Return the secrets that sign now, the newest first."""
        both = self.previous and (self.previous_until is None or now < self.previous_until)
        return (self.secret, self.previous) if both else (self.secret,)


@dataclass(frozen=True, slots=True)
class EndpointLoad:
    """A worker's load: running calls by endpoint, slow endpoints, and the number of free calls."""

    busy: Mapping[int, int]
    slow: frozenset[int]
    spare: int


_snapshots: dict[tuple[int, int], EndpointSnapshot] = {}


def callable_endpoints(load: EndpointLoad, now: dt.datetime) -> list[EndpointSnapshot]:
    """Return the endpoints with due deliveries that may be called now, each with its allowance."""
    if load.spare <= 0:
        return []
    due = WebhookDelivery.objects.filter(
        endpoint=OuterRef("pk"), status="pending", retry_at__lte=Now()
    )
    endpoints = WebhookEndpoint.objects.active().filter(
        Q(paused_until=None) | Q(paused_until__lte=now), Exists(due)
    )
    found, spare = [], load.spare
    # The least busy endpoints come first, so that all of them are served.
    for endpoint in sorted(
        _with_rates_locked(endpoints.order_by("pk")), key=lambda one: load.busy.get(one.pk, 0)
    ):
        snapshot = _snapshot(endpoint, now)
        if snapshot is None:
            continue
        slots = SLOW_SLOTS if endpoint.pk in load.slow else snapshot.kind.slots
        free = min(slots - load.busy.get(endpoint.pk, 0), spare, _allowance(endpoint, now))
        if free > 0:
            found.append(replace(snapshot, allowance=free))
            spare -= free
    return found


def spend(calls: Mapping[int, int], now: dt.datetime) -> None:
    """Advance the schedules of endpoints with a rate. `callable_endpoints` has locked their rows."""
    for endpoint in WebhookEndpoint.objects.filter(pk__in=list(calls), rate__isnull=False):
        rate = endpoint.rate or 1
        at = _slot(endpoint, rate, now) + calls[endpoint.pk] * dt.timedelta(seconds=60 / rate)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(next_call_at=at)


def _with_rates_locked(endpoints: Any) -> list[WebhookEndpoint]:
    """Lock the endpoints with a rate, so that two workers do not spend the same calls.

    Endpoints that another worker has locked are left out.
    """
    found: list[WebhookEndpoint] = list(endpoints)
    rated = [endpoint.pk for endpoint in found if endpoint.rate]
    if not rated:
        return found
    locked = WebhookEndpoint.objects.filter(pk__in=rated).select_for_update(
        no_key=True, skip_locked=True
    )
    return [endpoint for endpoint in found if not endpoint.rate] + list(locked.order_by("pk"))


def _snapshot(endpoint: WebhookEndpoint, now: dt.datetime) -> EndpointSnapshot | None:
    """Return the endpoint with its secrets. Pause it and return None if they cannot be decrypted."""
    key = (endpoint.pk, endpoint.version)
    if key not in _snapshots:
        try:
            opened = _open(endpoint)
        except (BadEndpoint, NoKey) as error:
            log.error("an endpoint cannot be opened", endpoint=endpoint.name, error=str(error))
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
                reason=str(error), paused_until=now + UNREADABLE
            )
            return None
        for stale in [known for known in _snapshots if known[0] == endpoint.pk]:
            del _snapshots[stale]
        _snapshots[key] = opened
    return _snapshots[key]


def _open(endpoint: WebhookEndpoint) -> EndpointSnapshot:
    kind = format_of(endpoint.kind)
    own, previous = endpoint.secret, endpoint.previous_secret
    if not own:
        own = settings.WEBHOOK_VERIFICATION_KEY
        previous = settings.WEBHOOK_VERIFICATION_KEY_PREVIOUS
    if kind.signs:
        key_of(own)
    return EndpointSnapshot(
        id=endpoint.pk,
        name=endpoint.name,
        kind=kind,
        address=endpoint.address,
        headers=endpoint.headers,
        secret=own,
        previous=previous,
        previous_until=endpoint.previous_until,
    )


def _allowance(endpoint: WebhookEndpoint, now: dt.datetime) -> int:
    """Return the number of calls that the endpoint's rate allows now: at most a second's worth."""
    if not endpoint.rate:
        return 2**31
    slot = _slot(endpoint, endpoint.rate, now)
    return 0 if slot > now else int((now - slot).total_seconds() * endpoint.rate / 60) + 1


def _slot(endpoint: WebhookEndpoint, rate: int, now: dt.datetime) -> dt.datetime:
    """Return the time of the next call in the schedule of a rate (calls a minute).

    It is at most a second's worth of calls in the past.
    """
    burst = max(1, rate // 60)
    earliest = now - dt.timedelta(seconds=(burst - 1) * 60 / rate)
    return max(endpoint.next_call_at or earliest, earliest)
