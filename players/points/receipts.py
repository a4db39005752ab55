"""Answers to a game server's batch."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from common.amounts import points
from players.activity.reports import RejectedMinutes, ReportedMinutes
from players.locking import PlayerRow
from players.membership.status import present
from players.points.batch_state import BatchState
from players.points.event_parser import ItemResult
from players.policy.bundle import RankRule
from players.policy.membership import MembershipStatus
from players.policy.warning_thresholds import sanction_of


@dataclass(frozen=True, slots=True)
class PlayerState:
    """One player and one session of theirs, as GRPS has stored them. Amounts in points."""

    user_id: int
    rank: str
    points: Decimal
    session: int
    confirmed: int
    adjusted: Decimal
    adjusted_sequence: int
    sanction: str | None
    membership: MembershipStatus
    member_since: dt.datetime


@dataclass(slots=True)
class Receipt:
    """The answer to a batch: new rows, repeated rows, faulty items, and the players' states.

    `activity`: the stored minutes of the sessions and days that the batch reported.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: list[ItemResult] = field(default_factory=list)
    notices: list[ItemResult] = field(default_factory=list)
    players: list[PlayerState] = field(default_factory=list)
    activity: list[ReportedMinutes] = field(default_factory=list)
    rejected_activity: list[RejectedMinutes] = field(default_factory=list)

    def add(self, other: "Receipt") -> None:
        """Add the receipt of another part of the batch. Its `rejected` includes all rejections."""
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.rejected = other.rejected
        self.notices += other.notices
        self.players += other.players
        self.activity += other.activity


def player_states(state: BatchState, new_ranks: dict[int, int]) -> list[PlayerState]:
    """Return one state for each player and session of a batch.

    Repeats are included, since a server that lost the answer sends the batch again. `new_ranks`:
    rank ids by player id, where the batch changed them.
    """
    players = {state.session_of(event): state.player_of(event) for event in state.events}
    confirmed = {key: total.confirmed for key, total in state.before.items()}
    confirmed |= {key: change.after.confirmed for key, change in state.changes.items()}
    return [
        _player_state(
            player,
            key[1],
            confirmed[key],
            state.policy.ranks[new_ranks.get(player.id, player.rank_id)],
        )
        for key, player in players.items()
    ]


def _player_state(player: PlayerRow, session: int, confirmed: int, rank: RankRule) -> PlayerState:
    return PlayerState(
        user_id=player.user_id,
        rank=rank.name,
        points=points(player.points),
        session=session,
        confirmed=confirmed,
        adjusted=points(player.adjusted),
        adjusted_sequence=player.adjusted_sequence,
        sanction=sanction_of(player.banned, rank.is_punishment),
        membership=present(player.member),
        member_since=player.member_since,
    )
