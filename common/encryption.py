"""Addresses and secrets of endpoints as they lie in the database: encrypted with a key of the
environment.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NoKey(ValueError):
    """There is no key to encrypt with, or none of the keys opens what was encrypted; the text says
    what to do.
    """


def seal(text: str) -> str:
    """`text` encrypted with the first of FIELD_ENCRYPTION_KEYS. Raises NoKey."""
    return _keys().encrypt(text.encode()).decode("ascii") if text else ""


def unseal(token: str) -> str:
    """What `seal` was given, with whichever key fits. Raises NoKey."""
    if not token:
        return ""
    try:
        return _keys().decrypt(token).decode()
    except InvalidToken:
        raise NoKey(
            "No key of FIELD_ENCRYPTION_KEYS opens this value; add the key that was in use when it was saved."
        ) from None


def reseal(token: str) -> str:
    """The same under the first key, so that the others can be dropped. Raises NoKey."""
    return seal(unseal(token))


def masked(text: str, shown: int = 4) -> str:
    """Enough of a secret to tell it from another."""
    return f"…{text[-shown:]}" if len(text) > 4 * shown else "…"


def _keys() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise NoKey(
            "FIELD_ENCRYPTION_KEYS is not configured; make a key with `manage.py webhooks new-key`."
        )
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
