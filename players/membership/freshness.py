"""Roblox's present word on somebody: asked for when they join a game, and before they act.

`players` knows no Roblox. The app that does puts here what reads: `READ` waits for the answer, for
a short time at most; `WANT` only has it read soon. `READ` is not called within a transaction.
"""

import datetime as dt
from collections.abc import Callable, Collection

from django.conf import settings
from django.utils import timezone

from players.membership.status import can_be_asked
from players.models import Player

READ: list[Callable[[Collection[int]], object]] = []
WANT: list[Callable[[Collection[int], str], object]] = []
UNCONFIRMED = (
    "Roblox does not confirm your role at the moment, so nothing was done: try again in a minute."
)


def is_asked() -> bool:
    """Whether Roblox is asked about people at all."""
    return bool(READ) and can_be_asked()


def before_act(*user_ids: int | None) -> None:
    """Have Roblox asked about people who are about to act, unless it was lately; what it says is in
    force after that.

    Where Roblox does not answer in time their last known state stays: `is_too_old` says whether to
    act on it.
    """
    found = {one for one in user_ids if one is not None and one > 0}
    if found and can_be_asked():
        for read in READ:
            read(found)


def on_join(user_ids: Collection[int], experience: str) -> None:
    """Have users read soon who joined a game of the experience. The caller does not wait."""
    if user_ids and can_be_asked():
        for want in WANT:
            want(user_ids, experience)


def is_too_old(player: Player) -> bool:
    """Whether Roblox's last word on somebody is too old to let them act."""
    if not is_asked():
        return False
    trusted = dt.timedelta(minutes=settings.INTEGRATIONS.sync.trust_membership_minutes)
    return player.member_seen_at is None or timezone.now() - player.member_seen_at > trusted
