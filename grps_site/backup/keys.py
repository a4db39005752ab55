"""What must be kept elsewhere for a backup to be of use: fingerprints, never the keys."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.conf import settings

from audits.chain import chain


class KeptKey(NamedTuple):
    """A secret or file, the start of its SHA-256, and what is lost without it."""

    name: str
    fingerprint: str
    without_it: str


def kept_elsewhere() -> list[KeptKey]:
    """List every secret of these settings that a backup does not hold and a restore needs."""
    return [*_signing(), *_ciphers(), *_erasure_marks(), *_backup(), *_files()]


def _signing() -> Iterator[KeptKey]:
    public = chain.public_text(chain.private_key(settings.AUDIT_SIGNING_KEY).public_key())
    yield KeptKey(
        "AUDIT_SIGNING_KEY",
        f"public key {public}",
        "seals need a new key. To verify, its public key in AUDIT_TRUSTED_KEYS is enough",
    )
    for trusted in settings.AUDIT_TRUSTED_KEYS:
        yield KeptKey(
            "AUDIT_TRUSTED_KEYS", f"public key {trusted}", "older seals cannot be verified"
        )


def _ciphers() -> Iterator[KeptKey]:
    yield from _secrets(
        "FIELD_ENCRYPTION_KEYS",
        settings.FIELD_ENCRYPTION_KEYS,
        "addresses and secrets of webhooks cannot be read: add every endpoint again",
    )


def _erasure_marks() -> Iterator[KeptKey]:
    lost = "erased people are no longer recognised: their old events bring them back"
    marks: Sequence[str] = getattr(settings, "ERASURE_MARK_KEYS", ())
    yield from _secrets("ERASURE_MARK_KEYS", marks, lost)
    yield from _secrets("DJANGO_SECRET_KEY", [settings.SECRET_KEY], "" if marks else lost)


def _backup() -> Iterator[KeptKey]:
    for recipient in settings.BACKUP_RECIPIENTS:
        yield KeptKey(
            "private key of a backup recipient",
            recipient,
            "no backup can be read: keep it where this machine cannot reach it",
        )


def _files() -> Iterator[KeptKey]:
    yield KeptKey(
        settings.AUDIT_SEAL_FILE,
        "grows",
        "a cut-off end of the log cannot be seen: copy it to somebody else every few minutes",
    )


def _secrets(name: str, values: Sequence[str], lost: str) -> Iterator[KeptKey]:
    for value in values:
        yield KeptKey(name, fingerprint(value), lost)


def fingerprint(secret: str) -> str:
    """Return the start of the SHA-256 of a random secret. It does not show the secret."""
    return base64.b32encode(hashlib.sha256(secret.encode()).digest()).decode()[:16].lower()
