"""The acts that a bulk job can do: how a row is judged, and the rule that carries it out.

To add one, add a Kind: `check` mends the arguments (Refused names the field), `case` judges a row
in memory, `do` calls the rule. A row's own transaction is the rule's.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audits.models import AuditEvent
from common.amounts import points
from common.errors import NotAllowed, Refused
from players.actions import undo
from players.active_policy import active
from players.bulk.facts import Case, Ground
from players.discipline import notes, sanctions
from players.models import Approval, Decision, Player, Sanction
from players.moderation.actors import Staff
from players.moderation.authorization import (
    Done,
    check_evidence,
    check_moment,
    kept_rank,
    target_of,
)
from players.moderation.command import Command
from players.moderation.daily_limit import Taken
from players.points import adjustments, recommendations
from players.policy.permissions import Act
from players.policy.warning_thresholds import suspension_ends
from players.ranks import decisions

Arguments = dict[str, Any]
Outcome = tuple[
    int | None, Approval | None
]  # the audit event of what was done, or the request that waits


@dataclass(frozen=True, slots=True)
class Doing:
    """A row about to be carried out. `settled`: a second person approved the whole; `paid`: as of
    an adjustment.
    """

    player: Player
    subject: int
    arguments: Arguments
    by: Staff
    reason: str
    now: dt.datetime
    settled: bool
    paid: Taken | None

    @property
    def command(self) -> Command:
        """The velocity limit counted the job as a whole."""
        return Command(
            by=self.by,
            reason=self.reason,
            now=self.now,
            counts_toward_limit=False,
            approved=self.settled,
            prepaid=self.paid,
        )

    @property
    def until(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.arguments["until"])


@dataclass(frozen=True, slots=True)
class Kind:
    """`words`: what is done to so many players, as in "Warn 38 players"."""

    words: str
    case: Callable[[Player, Ground, Arguments], Case]
    do: Callable[[Doing], Outcome]
    check: Callable[[Arguments, Staff, dt.datetime], Arguments] = lambda given, by, now: {}


def told(act: str, arguments: Arguments, count: int) -> str:
    """What a job does, in words."""
    if act == REVERT:
        return f"Take back {count:,} event{'s' if count != 1 else ''}"
    more = {
        "adjust": lambda: f" by {points(arguments['amount']):+,} points",
        "suspend": lambda: f" until {arguments['until'][:16].replace('T', ' ')} UTC",
        "rank": lambda: f": {arguments['rank']}",
        "propose": lambda: f": {arguments['rank']}",
    }
    return f"{KINDS[act].words} {count:,} player{'s' if count != 1 else ''}{more.get(act, str)()}"


def _check_evidence(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    return {"evidence": check_evidence(given.get("evidence", []))}


def _check_suspension(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    until = check_moment(given.get("until")) or suspension_ends(now, active().bundle.punishments)
    if until <= now:
        raise Refused("until: that moment has passed; give a later one.")
    return _check_evidence(given, by, now) | {"until": until.isoformat()}


def _check_amount(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    amount = int(given.get("amount", 0))
    if amount == 0:
        raise Refused("amount: an adjustment of nothing changes nothing.")
    if abs(amount) >= adjustments.LARGEST:
        raise Refused("amount: a trillion points and more cannot be kept.")
    return {"amount": amount}


def _check_rank(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    policy, name = active(), str(given.get("rank", ""))
    if name not in policy.rank_ids:
        raise Refused(
            f"rank: there is no rank {name!r}. The ranks are: {', '.join(policy.rank_ids)}."
        )
    if policy.bundle.by_name[name].is_punishment:
        raise Refused("rank: nobody is given that by hand; suspend them instead.")
    return {"rank": name}


def _check_text(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    return {"text": notes.check_text(str(given.get("text", "")))}


def _check_recommending(given: Arguments, by: Staff, now: dt.datetime) -> Arguments:
    if by.user_id is None:
        raise NotAllowed("You may not: only an officer who is a player recommends.")
    if recommendations.worth(by) is None:
        raise NotAllowed("You may not: the policy counts no recommendation of your level.")
    return {}


def _plain(act: Act) -> Callable[[Player, Ground, Arguments], Case]:
    return lambda player, ground, arguments: Case(act, player, amount=arguments.get("amount", 0))


def _pardon_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    """The newest of their warnings. A pardon may end a ban that followed: that is as grave as
    lifting one.
    """
    warnings = ground.active_warnings(player)
    if not warnings:
        return Case(Act.PARDON, player, why_not="They have no active warning.")
    ban = ground.open_one(player, Sanction.Kind.BAN)
    followed = ban is not None and ban.source == Sanction.Source.POLICY
    return Case(
        Act.PARDON,
        player,
        warnings[-1].pk,
        second="It may end a ban that followed." if followed else "",
    )


def _suspend_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    suspended = ground.open_one(player, Sanction.Kind.SUSPENSION) is not None
    return Case(Act.SUSPEND, player, why_not="They are suspended already." if suspended else "")


def _lift_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    suspended = ground.open_one(player, Sanction.Kind.SUSPENSION) is not None
    return Case(Act.LIFT, player, why_not="" if suspended else "They are not suspended.")


def _recommend_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    why_not = ""
    if player.banned or not player.rank.can_earn:
        why_not = "They cannot earn points now."
    elif (player.pk, player.rank_id) in ground.recommended:
        why_not = "You recommended them at this rank already."
    return Case(Act.RECOMMEND, player, why_not=why_not)


def _rank_case(
    player: Player, ground: Ground, arguments: Arguments, act: Act = Act.PROMOTE
) -> Case:
    to = ground.policy.bundle.by_name.get(arguments["rank"])
    why_not = ""
    if to is None:
        why_not = "The rank is not part of the active policy."
    elif player.rank.name == to.name:
        why_not = "They hold that rank already."
    elif ground.is_suspended(player):
        why_not = "They are suspended: lift that first."
    return Case(act, player, to=to, why_not=why_not)


def _propose_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    if player.pk in ground.proposals:
        return Case(Act.PROPOSE, player, why_not="A change of their rank is proposed already.")
    return _rank_case(player, ground, arguments, Act.PROPOSE)


def _decide_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    decision = ground.proposals.get(player.pk)
    if decision is None:
        return Case(Act.PROMOTE, player, why_not="Nothing is proposed for them.")
    return Case(Act.PROMOTE, player, decision.pk, kept_rank(decision.to_rank, ground.policy))


def _approve_case(player: Player, ground: Ground, arguments: Arguments) -> Case:
    case = _decide_case(player, ground, arguments)
    if case.why_not:
        return case
    why_not = ""
    if ground.proposals[player.pk].to_rank_id not in ground.policy.ranks:
        why_not = decisions.RETIRED
    elif ground.by.is_named(ground.proposals[player.pk].proposed_by):
        why_not = "You proposed it yourself."
    elif player.pk not in ground.due:
        why_not = "They are no longer due for it: reject it instead."
    return Case(case.act, player, case.subject, case.to, why_not=why_not)


def _outcome(done: Done) -> Outcome:
    return (None, done.approval) if done.approval is not None else (done.event, None)


def _decided(decision: Decision) -> Outcome:
    """The event of a decision just taken, the player locked: nobody else's can be newer."""
    target = target_of(decision.player)
    events = AuditEvent.objects.filter(target_kind=target.kind, target_id=target.id).order_by("-pk")
    return events.values_list("pk", flat=True).first(), None


KINDS: dict[str, Kind] = {
    "warn": Kind(
        "Warn",
        _plain(Act.WARN),
        lambda it: _outcome(
            sanctions.warn(it.player.user_id, it.command, evidence=it.arguments.get("evidence", ()))
        ),
        _check_evidence,
    ),
    "pardon": Kind(
        "Pardon the last warning of",
        _pardon_case,
        lambda it: _outcome(sanctions.pardon(it.subject, it.command)),
    ),
    "suspend": Kind(
        "Suspend",
        _suspend_case,
        lambda it: _outcome(
            sanctions.suspend(
                it.player.user_id,
                it.command,
                until=it.until,
                evidence=it.arguments.get("evidence", ()),
            )
        ),
        _check_suspension,
    ),
    "lift": Kind(
        "Lift the suspension of",
        _lift_case,
        lambda it: _outcome(sanctions.lift(it.player.user_id, it.command)),
    ),
    "note": Kind(
        "Write a note on",
        _plain(Act.NOTE),
        lambda it: _outcome(notes.write(it.player.user_id, it.arguments["text"], it.command)),
        _check_text,
    ),
    "recommend": Kind(
        "Recommend",
        _recommend_case,
        lambda it: _outcome(recommendations.recommend(it.player.user_id, it.command)),
        _check_recommending,
    ),
    "adjust": Kind(
        "Adjust",
        _plain(Act.ADJUST),
        lambda it: _outcome(
            adjustments.adjust(it.player.user_id, it.arguments["amount"], it.command)
        ),
        _check_amount,
    ),
    "propose": Kind(
        "Propose a rank for",
        _propose_case,
        lambda it: _decided(decisions.propose(it.player.user_id, it.arguments["rank"], it.command)),
        _check_rank,
    ),
    "rank": Kind(
        "Give a rank to",
        _rank_case,
        lambda it: _decided(
            decisions.set_rank(it.player.user_id, it.arguments["rank"], it.command)
        ),
        _check_rank,
    ),
    "approve": Kind(
        "Approve what is proposed for",
        _approve_case,
        lambda it: _decided(decisions.approve(it.subject, by=it.by, reason=it.reason, now=it.now)),
    ),
    "reject": Kind(
        "Reject what is proposed for",
        _decide_case,
        lambda it: _decided(decisions.reject(it.subject, by=it.by, reason=it.reason, now=it.now)),
    ),
}
REVERT = "revert"


def revert(it: Doing) -> Outcome:
    """Take one event back."""
    return _outcome(undo.revert(it.subject, it.command))
