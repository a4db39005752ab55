"""What a member reads about themselves."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from common.amounts import points
from discord.models import DiscordLink
from players import leaderboard
from players.active_policy import active
from players.discipline.queries import in_force_now
from players.hosted_events.own import OwnEvent, events_of
from players.leave.queries import open_leaves, past_leaves
from players.membership.status import present
from players.models import Leave, MemberReport, Player, Sanction
from players.policy.community import LeaveRules
from players.policy.membership import belongs
from players.policy.ranks import Condition, Evaluation
from players.quotas import own as quotas
from players.quotas.own import OwnActivity
from players.ranks import restrictions
from players.ranks.candidates import candidate_for
from players.ranks.evaluation import assess
from players.reports import queries as reports

PAST_LEAVES, EVENTS, REPORTS = 5, 20, 10


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """`leave_rules` None: the policy offers no leave, or they are not in the group.

    `lock`: a sentence about what keeps them from the next rank, or "".
    """

    player: Player
    position: int | None
    evaluation: Evaluation | None
    sanctions: list[Sanction]
    leaves: list[Leave]
    past_leaves: list[Leave]
    leave_rules: LeaveRules | None
    discord: DiscordLink | None
    events: list[OwnEvent]
    activity: OwnActivity
    reports: list[MemberReport]
    may_report: bool
    lock: str

    @property
    def missing_points(self) -> Decimal:
        """The points that the next rank still requires."""
        return points(self.evaluation.missing.points) if self.evaluation else points(0)

    @property
    def asked(self) -> Leave | None:
        """The leave that waits for a decision."""
        return next((one for one in self.leaves if one.status == Leave.Status.ASKED), None)


def own_facts(player: Player, now: dt.datetime) -> OwnFacts:
    policy = active()
    evaluation = assess([candidate_for(player)], policy, now).get(player.pk)
    may_ask = not player.banned and belongs(present(player.member))
    return OwnFacts(
        player=player,
        position=leaderboard.position(player.points) if player.listed else None,
        evaluation=evaluation,
        sanctions=list(in_force_now([player.pk], now).order_by("-pk")[:20]),
        leaves=open_leaves(player),
        past_leaves=past_leaves(player, PAST_LEAVES),
        leave_rules=policy.bundle.community.leave if may_ask else None,
        discord=DiscordLink.objects.filter(user_id=player.user_id).first(),
        events=events_of(player, EVENTS),
        activity=quotas.facts(player, now),
        reports=reports.made_by(player, REPORTS),
        may_report=may_ask,
        lock=_lock(player, evaluation, now),
    )


def _lock(player: Player, evaluation: Evaluation | None, now: dt.datetime) -> str:
    if evaluation is None or Condition.LOCKED not in evaluation.failed:
        return ""
    held = restrictions.own_lock(player.user_id, evaluation.target, now)
    return restrictions.words_for_member(held) if held else ""
