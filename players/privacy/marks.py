"""Marks: keyed hashes that stay of the user ids of erased people, to recognise late events."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from players.models import ErasureOrder

SALT = "grps.erased"


def keys() -> list[bytes]:
    """Return the keys of marks, newest first.

    The last ones come from DJANGO_SECRET_KEY and its fallbacks. They made the marks of systems
    that had no ERASURE_MARK_KEYS.
    """
    return list(dict.fromkeys([*_own_keys(), *derived_keys()]))


def derived_keys() -> list[bytes]:
    """Return the keys that DJANGO_SECRET_KEY and its fallbacks stand for, newest first."""
    return [derive(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def derive(secret_key: str) -> bytes:
    """Return the key of marks that is derived from a DJANGO_SECRET_KEY."""
    return hashlib.sha256(f"{SALT}{secret_key}".encode()).digest()


def key_id(key: bytes) -> str:
    """Return the id by which a mark names its key."""
    return hashlib.sha256(SALT.encode() + key).hexdigest()[:16]


def mark(user_id: int, key: bytes) -> str:
    """Return the keyed hash of a user id. Only the key can link it to the id."""
    return hmac.digest(key, str(user_id).encode(), "sha256").hex()


def marks(user_ids: Iterable[int]) -> dict[str, int]:
    """Return the user ids by every mark that they may have."""
    held = keys()
    return {mark(user_id, key): user_id for user_id in set(user_ids) for key in held}


def used_key_ids() -> set[str]:
    """Return the ids of the keys of all stored marks.

    A process of a release without these ids made marks that name no key, from DJANGO_SECRET_KEY.
    """
    stored = set(ErasureOrder.objects.order_by().values_list("mark_key", flat=True).distinct())
    unnamed = map(key_id, derived_keys()) if "" in stored else ()
    return {*unnamed, *(one for text in stored for one in text.split())}


def lost_key_ids() -> set[str]:
    """Return the ids of keys that stored marks need and that nobody configured."""
    return used_key_ids() - {key_id(key) for key in keys()}


def unwritten_keys() -> list[bytes]:
    """Return the keys of stored marks that only DJANGO_SECRET_KEY or a fallback of it holds."""
    own, used = _own_keys(), used_key_ids()
    return [key for key in derived_keys() if key not in own and key_id(key) in used]


def cipher() -> MultiFernet:
    """Return a cipher derived from the keys of marks."""
    derived = [hmac.digest(key, b"words", "sha256") for key in keys()]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


def _own_keys() -> list[bytes]:
    return [base64.b64decode(text) for text in settings.ERASURE_MARK_KEYS]
