"""One event in full: changes, personal values, and the proof of its seal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.chain import chain
from audits.chain.offline import verify_proof
from audits.chain.proofs import NotProvable, prove
from audits.chain.sealing import trusted_keys
from audits.models import AuditEvent, AuditPersonal
from audits.queries import PlacedEvent
from console.audit.rows import SHELL
from webhooks.models import WebhookDelivery, WebhookEndpoint

NAMES = {"actorName": "Who did it", "targetName": "To whom", "reason": "Reason"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field before and after, as text. "" if it did not exist."""

    name: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Value:
    """A personal value of an event, None after its erasure.

    `holds`: it matches its commitment.
    """

    name: str
    value: str | None
    holds: bool


@dataclass(frozen=True, slots=True)
class ChainProof:
    """The path of an event to a signed root. `waiting` says why there is none yet."""

    waiting: str = ""
    defects: tuple[str, ...] = ()
    seal: Mapping[str, Any] | None = None
    path: tuple[str, ...] = ()
    size: int = 0


def changes(event: PlacedEvent) -> list[FieldChange]:
    """Return the event's values before and after, field by field."""
    before, after = event.details.get("before") or {}, event.details.get("after") or {}
    return [
        FieldChange(name, _text(before, name), _text(after, name)) for name in {**before, **after}
    ]


def further(event: PlacedEvent) -> list[tuple[str, str]]:
    """Return the event's other details."""
    return [
        (name, _text(event.details, name))
        for name in event.details
        if name not in {"before", "after"}
    ]


def personal(event: PlacedEvent) -> list[Value]:
    """Return all personal values of the event, also erased ones, without the login of an operator."""
    commitments = AuditEvent.objects.values_list("commitments", flat=True).get(pk=event.id)
    kept = {row.field: row for row in AuditPersonal.objects.filter(event_id=event.id)}
    hidden = {"actorName"} if event.actor_id == SHELL else set()
    return [
        _value(name, promised, kept.get(name))
        for name, promised in commitments.items()
        if name not in hidden
    ]


def proof(event_id: int) -> ChainProof:
    """Return the event's proof, checked now with the trusted keys."""
    try:
        found = prove(event_id)
    except NotProvable as error:
        return ChainProof(waiting=str(error))
    defects = verify_proof(found, trusted_keys())
    return ChainProof("", tuple(defects), found["seal"], tuple(found["path"]), found["size"])


def deliveries(event_id: int) -> list[WebhookDelivery]:
    """Return the event's webhook deliveries."""
    # By endpoint first, since the index begins with the endpoint and there are few of them.
    endpoints = list(WebhookEndpoint.objects.values_list("pk", flat=True))
    found = WebhookDelivery.objects.filter(endpoint__in=endpoints, event_id=event_id)
    return list(found.select_related("endpoint").order_by("endpoint__name", "pk"))


def _value(name: str, promised: str, kept: AuditPersonal | None) -> Value:
    if kept is None:
        return Value(NAMES.get(name, name), None, holds=True)
    return Value(
        NAMES.get(name, name),
        kept.value,
        chain.commitment(bytes(kept.salt), kept.value) == promised,
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )
