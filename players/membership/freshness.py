"""Refresh memberships from Roblox when people join a game and before they act.

The package `players` does not call Roblox. The app that does registers its functions here. `READ`
waits for the answer for a short time at most. `WANT` only requests a read soon. Do not call `READ`
within a transaction.
"""

import datetime as dt
from collections.abc import Callable, Collection

from django.conf import settings

from common import database_clock
from players.membership.status import can_be_asked
from players.models import Player

READ: list[Callable[[Collection[int]], object]] = []
WANT: list[Callable[[Collection[int], str], object]] = []
UNCONFIRMED = (
    "Roblox does not confirm your role at the moment, so nothing was done: try again in a minute."
)


def is_asked() -> bool:
    """Return whether memberships are read from Roblox at all."""
    return bool(READ) and can_be_asked()


def before_act(*user_ids: int | None) -> None:
    """Refresh the membership of people who are about to act, unless it was read lately.

    If Roblox does not answer in time, their last known state stays. `is_too_old` says whether it
    may still be used.
    """
    found = {one for one in user_ids if one is not None and one > 0}
    if found and can_be_asked():
        for read in READ:
            read(found)


def on_join(user_ids: Collection[int], experience: str) -> None:
    """Request a read of users who joined a game of the experience. The caller does not wait."""
    if user_ids and can_be_asked():
        for want in WANT:
            want(user_ids, experience)


def is_too_old(player: Player) -> bool:
    """Return whether the last membership read from Roblox is too old to let the player act."""
    if not is_asked():
        return False
    trusted = dt.timedelta(minutes=settings.INTEGRATIONS.sync.trust_membership_minutes)
    return player.member_seen_at is None or database_clock.now() - player.member_seen_at > trusted
