"""Locked players, with the data that a rank decision needs."""

import datetime as dt
from dataclasses import dataclass

from audits.record import Target
from common.amounts import hundredths
from common.errors import Refused
from players.locking import PlayerRow
from players.models import Player
from players.policy.membership import MembershipStatus


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locked player with the data that a decision needs. `points` in hundredths."""

    id: int
    user_id: int
    username: str
    rank_id: int
    rank_since: dt.datetime
    points: int
    banned: bool = False
    member: str = MembershipStatus.UNKNOWN
    resting_since: dt.datetime | None = None

    @property
    def target(self) -> Target:
        return Target("player", str(self.id), self.username, f"player:{self.id}")


def lock_candidate(user_id: int) -> Candidate:
    """Lock one player by Roblox user id. Raises Refused if there is none."""
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return candidate_for(player)


def candidate_for(player: Player) -> Candidate:
    return Candidate(
        player.pk,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        hundredths(player.points),
        player.banned,
        player.member,
        player.resting_since,
    )


def candidate_for_row(player: PlayerRow) -> Candidate:
    return Candidate(
        player.id,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        player.points,
        player.banned,
        player.member,
        player.resting_since,
    )
