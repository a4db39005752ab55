"""Warn, pardon, suspend, lift, ban and unban. Each function is one transaction.

Each act is authorized. Then it is held for a second person if it must be, and applied otherwise.
Approved acts are applied here too. Writes to Roblox follow through the mirrors.

Three choices where the rules are silent. At the severe threshold the ban is requested in the
warner's name and waits for somebody who may ban. Until then the player is suspended, as the lower
threshold requires. An expired warning does not end the suspension that it led to, since the
suspension has its own end. A pardon that would end a ban is held like an unban, since otherwise one
officer could undo what two agreed on.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from django.db import transaction

from common import database_clock, database_errors
from common.errors import NotAllowed, Refused
from players.actions import preconditions
from players.actions.facts import Facts, facts_for
from players.actions.params import Ban, Evidence, Params, Pardon, Suspension
from players.active_policy import active
from players.discipline import effects
from players.discipline.effects import request_approval, with_origin
from players.discipline.sanction_ends import SCHEDULE, end_sanction, nobody, sanctions_ending_with
from players.models import Approval, Player, Sanction
from players.moderation import approval_types, experience_bounds, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.input import check_evidence, check_moment
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act
from players.policy.warning_thresholds import suspension_ends

log = structlog.get_logger("grps.discipline")


@dataclass(frozen=True, slots=True)
class Measure:
    """How an act is checked under the player's lock, and the function that applies it."""

    shape: type[Params]
    precondition: Callable[[Facts, Any], str]
    apply: Callable[..., ActionResult]

    def require(self, player: Player, arguments: dict[str, Any], command: Command) -> None:
        """Raises Refused if the act makes no sense for the locked player."""
        params = msgspec.convert(arguments, self.shape)
        facts = facts_for(player, command.by, command.now)
        preconditions.require(self.precondition(facts, params))


MEASURES = {
    Act.WARN: Measure(Evidence, preconditions.always, effects.warn),
    Act.PARDON: Measure(Pardon, preconditions.pardon, effects.pardon),
    Act.SUSPEND: Measure(Suspension, preconditions.suspend, effects.suspend),
    Act.LIFT: Measure(Params, preconditions.lift, effects.lift),
    Act.BAN: Measure(Ban, preconditions.ban, effects.ban),
    Act.UNBAN: Measure(Params, preconditions.unban, effects.unban),
}


def warn(user_id: int, command: Command, *, evidence: Sequence[str] = ()) -> ActionResult:
    """Warn a player. At the policy's thresholds a suspension follows and a ban is requested.

    Raises Refused, and NotAllowed, which the audit log records. This applies to every act here.
    """
    return _act(Act.WARN, user_id, {"evidence": check_evidence(evidence)}, command)


def pardon(sanction_id: int, command: Command) -> ActionResult:
    """Pardon a warning and end what followed from it. Raises Refused, NotAllowed."""
    owner = (
        Sanction.objects.filter(pk=sanction_id, kind=Sanction.Kind.WARNING)
        .values_list("player__user_id")
        .first()
    )
    if owner is None:
        raise Refused(f"There is no warning {sanction_id}.")
    return _act(Act.PARDON, owner[0], {"sanction": sanction_id}, command)


def suspend(
    user_id: int,
    command: Command,
    *,
    until: dt.datetime | None = None,
    evidence: Sequence[str] = (),
) -> ActionResult:
    """Suspend a player, by default for the policy's trial days. Raises Refused, NotAllowed."""
    end = check_moment(until) or suspension_ends(command.now, active().bundle.punishments)
    arguments = {"until": end.isoformat(), "evidence": check_evidence(evidence)}
    return _act(Act.SUSPEND, user_id, arguments, command)


def lift(user_id: int, command: Command) -> ActionResult:
    """End a suspension and restore the former rank. Raises Refused, NotAllowed."""
    return _act(Act.LIFT, user_id, {}, command)


def ban(
    user_id: int,
    command: Command,
    *,
    until: dt.datetime | None = None,
    evidence: Sequence[str] = (),
    alt_accounts: bool = True,
) -> ActionResult:
    """Ban a player until a moment, or permanently. A second person approves.

    `alt_accounts`: Roblox also bans the accounts that it considers the same person's. Raises
    Refused, NotAllowed.
    """
    until = check_moment(until)
    arguments: dict[str, Any] = {
        "until": until.isoformat() if until else None,
        "evidence": check_evidence(evidence),
    }
    if not alt_accounts:
        arguments["alt_accounts"] = False
    return _act(Act.BAN, user_id, arguments, command)


def unban(user_id: int, command: Command) -> ActionResult:
    """Lift a ban. A second person approves, unless one already did. Raises Refused, NotAllowed."""
    return _act(Act.UNBAN, user_id, {}, command)


def end_due(now: dt.datetime) -> int:
    """End sanctions whose end has passed; return their number.

    Roblox readmits a banned player by itself.
    """
    due = (
        Sanction.objects.filter(lifted_at=None, ends_at__lte=now)
        .order_by("ends_at")
        .values_list("pk", flat=True)
    )
    ended = 0
    for pk in due[:1000]:
        try:
            ended += _end(pk, now)
        except Exception as error:  # one failure must not keep the other players suspended
            if database_errors.is_temporary(error):
                raise
            log.exception("a sanction could not be ended", sanction=pk)
    return ended


def _end(pk: int, now: dt.datetime) -> bool:
    with transaction.atomic():
        player_id = Sanction.objects.values_list("player_id", flat=True).get(pk=pk)
        player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
        sanction = Sanction.objects.filter(pk=pk, lifted_at=None).first()
        if sanction is not None:
            command = Command(by=nobody(SCHEDULE), reason="the time is over", now=now)
            end_sanction(sanction, player, SCHEDULE, command)
        return sanction is not None


def _act(act: Act, user_id: int, arguments: dict[str, Any], command: Command) -> ActionResult:
    measure = MEASURES[act]
    command, by, now = command.checked(), command.by, command.now
    with audit_refusals(act, user_id, by), transaction.atomic():
        tripped = command.counts_toward_limit and velocity_limit.is_tripped(by, now)
        player = lock_player(user_id)
        found = permission_for(act, player, by, Circumstances(now))
        if not found.allowed:
            raise NotAllowed(found.reason)
        measure.require(player, arguments, command)
        adopted = command.source == Sanction.Source.ROBLOX  # it is already in force on Roblox
        second = found.needs_second_person or _lifts_ban(act, player, arguments, now)
        if tripped or (
            second and not by.bypasses_second_person and not command.approved and not adopted
        ):
            cause = Approval.Cause.VELOCITY if tripped else found.cause
            return request_approval(ApprovalRequest(str(act), player, arguments, cause), command)
        if past := experience_bounds.take(command.experience, player, Demand(str(act)), now):
            request = ApprovalRequest(str(act), player, arguments)
            return experience_bounds.request_confirmation(
                with_origin(request, command), past, command
            )
        if command.counts_toward_limit:
            velocity_limit.record_acts(by, now)
        return measure.apply(player, command, **arguments)


def _approved(act: Act) -> None:
    """Register the functions that judge and carry out a held `act`."""

    def judged(by: Staff, approval: Approval) -> str:
        assert approval.player is not None
        needed = (
            Act.UNBAN
            if _lifts_ban(act, approval.player, approval.arguments, database_clock.now())
            else act
        )
        found = permission_for(needed, approval.player, by, Circumstances(approval.created_at))
        return "" if found.allowed else found.reason

    def second(by: Staff, approval: Approval) -> str:
        assert approval.player is not None
        now = database_clock.now()
        found = permission_for(act, approval.player, by, Circumstances(now))
        if found.needs_second_person or _lifts_ban(act, approval.player, approval.arguments, now):
            return f"{found.reason or 'It ends a ban too.'} A second person must decide."
        return ""

    def carry_out(
        approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        assert approval.player is not None
        arguments = dict(approval.arguments)
        asked = Act.WARN if arguments.get("threshold") else act
        found = permission_for(asked, approval.player, requester, Circumstances(now))
        if not found.allowed:
            raise Refused(
                f"Whoever asked for it may not do it any more ({found.reason}); reject it."
            )
        command = Command(
            by=requester,
            reason=approval.reason,
            now=now,
            reverts=arguments.pop("reverts", None),
            source=arguments.pop("source", Sanction.Source.STAFF),
            experience=arguments.pop("experience", ""),
            approval=approval.pk,
        )
        MEASURES[act].require(approval.player, arguments, command)
        return MEASURES[act].apply(approval.player, command, **arguments).event

    approval_types.executes(
        str(act),
        judged=judged,
        needs_second_person=second,
        sentence=lambda approval: _asked(act, approval),
    )(carry_out)


def _lifts_ban(act: Act, player: Player, arguments: dict[str, Any], now: dt.datetime) -> bool:
    """Return whether a pardon would end a ban too. Then it needs a second person like an unban."""
    if act is not Act.PARDON:
        return False
    return any(
        one.kind == Sanction.Kind.BAN
        for one in sanctions_ending_with(player, arguments["sanction"], now)
    )


def _asked(act: Act, approval: Approval) -> str:
    who = approval.player.username if approval.player else "somebody"
    until = approval.arguments.get("until")
    end = (
        f" until {until[:16].replace('T', ' ')} UTC"
        if until
        else " for good"
        if act is Act.BAN
        else ""
    )
    alone = ", this account alone" if approval.arguments.get("alt_accounts") is False else ""
    threshold = (
        ", since the warnings reached the policy's threshold"
        if approval.arguments.get("threshold")
        else ""
    )
    return f"{str(act).capitalize()} {who}{end}{alone}{threshold}"


for _one in MEASURES:
    _approved(_one)
