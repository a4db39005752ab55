"""The head of a case file: rank, progress, sanctions, open requests and possible actions."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from common.amounts import points
from console.templatetags.design import counted
from discord.roles.overview import LinkedAccount, linked_account
from players import leaderboard
from players.actions import registry
from players.actions.facts import Facts, facts_for
from players.actions.staff_action import StaffAction
from players.active_policy import ActivePolicy
from players.hosted_events.own import OwnEvent, events_of
from players.leave.queries import open_leaves, past_leaves
from players.models import (
    Appeal,
    Approval,
    Decision,
    Leave,
    Player,
    QuotaExemption,
    RankRestriction,
    Sanction,
)
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.authorization import Circumstances, permission_for
from players.policy.bundle import RankRule
from players.policy.ranks import Condition, Evaluation
from players.quotas import exemptions, own
from players.quotas.own import OwnActivity
from players.ranks import restrictions
from players.ranks.candidates import candidate_for
from players.ranks.evaluation import assess

OPEN_SHOWN = 20
PAST_SHOWN = 5  # leaves


@dataclass(frozen=True, slots=True)
class Button:
    """An action as a button: its consequence, or why it is not possible."""

    action: StaffAction
    possible: bool
    words: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress to the next rank.

    `share`: percentage of the points between the present rank and the next one.
    """

    target: str
    share: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseHead:
    """Everything above the timeline."""

    player: Player
    rank: RankRule | None
    level: str
    kept: str
    position: int | None
    warnings: list[Sanction]
    suspension: Sanction | None
    ban: Sanction | None
    threshold: int
    progress: Progress | None
    evaluation: Evaluation | None
    proposals: list[Decision]
    approvals: list[tuple[Approval, str]]
    appeals: list[Appeal]
    restrictions: list[RankRestriction]
    leaves: list[Leave]
    past_leaves: list[Leave]
    activity: OwnActivity
    exemptions: list[QuotaExemption]
    discord: LinkedAccount | None
    hosted_events: list[OwnEvent]

    def on_leave(self, today: dt.date) -> Leave | None:
        """Return the leave that they are on."""
        approved = (one for one in self.leaves if one.status == Leave.Status.APPROVED)
        return next((one for one in approved if one.first_day <= today <= one.last_day), None)


def head(player: Player, policy: ActivePolicy, now: dt.datetime) -> CaseHead:
    """Return the head of a player's case file, in a fixed number of queries."""
    running, restricted = _running(player, now), restrictions.in_force([player.pk], now)[player.pk]
    by_kind = {kind: [one for one in running if one.kind == kind] for kind in Sanction.Kind.values}
    rank = policy.ranks.get(player.rank_id)
    evaluation = assess([candidate_for(player)], policy, now).get(player.pk)
    waiting = (
        player.approvals.filter(status=Approval.Status.WAITING)
        .select_related("player")
        .order_by("pk")
    )
    return CaseHead(
        player=player,
        rank=rank,
        level=rank.level if rank else "",
        kept=player.former_rank.name if player.former_rank else "",
        position=leaderboard.position(player.points) if player.listed else None,
        warnings=by_kind[Sanction.Kind.WARNING],
        suspension=next(iter(by_kind[Sanction.Kind.SUSPENSION]), None),
        ban=next(iter(by_kind[Sanction.Kind.BAN]), None),
        threshold=policy.bundle.punishments.trial_threshold,
        progress=_progress(rank, evaluation, player.points, restricted) if rank else None,
        evaluation=evaluation,
        proposals=list(
            player.decisions.filter(status=Decision.Status.PROPOSED).select_related(
                "from_rank", "to_rank"
            )[:OPEN_SHOWN]
        ),
        approvals=[(one, approvals.sentence(one)) for one in waiting[:OPEN_SHOWN]],
        appeals=list(
            player.appeals.filter(status=Appeal.Status.OPEN).select_related("sanction")[:OPEN_SHOWN]
        ),
        restrictions=restricted,
        leaves=open_leaves(player),
        past_leaves=past_leaves(player, PAST_SHOWN),
        activity=own.facts(player, now),
        exemptions=exemptions.running(player, now),
        discord=linked_account(player.user_id),
        hosted_events=events_of(player, PAST_SHOWN),
    )


def buttons(player: Player, by: Staff, now: dt.datetime) -> list[Button]:
    """Return the actions that make sense for this player.

    Each comes with its consequence, or with the reason why this person may not perform it.
    """
    facts = facts_for(player, by, now)
    return [
        _button(action, facts)
        for action in registry.ACTIONS
        if action.on_player and not registry.why_not(action, facts)
    ]


def _button(action: StaffAction, facts: Facts) -> Button:
    found = permission_for(
        action.permission,
        facts.player,
        facts.by,
        Circumstances(facts.now, policy=facts.policy, to=facts.policy.bundle.first),
    )
    why_not = registry.why_not_by(action, facts.by) if found.allowed else found.reason
    return Button(action, not why_not, why_not or action.consequence(facts))


def _running(player: Player, now: dt.datetime) -> list[Sanction]:
    rows = player.sanctions.filter(lifted_at=None).filter(Q(ends_at=None) | Q(ends_at__gt=now))
    return list(rows.order_by("-pk")[:100])


def _progress(
    rank: RankRule,
    evaluation: Evaluation | None,
    has: Decimal,
    restricted: Sequence[RankRestriction],
) -> Progress | None:
    if evaluation is None or evaluation.target is None or evaluation.kind == "demotion":
        return None
    target, missing = evaluation.target, evaluation.missing
    span = max(1, target.min_points - rank.min_points)
    share = min(100, max(0, int(100 * (has * 100 - rank.min_points) / span)))
    lacks = (
        (missing.points, f"{points(missing.points):,} points"),
        (missing.days, counted(missing.days, "day")),
        (missing.recommendations, counted(missing.recommendations, "recommendation")),
    )
    words = tuple(text for amount, text in lacks if amount)
    if Condition.SANCTION in evaluation.failed:
        words += ("no sanction in force",)
    if Condition.MEMBERSHIP in evaluation.failed:
        words += ("membership of the group",)
    if Condition.LOCKED in evaluation.failed:
        words += (_what_is_lifted(restricted),)
    return Progress(target.name, share, words)


def _what_is_lifted(restricted: Sequence[RankRestriction]) -> str:
    """Return what is missing because of restrictions. Locks of all promotions come first."""
    return "that the rank is allowed" if restricted[0].rank_id else "unlocked promotions"
