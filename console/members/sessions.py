"""Sessions of members on their own pages, with a cookie of their own.

They hold a Roblox user id and give no right in the console: there is no Django user behind them.
The console's cookie is no session of a member, and the other way round.
"""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponseBase

from common import database_clock
from console.decorators import FRESH
from players.models import Player

COOKIE = "__Host-grps-member" if settings.PRODUCTION else "grps-member"
LONGEST = 12 * 3600  # seconds
MEMBER, BEGAN = "member", "member_began_at"  # keys in the session


@dataclass(frozen=True, slots=True)
class Member:
    """Who is signed in. `began`: when, in seconds since 1970."""

    player: Player
    began: int
    session: SessionStore

    @property
    def is_fresh(self) -> bool:
        """Whether they signed in within the last fifteen minutes."""
        return 0 <= database_clock.timestamp() - self.began < FRESH


def begin(response: HttpResponseBase, player: Player) -> None:
    """Begin a session and set its cookie. A former session of the browser is not continued."""
    session = SessionStore()
    session[MEMBER], session[BEGAN] = player.user_id, int(database_clock.timestamp())
    session.set_expiry(LONGEST)
    session.create()
    response.set_cookie(
        COOKIE,
        str(session.session_key),
        max_age=LONGEST,
        secure=settings.PRODUCTION,
        httponly=True,
        samesite="Lax",  # Discord's answer comes by a cross-site navigation
    )


def member_of(request: HttpRequest) -> Member | None:
    """Return who is signed in, or None. Erased people are not."""
    key = request.COOKIES.get(COOKIE, "")
    if not key:
        return None
    session = SessionStore(key)
    user_id, began = session.get(MEMBER), session.get(BEGAN)
    if not isinstance(user_id, int) or not isinstance(began, int):
        return None
    if not 0 <= database_clock.timestamp() - began < LONGEST:
        session.delete()
        return None
    rows = Player.objects.select_related("rank", "former_rank")
    player = rows.filter(user_id=user_id, erased_at=None).first()
    return Member(player, began, session) if player is not None else None


def end(response: HttpResponseBase, member: Member) -> None:
    """End a session and remove its cookie."""
    member.session.delete()
    response.delete_cookie(COOKIE, samesite="Lax")
