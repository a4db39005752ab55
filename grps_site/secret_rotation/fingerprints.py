"""Remember when each value of a secret was first configured, by a keyed hash of it."""

import base64
import datetime as dt
import hmac
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from grps_site.models import SecretFingerprint
from grps_site.secret_rotation.catalogue import SECRETS, Secret
from players.privacy import marks

PURPOSE = b"grps.secret.fingerprint"


def note(extra: Iterable[tuple[str, str]] = ()) -> None:
    """Store the fingerprints of all configured values, and of `extra` pairs of name and value."""
    configured = [(one.name, value) for one in SECRETS for value in one.values()]
    rows = [
        SecretFingerprint(name=name, fingerprint=_fingerprint(name, value))
        for name, value in (*configured, *extra)
    ]
    with transaction.atomic():
        SecretFingerprint.objects.bulk_create(rows, ignore_conflicts=True)


def first_seen(secret: Secret) -> dt.datetime | None:
    """Return when the present value was first configured, None if it was not seen yet."""
    values = secret.values()
    if not values:
        return None
    rows = SecretFingerprint.objects.filter(
        name=secret.name, fingerprint=_fingerprint(secret.name, values[0])
    )
    return rows.values_list("first_seen", flat=True).first()


def _fingerprint(name: str, value: str) -> str:
    return hmac.digest(_key(), f"{name}\n{value}".encode(), "sha256").hex()


def _key() -> bytes:
    """Return a key that stays: the oldest of ERASURE_MARK_KEYS, or that of DJANGO_SECRET_KEY."""
    own = settings.ERASURE_MARK_KEYS
    oldest = base64.b64decode(own[-1]) if own else marks.derive(settings.SECRET_KEY)
    return hmac.digest(oldest, PURPOSE, "sha256")
