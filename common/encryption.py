"""Encrypt addresses and secrets of endpoints for the database, with keys of the environment."""

from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NoKey(ValueError):
    """There is no key to encrypt with, or no key decrypts the value. The text says what to do."""


def seal(text: str) -> str:
    """Encrypt `text` with the first of FIELD_ENCRYPTION_KEYS. Raises NoKey."""
    return _keys().encrypt(text.encode()).decode("ascii") if text else ""


def unseal(token: str) -> str:
    """Decrypt a value of `seal` with whichever key fits. Raises NoKey."""
    if not token:
        return ""
    try:
        return _keys().decrypt(token).decode()
    except InvalidToken:
        raise NoKey(
            "No key of FIELD_ENCRYPTION_KEYS opens this value; add the key that was in use when it was saved."
        ) from None


def reseal(token: str) -> str:
    """Encrypt the value again with the first key, so that the others can be dropped. Raises NoKey."""
    return seal(unseal(token))


def key_number(token: str) -> int | None:
    """Return the place in FIELD_ENCRYPTION_KEYS of the key that opens a value, None if none does."""
    for number, key in enumerate(settings.FIELD_ENCRYPTION_KEYS):
        with suppress(InvalidToken):
            Fernet(key).decrypt(token)
            return number
    return None


def masked(text: str, shown: int = 4) -> str:
    """Return the end of a secret, enough to distinguish it from another."""
    return f"…{text[-shown:]}" if len(text) > 4 * shown else "…"


def _keys() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise NoKey(
            "FIELD_ENCRYPTION_KEYS is not configured; make a key with `manage.py webhooks new-key`."
        )
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
