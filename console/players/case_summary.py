"""The head of a case file: where a player stands, what is in force against them, and what may be
done about it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from common.amounts import points
from players import leaderboard
from players.active_policy import ActivePolicy
from players.models import Appeal, Approval, Decision, Player, Sanction
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.authorization import Verdict, verdict
from players.policy.bundle import Rank
from players.policy.permissions import Act
from players.policy.ranks import Evaluation
from players.ranks.candidates import candidate_for
from players.ranks.evaluation import assess

OPEN_SHOWN = 20

TITLES = {
    "warn": "Warn",
    "suspend": "Suspend",
    "lift": "Lift suspension",
    "ban": "Ban",
    "unban": "Lift ban",
    "adjust": "Adjust points",
    "recommend": "Recommend",
    "propose": "Propose a rank",
    "rank": "Give a rank",
    "note": "Note",
}
GRAVE = {"suspend", "ban"}
# How each act of the console is judged; to give a rank is judged by the rank, once one is chosen.
JUDGED_AS = {name: Act(name) for name in TITLES if name != "rank"} | {
    "rank": Act.PROMOTE,
    "pardon": Act.PARDON,
}


@dataclass(frozen=True, slots=True)
class Button:
    """An act as the case file offers it: what follows, or why it is not possible."""

    name: str
    title: str
    possible: bool
    words: str
    grave: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """The way to the next rank. `share`: percent of the points between the present rank's and the
    next one's.
    """

    target: str
    share: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseHead:
    """Everything above the timeline."""

    player: Player
    rank: Rank | None
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


def head(player: Player, policy: ActivePolicy, now: dt.datetime) -> CaseHead:
    """The head of a player's case file, in a fixed number of queries."""
    running = _running(player, now)
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
        progress=_progress(rank, evaluation, player.points) if rank else None,
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
    )


def buttons(case: CaseHead, by: Staff, policy: ActivePolicy, now: dt.datetime) -> list[Button]:
    """The acts that make sense for this player, each with its consequence, or with why this person
    may not.
    """
    return [
        _button(
            name,
            case,
            policy,
            verdict(
                JUDGED_AS[name], case.player, by, now=now, policy=policy, to=policy.bundle.first
            ),
        )
        for name in TITLES
        if FITS.get(name, _always)(case)
    ]


def consequence(name: str, case: CaseHead, policy: ActivePolicy) -> str:
    """What an act leads to, in a sentence."""
    return WORDS[name](case, policy) if name in WORDS else ""


def _button(name: str, case: CaseHead, policy: ActivePolicy, found: Verdict) -> Button:
    words = consequence(name, case, policy) if found.allowed else found.reason
    return Button(name, TITLES[name], found.allowed, words, name in GRAVE)


def _running(player: Player, now: dt.datetime) -> list[Sanction]:
    rows = player.sanctions.filter(lifted_at=None).filter(Q(ends_at=None) | Q(ends_at__gt=now))
    return list(rows.order_by("-pk")[:100])


def _progress(rank: Rank, evaluation: Evaluation | None, has: Decimal) -> Progress | None:
    if evaluation is None or evaluation.target is None or evaluation.kind == "demotion":
        return None
    target, missing = evaluation.target, evaluation.missing
    span = max(1, target.min_points - rank.min_points)
    share = min(100, max(0, int(100 * (has * 100 - rank.min_points) / span)))
    lacks = (
        (missing.points, f"{points(missing.points):,} points"),
        (missing.days, f"{missing.days} days"),
        (missing.recommendations, f"{missing.recommendations} recommendations"),
    )
    words = tuple(text for amount, text in lacks if amount)
    if "sanction" in evaluation.failed:
        words += ("no sanction in force",)
    return Progress(target.name, share, words)


def _always(case: CaseHead) -> bool:
    return case.player.erased_at is None


def _warn_words(case: CaseHead, policy: ActivePolicy) -> str:
    rules, count = policy.bundle.punishments, len(case.warnings) + 1
    if count >= rules.severe_threshold and case.ban is None:
        return f"Warning {count}: a ban is asked for, and waits for a second person."
    if count >= rules.trial_threshold and case.suspension is None:
        return f"Warning {count} of {rules.trial_threshold}: it suspends them for {rules.trial_days} days."
    end = f", and counts for {rules.warning_days} days" if rules.warning_days else ""
    return f"This is warning {count}; at {rules.trial_threshold} they are suspended{end}."


def _suspend_words(case: CaseHead, policy: ActivePolicy) -> str:
    kept = case.rank.name if case.rank and not case.rank.is_punishment else case.kept
    rank = policy.bundle.suspended.name
    return f"They hold {rank} meanwhile: no points, no promotion. {kept} is given back at the end."


def _lift_words(case: CaseHead, policy: ActivePolicy) -> str:
    return f"They get {case.kept or policy.bundle.first.name} back now, held since when it was."


def _recommend_words(case: CaseHead, policy: ActivePolicy) -> str:
    return "It counts toward their next rank, once from you at this rank, and brings the points of your level."


WORDS: dict[str, Callable[[CaseHead, ActivePolicy], str]] = {
    "warn": _warn_words,
    "suspend": _suspend_words,
    "lift": _lift_words,
    "ban": lambda case, policy: (
        "They cannot join any of the community's games. A second person approves it first."
    ),
    "unban": lambda case, policy: (
        "They may join the games again. A second person approves it first."
    ),
    "pardon": lambda case, policy: (
        "The warning counts no more, and what followed from it ends with it."
    ),
    "recommend": _recommend_words,
    "propose": lambda case, policy: (
        "Nothing changes until an officer who may give that rank approves."
    ),
    "rank": lambda case, policy: (
        "They hold it at once, and the group follows. Open proposals for them are withdrawn."
    ),
    "adjust": lambda case, policy: (
        "It is a row of the ledger with your name; the rank follows as the policy says."
    ),
    "note": lambda case, policy: "Only staff see it. It can be withdrawn, not changed.",
}
FITS: dict[str, Callable[[CaseHead], bool]] = {
    "lift": lambda case: _always(case) and case.suspension is not None,
    "suspend": lambda case: _always(case) and case.suspension is None,
    "unban": lambda case: _always(case) and case.ban is not None,
    "ban": lambda case: _always(case) and case.ban is None,
    "recommend": lambda case: _always(case) and case.suspension is None and case.ban is None,
    "propose": lambda case: _always(case) and case.suspension is None and not case.proposals,
    "rank": lambda case: _always(case) and case.suspension is None,
}
