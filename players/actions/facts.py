"""The facts by which acts on players are judged, read in a fixed number of queries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from players.active_policy import ActivePolicy, active
from players.leave.queries import OPEN
from players.models import Decision, Leave, Player, RankRestriction, Recommendation, Sanction
from players.moderation.actors import Staff
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import open_proposals
from players.ranks.evaluation import assess, target_rank_id
from players.ranks.restrictions import in_force


@dataclass(frozen=True, slots=True)
class Facts:
    """A player as `by` sees them at `now`.

    `sanctions`: those not lifted, the newest last. `is_due`: the proposal would be applied if
    somebody approved it now. `recommended`: whether `by` recommended the player at their present
    rank. `leaves`: those asked for or granted and not over, the first one first.
    `restrictions`: of ranks, those in force.
    """

    player: Player
    by: Staff
    now: dt.datetime
    policy: ActivePolicy
    sanctions: Sequence[Sanction] = ()
    proposal: Decision | None = None
    is_due: bool = False
    recommended: bool = False
    leaves: Sequence[Leave] = ()
    restrictions: Sequence[RankRestriction] = ()

    def open_sanction(self, kind: Sanction.Kind) -> Sanction | None:
        """Return the sanction of a kind that is not lifted, even if its end has just passed."""
        return next((one for one in self.sanctions if one.kind == kind), None)

    @property
    def suspension(self) -> Sanction | None:
        return self.open_sanction(Sanction.Kind.SUSPENSION)

    @property
    def ban(self) -> Sanction | None:
        return self.open_sanction(Sanction.Kind.BAN)

    @property
    def active_warnings(self) -> list[Sanction]:
        """The player's warnings in force, the newest last."""
        return [
            one
            for one in self.sanctions
            if one.kind == Sanction.Kind.WARNING and (one.ends_at is None or one.ends_at > self.now)
        ]

    @property
    def newest_warning(self) -> int | None:
        """The id of the newest active warning, or None."""
        warnings = self.active_warnings
        return warnings[-1].pk if warnings else None

    @property
    def leave(self) -> Leave | None:
        """The granted leave that is running, or the next one."""
        return next((one for one in self.leaves if one.status == Leave.Status.APPROVED), None)

    @property
    def leave_request(self) -> Leave | None:
        """The leave that waits for a decision, or the one that is to be extended."""
        asked = Leave.Status.ASKED
        return next((one for one in self.leaves if one.status == asked or one.extension_to), None)

    @property
    def promotion_lock(self) -> RankRestriction | None:
        return next((one for one in self.restrictions if one.rank_id is None), None)

    def is_denied(self, rank: str) -> bool:
        return any(one.rank is not None and one.rank.name == rank for one in self.restrictions)

    @property
    def holds_punishment_rank(self) -> bool:
        held = self.policy.ranks.get(self.player.rank_id)
        return held is not None and held.is_punishment


def load_facts(players: Iterable[Player], by: Staff, now: dt.datetime) -> dict[int, Facts]:
    """Return facts by the player's primary key."""
    people, policy = list(players), active()
    sanctions: dict[int, list[Sanction]] = defaultdict(list)
    for one in Sanction.objects.filter(player__in=people, lifted_at=None).order_by("pk"):
        sanctions[one.player_id].append(one)
    leaves: dict[int, list[Leave]] = defaultdict(list)
    for leave in Leave.objects.filter(player__in=people, status__in=OPEN).order_by("first_day"):
        leaves[leave.player_id].append(leave)
    proposals = open_proposals([player.pk for player in people])
    due = _due(people, proposals, policy, now)
    recommended = _recommended(people, by)
    restrictions = in_force([player.pk for player in people], now)
    return {
        player.pk: Facts(
            player=player,
            by=by,
            now=now,
            policy=policy,
            sanctions=sanctions.get(player.pk, ()),
            proposal=proposals.get(player.pk),
            is_due=player.pk in due,
            recommended=(player.pk, player.rank_id) in recommended,
            leaves=leaves.get(player.pk, ()),
            restrictions=restrictions.get(player.pk, ()),
        )
        for player in people
    }


def facts_for(player: Player, by: Staff, now: dt.datetime) -> Facts:
    return load_facts([player], by, now)[player.pk]


def _recommended(people: Sequence[Player], by: Staff) -> set[tuple[int, int]]:
    if not by.user_id:
        return set()
    own = Recommendation.objects.filter(officer__user_id=by.user_id, player__in=people)
    return set(own.values_list("player_id", "rank_id"))


def _due(
    people: Sequence[Player],
    proposals: dict[int, Decision],
    policy: ActivePolicy,
    now: dt.datetime,
) -> set[int]:
    """Return the ids of players whose proposal would be applied if approved now."""
    asked = [player for player in people if player.pk in proposals]
    evaluations = assess([candidate_for(player) for player in asked], policy, now)
    found = set()
    for player in asked:
        decision = proposals[player.pk]
        by_hand = decision.kind == Decision.Kind.HAND
        same = by_hand or target_rank_id(evaluations.get(player.pk), policy) == decision.to_rank_id
        if same and player.rank_id == decision.from_rank_id:
            found.add(player.pk)
    return found
