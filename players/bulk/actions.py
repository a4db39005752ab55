"""Parse, preview and perform acts of the registry as rows of a bulk job."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from audits.models import AuditEvent
from common.amounts import points
from common.errors import Refused
from players.actions import params as shapes
from players.actions import preconditions, registry, undo
from players.actions.facts import Facts, load_facts
from players.actions.params import Params
from players.actions.staff_action import StaffAction
from players.active_policy import active
from players.bulk.facts import Case
from players.models import Approval, Player, Sanction
from players.moderation.actors import Staff
from players.moderation.audit_fields import target_of
from players.moderation.authorization import kept_rank
from players.moderation.command import ActionResult, Command
from players.moderation.daily_limit import Taken
from players.policy.bundle import RankRule
from players.policy.permissions import Act
from players.policy.warning_thresholds import suspension_ends

REVERT = "revert"
ACTIONS = {action.name: action for action in registry.ACTIONS if action.bulk}

Arguments = dict[str, Any]
# The audit event of a performed act, or the request that waits.
Outcome = tuple[int | None, Approval | None]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A row about to be performed. `settled`: a second person approved the job."""

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
        """The row's command. The velocity limit counted the whole job already."""
        return Command(
            by=self.by,
            reason=self.reason,
            now=self.now,
            counts_toward_limit=False,
            approved=self.settled,
            prepaid=self.paid,
        )


def described(act: str, arguments: Arguments, count: int) -> str:
    """Describe in words what a job does."""
    if act == REVERT:
        return f"Undo {count:,} event{'s' if count != 1 else ''}"
    who = f"{count:,} player{'s' if count != 1 else ''}"
    return f"{ACTIONS[act].phrase} {who}{_suffix(arguments)}"


def _suffix(arguments: Arguments) -> str:
    if "amount" in arguments:
        return f" by {points(arguments['amount']):+,} points"
    if "until" in arguments:
        return f" until {arguments['until'][:16].replace('T', ' ')} UTC"
    return f": {arguments['rank']}" if "rank" in arguments else ""


def check(act: str, given: Mapping[str, Any], by: Staff, now: dt.datetime) -> Arguments:
    """Return the arguments that all rows share, as stored.

    Raises Refused naming the field, NotAllowed.
    """
    action = ACTIONS[act]
    action.check_actor(by)
    if action.subject_field:
        return {}
    found = shapes.parse(action.params, given)
    if isinstance(found, shapes.Suspension):
        found = _with_end(found, now)
    stored: Arguments = msgspec.to_builtins(found)
    return stored


def _with_end(params: shapes.Suspension, now: dt.datetime) -> shapes.Suspension:
    """Set the end of the suspensions, so that all rows end at the same moment."""
    policy = active().bundle.punishments
    until = params.until or suspension_ends(now, policy)
    if until <= now:
        raise Refused(preconditions.PAST)
    return msgspec.structs.replace(params, until=until)


def cases(
    act: str, players: Iterable[Player], arguments: Arguments, by: Staff, now: dt.datetime
) -> list[Case]:
    """Return one case per player, in a fixed number of queries."""
    people, action = list(players), ACTIONS[act]
    facts = load_facts(people, by, now)
    shared = None if action.subject_field else msgspec.convert(arguments, action.params)
    return [_case(action, facts[player.pk], shared) for player in people]


def _case(action: StaffAction, facts: Facts, shared: Params | None) -> Case:
    return Case(
        action.permission,
        facts.player,
        action.subject(facts),
        _rank_to_give(action, facts, shared),
        shared.amount if isinstance(shared, shapes.AdjustmentParams) else 0,
        registry.why_not(action, facts, shared),
        _needs_second_person(action, facts),
    )


def _rank_to_give(action: StaffAction, facts: Facts, shared: Params | None) -> RankRule | None:
    if isinstance(shared, shapes.RankName):
        return facts.policy.bundle.by_name.get(shared.rank)
    if action.subject_field == "decision" and facts.proposal:
        return kept_rank(facts.proposal.to_rank, facts.policy)
    return None


def _needs_second_person(action: StaffAction, facts: Facts) -> str:
    """Return why an act needs a second person, or "".

    A pardon may end a ban that followed, which is as severe as lifting one.
    """
    followed = facts.ban is not None and facts.ban.source == Sanction.Source.POLICY
    pardons = action.permission is Act.PARDON
    return "It may end a ban that followed." if pardons and followed else ""


def perform(act: str, it: Invocation) -> Outcome:
    """Perform the act of one row. Raises Refused, NotAllowed."""
    if act == REVERT:
        return _outcome(undo.revert(it.subject, it.command))
    action = ACTIONS[act]
    given = {action.subject_field: it.subject} if action.subject_field else it.arguments
    params = msgspec.convert(given, action.params)
    return _outcome(action.perform(it.player.user_id, params, it.command))


def _outcome(done: ActionResult) -> Outcome:
    if done.approval is not None:
        return None, done.approval
    if done.event is None and done.decision is not None:
        return _newest_event(done.decision.player), None
    return done.event, None


def _newest_event(player: Player) -> int | None:
    """Return the event of the decision just made. No other is newer, since the player is locked."""
    target = target_of(player)
    events = AuditEvent.objects.filter(target_kind=target.kind, target_id=target.id).order_by("-pk")
    return events.values_list("pk", flat=True).first()
