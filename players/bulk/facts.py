"""What many rows are judged by, read in a fixed number of queries. Nothing here changes anything."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from players.active_policy import ActivePolicy, active
from players.models import Decision, Player, Recommendation, Sanction
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.authorization import Verdict, verdict
from players.moderation.daily_limit import Taken
from players.policy.bundle import Rank
from players.policy.permissions import Act
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import open_proposals
from players.ranks.evaluation import assess, target_rank_id


@dataclass(frozen=True, slots=True)
class Case:
    """A row before it is judged: as which `act`, on whom, leading where. `why_not`: it makes no
    sense, and why.

    `subject` is the sanction, decision or event that it is about; `second` says why it needs a
    second person anyway.
    """

    act: Act
    player: Player | None
    subject: int | None = None
    to: Rank | None = None
    amount: int = 0
    why_not: str = ""
    second: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """`sanctions` are those not lifted; `due` says of whom with a proposal whether they are due for
    it still.
    """

    by: Staff
    now: dt.datetime
    policy: ActivePolicy
    sanctions: dict[int, list[Sanction]]
    proposals: dict[int, Decision]
    due: frozenset[int]
    recommended: frozenset[tuple[int, int]]

    def open_one(self, player: Player, kind: Sanction.Kind) -> Sanction | None:
        return next((one for one in self.sanctions.get(player.pk, []) if one.kind == kind), None)

    def active_warnings(self, player: Player) -> list[Sanction]:
        """The newest last."""
        return [
            one
            for one in self.sanctions.get(player.pk, [])
            if one.kind == Sanction.Kind.WARNING and (one.ends_at is None or one.ends_at > self.now)
        ]

    def is_suspended(self, player: Player) -> bool:
        held = self.policy.ranks.get(player.rank_id)
        return held is not None and held.is_punishment


def look(players: Iterable[Player], by: Staff, now: dt.datetime) -> Ground:
    """Read what is known of these players."""
    people = list(players)
    policy = active()
    sanctions: dict[int, list[Sanction]] = defaultdict(list)
    for one in Sanction.objects.filter(player__in=people, lifted_at=None).order_by("pk"):
        sanctions[one.player_id].append(one)
    proposals = open_proposals([player.pk for player in people])
    own = (
        Recommendation.objects.filter(officer__user_id=by.user_id, player__in=people)
        if by.user_id
        else None
    )
    recommended = (
        frozenset(own.values_list("player_id", "rank_id")) if own is not None else frozenset()
    )
    return Ground(
        by, now, policy, sanctions, proposals, _due(people, proposals, policy, now), recommended
    )


def _due(
    people: list[Player], proposals: dict[int, Decision], policy: ActivePolicy, now: dt.datetime
) -> frozenset[int]:
    """Whose proposal would be applied if somebody approved it now."""
    asked = [player for player in people if player.pk in proposals]
    evaluations = assess([candidate_for(player) for player in asked], policy, now)
    found = set()
    for player in asked:
        decision = proposals[player.pk]
        by_hand = decision.kind == Decision.Kind.HAND
        same = by_hand or target_rank_id(evaluations.get(player.pk), policy) == decision.to_rank_id
        if same and player.rank_id == decision.from_rank_id:
            found.add(player.pk)
    return frozenset(found)


@dataclass(slots=True)
class Judge:
    """Judges rows one after the other for one person; what they would have adjusted by then adds
    up.
    """

    by: Staff
    now: dt.datetime
    policy: ActivePolicy
    taken: Taken

    @classmethod
    def of(cls, by: Staff, now: dt.datetime) -> "Judge":
        return cls(by, now, active(), daily_limit.taken(by, now))

    def judge(self, case: Case) -> Verdict:
        if case.why_not:
            return Verdict(False, reason=case.why_not)
        assert case.player is not None
        found = verdict(
            case.act,
            case.player,
            self.by,
            now=self.now,
            amount=case.amount,
            to=case.to,
            policy=self.policy,
            taken=self.taken,
        )
        if found.allowed and case.amount:
            self.taken = self.taken.plus(case.amount)
        if found.allowed and case.second and not found.second and not self.by.alone:
            return Verdict(True, True, case.second)
        return found
