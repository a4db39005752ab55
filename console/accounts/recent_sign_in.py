"""When somebody last proved who they are, as far as that can be known.

Roblox may let a browser through without asking anybody, whatever `prompt` says. So what counts is
the moment that it states in the ID token (`auth_time`); where it states none, nothing is proved.
Discord states none ever. A password and a second factor are given here, so they are proofs of that
moment.
"""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from console.decorators import BEGAN_AT, FRESH, SIGNED_IN_AT, is_fresh

SKEW = 60  # seconds that Roblox's clock may be ahead of ours
WAY = "signed_in_by"  # of a session: roblox, discord or local
NEVER = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """A moment (seconds since 1970, NEVER where there is none), and whether it was asked for by who
    was signed in.
    """

    at: int
    again: bool

    @property
    def is_fresh(self) -> bool:
        return 0 <= time.time() - self.at < FRESH

    @property
    def at_text(self) -> str:
        return f"{dt.datetime.fromtimestamp(self.at, dt.UTC):%Y-%m-%d %H:%M} UTC" if self.at else ""


def read(auth_time: Any, now: float, *, again: bool) -> Proof:
    """The proof that an ID token's `auth_time` is. A moment ahead of ours by no more than SKEW is
    now.
    """
    is_moment = isinstance(auth_time, int) and not isinstance(auth_time, bool)
    if not is_moment or not 0 < auth_time <= now + SKEW:
        return Proof(NEVER, again)
    return Proof(min(auth_time, int(now)), again)


def keep(request: HttpRequest, proof: Proof) -> None:
    """Keep what the provider stated until the session begins, within this request."""
    request.proof = proof  # type: ignore[attr-defined]


def of(request: HttpRequest) -> Proof:
    """What the provider stated in this request."""
    return getattr(request, "proof", Proof(NEVER, False))


def began(request: HttpRequest, way: str) -> None:
    """Say by which provider the session that begins in this request begins."""
    request.way = way  # type: ignore[attr-defined]
    keep(request, of(request))


def begin(request: HttpRequest, now: int) -> None:
    """Note in a session that begins how and when its owner proved who they are."""
    way = getattr(request, "way", "")
    request.session[WAY] = way or "local"
    request.session[SIGNED_IN_AT] = of(request).at if way else now


def given(request: HttpRequest) -> None:
    """A second factor was given just now."""
    request.session[SIGNED_IN_AT] = int(time.time())


def has_factor(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user=user.pk).exists())


def may_set_up(request: HttpRequest) -> bool:
    """Whether somebody without a second factor may set one up: right after they signed in, with
    Roblox or here.

    It is the only proof that is left to them where Roblox states no moment; it is told in the audit
    log. Where Roblox states one, that counts here too: it let a browser through that somebody may
    have found open.
    """
    if request.session.get(SIGNED_IN_AT, NEVER) != NEVER:
        return is_fresh(request)
    begun = request.session.get(BEGAN_AT, 0)
    lately = 0 <= time.time() - begun < FRESH
    return lately and request.session.get(WAY) != "discord" and not has_factor(request.user)
