"""Take a person's words out of an event that was sealed with them. Only old events need it: since
details hold nobody's words, what names people stands beside an event, under a salted commitment.

The hash of the line as it was sealed stays, so that every root can be computed again. It alone
would give an id away to whoever tries all of them; so the values that stay are committed to anew,
under other salts, and nobody can write the former line down any more. An event `audit.redacted`
seals what is left: to change that later is found out.
"""

import secrets
from typing import Any

from django.db import transaction

from audits.actions import Action
from audits.chain import chain, copy_reader
from audits.chain.merkle import leaf_hash
from audits.models import AuditEvent, AuditPersonal, AuditRedaction
from audits.record import FORGETTING, SALT, Target, erasing, record
from common.canonical_json import canonical_exact

UPDATE = (
    "UPDATE audits SET details = %s::json, commitments = %s::json, request_id = %s WHERE id = %s"
)
INSERT = (
    "INSERT INTO audit_personal (event_id, field, subject, salt, value) VALUES (%s, %s, %s, %s, %s)"
)


def redact(event_id: int, details: dict[str, Any], *, request_id: str) -> bool:
    """Leave `details` and `request_id` of an event; False while no seal covers it. One transaction,
    one event.
    """
    with transaction.atomic():
        event = AuditEvent.objects.filter(pk=event_id, sealed__isnull=False).first()
        if event is None:
            return False
        # Locked by its personal rows, where it has some: two erasures may meet here.
        kept = list(
            AuditPersonal.objects.select_for_update().filter(event_id=event_id).order_by("pk")
        )
        known = AuditRedaction.objects.filter(event_id=event_id).first()
        leaf = known.leaf if known else _leaf(event_id)
        with erasing() as cursor:
            if known is None:
                cursor.execute(
                    "INSERT INTO audit_redactions (event_id, leaf) VALUES (%s, %s)",
                    [event_id, leaf],
                )
            cursor.execute("DELETE FROM audit_personal WHERE event_id = %s", [event_id])
            commitments = {}
            for one in kept:
                salt = secrets.token_bytes(SALT)
                commitments[one.field] = chain.commitment(salt, one.value)
                cursor.execute(INSERT, [event_id, one.field, one.subject, salt, one.value])
            cursor.execute(
                UPDATE,
                [canonical_exact(details), canonical_exact(commitments), request_id, event_id],
            )
        AuditRedaction.objects.filter(event_id=event_id).update(mirrors=[])
        record(
            Action.AUDIT_REDACTED,
            actor=FORGETTING,
            target=Target("event", str(event_id), ""),
            details={
                "event": event_id,
                "leaf": leaf,
                "left": _leaf(event_id),
                # Values that were missing here before are counted as missing no more.
                "personalRows": len(kept) - len(event.commitments),
            },
        )
        return True


def leaves() -> dict[int, bytes]:
    """The leaves of redacted events as they were sealed, by event."""
    return {
        event: bytes.fromhex(leaf)
        for event, leaf in AuditRedaction.objects.values_list("event_id", "leaf")
    }


def told() -> dict[int, tuple[str, str]]:
    """What the log itself says of redactions, by event: the leaf that was sealed, and that of what
    is left.
    """
    found = (
        AuditEvent.objects.filter(action=Action.AUDIT_REDACTED)
        .order_by("pk")
        .values_list("details", flat=True)
    )
    return {one["event"]: (one["leaf"], one["left"]) for one in found}


def defect(event_id: int, leaf: bytes, now: bytes, said: dict[int, tuple[str, str]]) -> str:
    """What is wrong with a redacted event; empty when nothing is. `now`: the leaf of what is left."""
    if event_id not in said:
        return "it was redacted, and no event of the log says so"
    sealed, left = said[event_id]
    if sealed != leaf.hex():
        return "it was redacted, and the hash kept for it is not the one that the log names"
    return "" if left == now.hex() else "it was redacted, and changed again since"


def _leaf(event_id: int) -> str:
    (line,) = copy_reader.in_order([event_id])
    assert line is not None
    return leaf_hash(line).hex()
