"""Replace the key that signs seals. An event signed by both keys lets `verify` follow the change."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audits.actions import Action
from audits.chain import chain, key_succession
from audits.models import Seal
from audits.record import Actor, Target, record


def rotate(seed: str, *, actor: Actor) -> None:
    """Record that the key with this seed follows the present one. Needs a transaction."""
    old, new = chain.private_key(settings.AUDIT_SIGNING_KEY), chain.private_key(seed)
    before, after = chain.public_text(old.public_key()), chain.public_text(new.public_key())
    details = {
        "old": before,
        "new": after,
        "signedByOld": _sign(old, before, after),
        "signedByNew": _sign(new, before, after),
    }
    record(Action.SIGNING_KEY_ROTATED, actor=actor, target=_target(after), details=details)


def retire(*, actor: Actor) -> None:
    """Record that no former key signs any later seal. Needs a transaction."""
    last = Seal.objects.order_by("-number").values_list("number", flat=True).first() or 0
    for public in key_succession.followed(key_succession.own_key()):
        if chain.key_id(public) not in key_succession.retired():
            details = {"key": public, "lastSeal": last}
            record(Action.SIGNING_KEY_RETIRED, actor=actor, target=_target(public), details=details)


def _sign(key: Ed25519PrivateKey, before: str, after: str) -> str:
    return base64.b64encode(key.sign(key_succession.message(before, after))).decode()


def _target(public: str) -> Target:
    return Target("signing_key", chain.key_id(public), "")
