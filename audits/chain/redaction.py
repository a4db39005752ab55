"""Remove a person's words from an event that was sealed with them.

Only old events need this. New events keep personal values beside the event, under a salted
commitment, and not in its details.

The hash of the line as it was sealed stays, so that every root can be recomputed. But from that
hash alone, somebody could find an id by trying all of them. So the remaining values get new
commitments with new salts, and nobody can reconstruct the original line. An event `audit.redacted`
seals the hash of what is left, so a later change of it is detected.
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
    """Replace `details` and `request_id` of an event. Return False if no seal covers it yet.

    One transaction for one event.
    """
    with transaction.atomic():
        event = AuditEvent.objects.filter(pk=event_id, sealed__isnull=False).first()
        if event is None:
            return False
        # The locked personal rows, if there are any, keep two erasures from changing one event.
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
                # Zero or less: values that were missing before are no longer in the commitments,
                # so they must not be counted as missing any more.
                "personalRows": len(kept) - len(event.commitments),
            },
        )
        return True


def leaves() -> dict[int, bytes]:
    """Return the leaves of redacted events as they were sealed, by event id."""
    return {
        event: bytes.fromhex(leaf)
        for event, leaf in AuditRedaction.objects.values_list("event_id", "leaf")
    }


def told() -> dict[int, tuple[str, str]]:
    """Return the redactions that the log records, by event id.

    Each has the leaf that was sealed, and the leaf of what is left.
    """
    found = (
        AuditEvent.objects.filter(action=Action.AUDIT_REDACTED)
        .order_by("pk")
        .values_list("details", flat=True)
    )
    return {one["event"]: (one["leaf"], one["left"]) for one in found}


def defect(event_id: int, leaf: bytes, now: bytes, said: dict[int, tuple[str, str]]) -> str:
    """Return what is wrong with a redacted event, or "". `now` is the leaf of what is left."""
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
