"""Let a player's time in rank rest during a leave, and go on after it.

While it rests, `players.resting_since` says since when. At the end, `rank_since` moves by the time
rested, as it does for the time away from the group.
"""

import datetime as dt

from players.active_policy import active
from players.models import Player
from players.policy.membership import MembershipStatus


def rests() -> bool:
    """Return whether the policy lets the time in rank rest during a leave."""
    rules = active().bundle.community.leave
    return rules is not None and rules.time_in_rank == "rests"


def rest(player: Player, since: dt.datetime, now: dt.datetime) -> None:
    """Stop a locked player's time in rank as of `since`."""
    if player.resting_since is None:
        _save(player, since, now)


def resume(player: Player, until: dt.datetime, now: dt.datetime) -> None:
    """Move a locked player's ranks by the time rested, up to `until`.

    The time after they left the group is not counted here: their return moves the ranks by it.
    """
    since = player.resting_since
    if since is None:
        return
    if player.member == MembershipStatus.LEFT:
        until = min(until, player.member_since)
    player.rank_since = later(player.rank_since, since, until)
    if player.former_rank_since is not None:
        player.former_rank_since = later(player.former_rank_since, since, until)
    _save(player, None, now, "rank_since", "former_rank_since")


def later(held: dt.datetime, since: dt.datetime, until: dt.datetime) -> dt.datetime:
    """Return the start of a rank without the time rested while it was held."""
    return held + max(dt.timedelta(0), until - max(since, held))


def _save(player: Player, since: dt.datetime | None, now: dt.datetime, *fields: str) -> None:
    player.resting_since, player.updated_at = since, now
    player.save(update_fields=["resting_since", "updated_at", *fields])
