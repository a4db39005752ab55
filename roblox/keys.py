"""API keys of experiences: created, rotated with an overlap, revoked. Only their hash is stored."""

import datetime as dt
import hashlib
import hmac
import secrets

from django.db import models, transaction
from django.db.models import Q

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from roblox.models import Experience, ExperienceKey

PREFIX = 8  # characters
USE_EVERY = dt.timedelta(minutes=1)  # last_used_at is not written more often


class KeyRefused(Exception):
    """The key is not accepted. The text says why, and nothing about other keys."""


def create(
    experience: Experience, *, actor: Actor, expires_at: dt.datetime | None = None
) -> tuple[ExperienceKey, str]:
    """Create a key and return it with its text, which cannot be shown again."""
    with transaction.atomic():
        key, raw = _make(experience, expires_at)
        _record(Action.KEY_CREATED, key, actor)
        return key, raw


def rotate(
    experience: Experience, *, actor: Actor, overlap: dt.timedelta
) -> tuple[ExperienceKey, str]:
    """Create a key, and end the others after `overlap`, so that game servers can change over."""
    with transaction.atomic():
        end = database_clock.now() + overlap
        replaced = live_keys(experience).filter(Q(expires_at=None) | Q(expires_at__gt=end))
        prefixes = sorted(replaced.values_list("prefix", flat=True))
        replaced.update(expires_at=end)
        key, raw = _make(experience, None)
        _record(
            Action.KEY_ROTATED,
            key,
            actor,
            replaces=prefixes,
            overlapSeconds=int(overlap.total_seconds()),
        )
        return key, raw


def revoke(key: ExperienceKey, *, actor: Actor, reason: str) -> None:
    """End a key now. The next request with it is refused."""
    with transaction.atomic():
        revoked = ExperienceKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=database_clock.now()
        )
        if revoked:
            _record(Action.KEY_REVOKED, key, actor, reason)


def authenticate(raw: str) -> Experience:
    """Return the experience of a key, with the key's id as `presented`.

    It takes one query and caches nothing, so that a revocation acts at once. Raises KeyRefused.
    """
    scheme, _, rest = raw.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != "grps" or len(prefix) != PREFIX or not secret or not raw.isascii() or "\0" in raw:
        raise KeyRefused("The key is not of the form grps_<prefix>_<secret>.")
    key = ExperienceKey.objects.select_related("experience").filter(prefix=prefix).first()
    if key is None or not hmac.compare_digest(key.digest, _digest(raw)):
        raise KeyRefused("The key is not known.")
    now = database_clock.now()
    if key.revoked_at is not None:
        raise KeyRefused("The key was revoked. Make a new one.")
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyRefused("The key has expired. Make a new one.")
    if not key.experience.enabled:
        raise KeyRefused("The experience is switched off.")
    if key.last_used_at is None or now - key.last_used_at > USE_EVERY:
        ExperienceKey.objects.filter(pk=key.pk).update(last_used_at=now)
    experience = key.experience
    experience.presented = key.pk
    return experience


def live_keys(experience: Experience) -> models.QuerySet[ExperienceKey]:
    """Return the valid keys of an experience."""
    now = database_clock.now()
    return experience.keys.filter(revoked_at=None).filter(
        Q(expires_at=None) | Q(expires_at__gt=now)
    )


def _make(experience: Experience, expires_at: dt.datetime | None) -> tuple[ExperienceKey, str]:
    prefix = secrets.token_hex(PREFIX // 2)
    raw = f"grps_{prefix}_{secrets.token_urlsafe(32)}"
    key = ExperienceKey.objects.create(
        experience=experience, prefix=prefix, digest=_digest(raw), expires_at=expires_at
    )
    return key, raw


def _digest(raw: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(raw.encode()).hexdigest()


def _record(
    action: Action, key: ExperienceKey, actor: Actor, reason: str = "", **details: object
) -> None:
    record(
        action,
        actor=actor,
        target=Target("key", key.prefix, ""),
        experience=key.experience.key,
        details=details or None,
        reason=reason,
    )
