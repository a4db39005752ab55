"""Which keys may have signed seals: the present one, and those that signed events link to it."""

import base64
import datetime as dt
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from audits.actions import Action
from audits.chain import chain
from audits.models import AuditEvent, Seal

PURPOSE = b"GRPS: the key that signs the audit log was replaced\n"


def own_key() -> str:
    """Return the public key of AUDIT_SIGNING_KEY."""
    return chain.public_text(chain.private_key(settings.AUDIT_SIGNING_KEY).public_key())


def followed(own: str) -> list[str]:
    """Return the former public keys, the newest first, that signed events link to `own`."""
    found, current = [], own
    rotations = AuditEvent.objects.filter(action=Action.SIGNING_KEY_ROTATED).order_by("-id")
    for details in rotations.values_list("details", flat=True):
        if details["new"] == current and _holds(details):
            current = details["old"]
            found.append(current)
    return found


def retired() -> dict[str, int]:
    """Return the number of the last seal that each retired key may have signed, by key id."""
    events = AuditEvent.objects.filter(action=Action.SIGNING_KEY_RETIRED).order_by("-id")
    return {
        chain.key_id(details["key"]): details["lastSeal"]
        for details in events.values_list("details", flat=True)
    }


def last_use_of_former() -> dt.datetime | None:
    """Return when a former key made its last seal, None if it made none."""
    former = [chain.key_id(public) for public in followed(own_key())]
    seals = Seal.objects.filter(key_id__in=former).order_by("-number")
    return seals.values_list("at", flat=True).first()


def signs_newest_seal(own: str) -> bool:
    """Return whether the newest seal is of the key `own`. It is not if there is none."""
    seals = Seal.objects.order_by("-number").values_list("key_id", flat=True)
    return seals.first() == chain.key_id(own)


def _holds(details: Mapping[str, str]) -> bool:
    """Return whether both keys signed the rotation."""
    signed = message(details["old"], details["new"])
    try:
        for public, signature in (("old", "signedByOld"), ("new", "signedByNew")):
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(details[public]))
            key.verify(base64.b64decode(details[signature]), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def message(before: str, after: str) -> bytes:
    """Return what both keys sign."""
    return PURPOSE + f"{before}\n{after}".encode()
