"""The time when a person last proved their identity, as far as it is known.

Roblox may accept a browser without asking, whatever `prompt` says. So the `auth_time` of the ID
token counts; without it nothing is proved. Discord never sends it. A password and a second factor
are checked here, so they are proofs at that time.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from common import database_clock
from console.decorators import BEGAN_AT, FRESH, SIGNED_IN_AT, is_fresh

SKEW = 60  # seconds by which Roblox's clock may be ahead of ours
WAY = "signed_in_by"  # in the session: roblox, discord or local
NEVER = 0


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """A proof of identity at `at` (seconds since 1970, NEVER if unknown).

    `again`: requested by a person who was signed in.
    """

    at: int
    again: bool

    @property
    def is_fresh(self) -> bool:
        return 0 <= database_clock.timestamp() - self.at < FRESH

    @property
    def at_text(self) -> str:
        return f"{dt.datetime.fromtimestamp(self.at, dt.UTC):%Y-%m-%d %H:%M} UTC" if self.at else ""


def read(auth_time: Any, now: float, *, again: bool) -> IdentityProof:
    """Return the proof in an ID token's `auth_time`. Up to SKEW ahead of our clock counts as now."""
    is_moment = isinstance(auth_time, int) and not isinstance(auth_time, bool)
    if not is_moment or not 0 < auth_time <= now + SKEW:
        return IdentityProof(NEVER, again)
    return IdentityProof(min(auth_time, int(now)), again)


def keep(request: HttpRequest, proof: IdentityProof) -> None:
    """Keep the provider's proof for this request."""
    request.proof = proof  # type: ignore[attr-defined]


def of(request: HttpRequest) -> IdentityProof:
    """Return the provider's proof in this request."""
    return getattr(request, "proof", IdentityProof(NEVER, False))


def began(request: HttpRequest, way: str) -> None:
    """Store the provider of the session that begins in this request."""
    request.way = way  # type: ignore[attr-defined]
    keep(request, of(request))


def begin(request: HttpRequest, now: int) -> None:
    """Store in a new session how and when its user proved their identity."""
    way = getattr(request, "way", "")
    request.session[WAY] = way or "local"
    request.session[SIGNED_IN_AT] = of(request).at if way else now


def given(request: HttpRequest) -> None:
    """Record that the user gave a second factor now."""
    request.session[SIGNED_IN_AT] = int(database_clock.timestamp())


def has_factor(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user=user.pk).exists())


def may_set_up(request: HttpRequest) -> bool:
    """Return whether a person without a second factor may set one up.

    They may right after a sign-in with Roblox or a local account. If Roblox sent a time, it must be
    recent too, since Roblox may have accepted an open browser that another person uses.
    """
    if request.session.get(SIGNED_IN_AT, NEVER) != NEVER:
        return is_fresh(request)
    begun = request.session.get(BEGAN_AT, 0)
    lately = 0 <= database_clock.timestamp() - begun < FRESH
    return lately and request.session.get(WAY) != "discord" and not has_factor(request.user)
