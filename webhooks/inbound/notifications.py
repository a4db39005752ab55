"""Notifications from Roblox: check the signature, store them once, create erasure orders.

The signature is `base64(HMAC-SHA256(secret, t + "." + body))` in `roblox-signature:
t=<seconds>,v1=<signature>`.
"""

import base64
import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction

from common import database_clock, previous_secrets
from common.parsing import whole_number
from common.time import BadMoment, parse
from players.points.event_parser import UserId
from players.privacy import orders
from webhooks.inbound.schemas import NotificationIn
from webhooks.models import RobloxNotification

WINDOW = 300  # seconds by which a signature's time may be off, in both directions
MOST_GAMES = 1000
Status = RobloxNotification.Status


class BadSignature(Exception):
    """The signature does not prove that the request is from Roblox. The text says why."""


class BadPayload(Exception):
    """An erasure order that cannot be read: the `field` and its fault."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class Received:
    """A stored notification. `repeated`: it was stored before, so nothing was done now."""

    notification: RobloxNotification
    repeated: bool


class Erasure(msgspec.Struct, frozen=True, rename="pascal"):
    """The payload of a `RightToErasureRequest`. `game_ids` are start places and may be missing."""

    user_id: UserId
    game_ids: Any = None

    @property
    def games(self) -> list[int]:
        listed = self.game_ids if isinstance(self.game_ids, list) else []
        return [one for one in listed if isinstance(one, int)][:MOST_GAMES]


def verify(header: str, body: bytes) -> None:
    """Check `roblox-signature` against the body's bytes. Raises BadSignature."""
    secrets = [settings.ROBLOX_WEBHOOK_SECRET, settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS]
    if not any(secrets):
        raise BadSignature(
            "Notifications of Roblox are closed: ROBLOX_WEBHOOK_SECRET is not configured."
        )
    moment, given = _parts(header)
    if abs(database_clock.timestamp() - int(moment)) > WINDOW:
        raise BadSignature("The signature's time is more than 5 minutes off; check the clock.")
    # All secrets are compared, so that the response time reveals nothing.
    matches = [
        hmac.compare_digest(signature(secret, moment, body), given.encode()) and bool(secret)
        for secret in secrets
    ]
    if not previous_secrets.any_match("ROBLOX_WEBHOOK_SECRET", matches):
        raise BadSignature(
            "roblox-signature does not fit the body: is it the secret that Creator Hub shows?"
        )


def signature(secret: str, moment: str, body: bytes) -> bytes:
    """Return the value of `v1=`. `moment`: seconds since 1970, as in the header."""
    return base64.b64encode(
        hmac.digest(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    )


def receive(notification: NotificationIn, *, now: dt.datetime) -> Received:
    """Store a notification once, and create its erasure order if it is one. Raises BadPayload."""
    erasure = _erasure(notification) if notification.event_type == "RightToErasureRequest" else None
    handled = notification.event_type in {"RightToErasureRequest", "SampleNotification"}
    with transaction.atomic():
        stored, created = RobloxNotification.objects.get_or_create(
            notification_id=notification.notification_id,
            defaults={
                "event_type": notification.event_type,
                "event_time": _moment(notification.event_time),
                "payload": notification.event_payload,
                "status": Status.HANDLED if handled else Status.STORED,
                "received_at": now,
                "handled_at": now if handled else None,
            },
        )
        if created and erasure is not None:
            orders.order(
                stored.notification_id, erasure.user_id, erasure.games, actor=orders.ROBLOX, now=now
            )
    return Received(stored, repeated=not created)


def _parts(header: str) -> tuple[str, str]:
    """Return time and signature of `t=…,v1=…`. Raises BadSignature."""
    # Only the first `=` separates, since base64 may end with `=`.
    found = dict(part.strip().partition("=")[::2] for part in header.split(","))
    moment, given = found.get("t", ""), found.get("v1", "")
    if whole_number(moment, most=10**12) is None:
        raise BadSignature("Send roblox-signature: t=<seconds since 1970>,v1=<signature>.")
    if not given or not given.isascii():
        raise BadSignature(
            "roblox-signature has no v1=: set the same secret in Creator Hub and ROBLOX_WEBHOOK_SECRET."
        )
    return moment, given


def _erasure(notification: NotificationIn) -> Erasure:
    try:
        return msgspec.convert(
            notification.event_payload, Erasure, strict=False
        )  # an id may be a string
    except msgspec.ValidationError as error:
        raise BadPayload("EventPayload", f"{error}.") from None


def _moment(text: str) -> dt.datetime | None:
    """Return the event's time. None if the format is unknown, since nothing depends on it."""
    try:
        return parse(text, default_zone=dt.UTC)
    except BadMoment:
        return None
