"""Apply acts of discipline to a locked player: sanction, rank, audit event, consequences.

Every function here runs in the transaction of its caller, who has checked permission
(players.discipline.sanctions).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from audits.actions import Action
from audits.record import Actor, record
from common.visible_text import isolated
from players.active_policy import active
from players.discipline.queries import in_force, open_sanction
from players.discipline.sanction_ends import (
    end_sanction,
    nobody,
    remaining_measure,
    sanctions_ending_with,
    save_player,
)
from players.models import Approval, Player, Sanction
from players.moderation import approvals
from players.moderation.approval_types import ApprovalRequest
from players.moderation.approvals import Closure
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.command import ActionResult, Command
from players.policy.permissions import Act
from players.policy.warning_thresholds import ThresholdSanction as Measure
from players.policy.warning_thresholds import (
    sanctions_after,
    suspension_ends,
    warning_expires,
)
from players.ranks.decision_records import open_proposals, withdraw_proposals

POLICY = Actor("system", "policy", "policy")
ISSUES = {
    Sanction.Kind.WARNING: Action.PLAYER_WARNED,
    Sanction.Kind.SUSPENSION: Action.PLAYER_SUSPENDED,
    Sanction.Kind.BAN: Action.PLAYER_BANNED,
}


@dataclass(frozen=True, slots=True)
class SanctionTerms:
    """A sanction's end (None: permanent), its evidence, and the warning that caused it."""

    ends_at: dt.datetime | None
    evidence: Sequence[str] = ()
    cause: Sanction | None = None
    alt_accounts: bool = True


def request_approval(request: ApprovalRequest, command: Command) -> ActionResult:
    """Request a second person's approval. Raises Refused if the same request is open."""
    approval = approvals.request_approval(with_origin(request, command), command)
    why = (
        "you acted very often lately"
        if request.cause == Approval.Cause.VELOCITY
        else "it always needs a second person"
    )
    assert request.player is not None
    sentence = (
        f"Nothing happened yet to {isolated(request.player.username)}: {why}. "
        f"“{approvals.sentence(approval)}” waits as request {approval.pk}."
    )
    return ActionResult(sentence, approval.event, approval=approval, player=request.player)


def with_origin(request: ApprovalRequest, command: Command) -> ApprovalRequest:
    """Return the request with those fields of its command that an approved act needs."""
    origin = {name: getattr(command, name) for name in ("reverts", "source", "experience")}
    kept = {name: value for name, value in origin.items() if value}
    return replace(request, arguments=request.arguments | kept)


def warn(player: Player, command: Command, *, evidence: Sequence[str] = ()) -> ActionResult:
    policy = active().bundle.punishments
    ends_at = warning_expires(command.now, policy)
    sanction = _issue(player, Sanction.Kind.WARNING, command, SanctionTerms(ends_at, evidence))
    count = in_force(player, Sanction.Kind.WARNING, command.now).count()
    event = _record_issue(sanction, command, {"active": count})
    followed = _apply_thresholds(player, sanction, command, count)
    sentence = f"{isolated(player.username)} is warned ({count} active){followed}."
    return ActionResult(sentence, event, sanction=sanction, player=player)


def _apply_thresholds(player: Player, warning: Sanction, command: Command, count: int) -> str:
    """Apply the policy's sanctions for `count` warnings; return them in words for the officer."""
    policy = active().bundle.punishments
    following = sanctions_after(
        count,
        policy,
        suspended=open_sanction(player, Sanction.Kind.SUSPENSION) is not None,
        banned=open_sanction(player, Sanction.Kind.BAN) is not None,
    )
    by_policy = replace(
        command, by=nobody(POLICY), source=Sanction.Source.POLICY, reverts=None, approval=None
    )
    said = ""
    if Measure.SUSPENSION in following:
        suspend(player, by_policy, until=suspension_ends(command.now, policy), cause=warning)
        said = " and suspended"
    # A warning by the policy itself never leads to a ban: a person asks for that.
    if Measure.BAN not in following or command.source == Sanction.Source.POLICY:
        return said
    if command.by.bypasses_second_person:
        ban(player, by_policy, cause=warning.pk)
        return f"{said} and banned"
    _request_ban(player, warning, command)
    return f"{said}, and a ban waits for approval"


def _request_ban(player: Player, warning: Sanction, command: Command) -> None:
    if not player.approvals.filter(act=str(Act.BAN), status=Approval.Status.WAITING).exists():
        arguments = {"threshold": True, "cause": warning.pk}
        request_approval(ApprovalRequest(str(Act.BAN), player, arguments), command)


def pardon(player: Player, command: Command, *, sanction: int) -> ActionResult:
    warning = Sanction.objects.get(pk=sanction)
    ended = sanctions_ending_with(player, sanction, command.now)
    event = end_sanction(warning, player, command.by.actor, command)
    for one in ended:
        end_sanction(one, player, command.by.actor, replace(command, reverts=one.event))
    said = [one.get_kind_display().lower() for one in ended] + _withdraw_ban_requests(
        player, warning, command
    )
    also = f"; the {' and the '.join(said)} it led to ended too" if said else ""
    return ActionResult(
        f"The warning of {isolated(player.username)} is taken back{also}.",
        event,
        sanction=warning,
        player=player,
    )


def _withdraw_ban_requests(player: Player, warning: Sanction, command: Command) -> list[str]:
    """Withdraw ban requests made at the threshold, after the pardon of a warning.

    These are the requests that the warning caused, and those that the remaining warnings do not
    justify.
    """
    left = remaining_measure(player, warning.pk, command.now)
    taken = []
    for approval in player.approvals.filter(act=str(Act.BAN), status=Approval.Status.WAITING):
        asked = approval.arguments
        if asked.get("threshold") and (asked.get("cause") == warning.pk or left is not Measure.BAN):
            reason = "the warning was pardoned"
            closure = Closure.of(command.by, reason, command.now)
            approvals.withdraw_for(approval, closure)
            taken.append("request for a ban")
    return taken


def suspend(
    player: Player,
    command: Command,
    *,
    until: dt.datetime | str,
    evidence: Sequence[str] = (),
    cause: Sanction | None = None,
) -> ActionResult:
    end = dt.datetime.fromisoformat(until) if isinstance(until, str) else until
    policy = active()
    sanction = _issue(
        player, Sanction.Kind.SUSPENSION, command, SanctionTerms(end, evidence, cause)
    )
    if not player.rank.is_punishment:
        player.former_rank_id, player.former_rank_since = player.rank_id, player.rank_since
    elif player.former_rank_id is None:
        # Their rank was changed on Roblox without a suspension here. So they come back at the first
        # rank of the ladder.
        player.former_rank_id = policy.rank_ids[policy.bundle.first.name]
        player.former_rank_since = player.rank_since
    player.rank_id, player.rank_since = policy.rank_ids[policy.bundle.suspended.name], command.now
    save_player(player, command.now, "rank", "rank_since", "former_rank", "former_rank_since")
    withdraw_proposals(
        list(open_proposals([player.pk]).values()), policy, command.by.actor, command.now
    )
    event = _record_issue(sanction, command, {"until": end.isoformat()})
    sentence = f"{isolated(player.username)} is suspended until {end:%Y-%m-%d %H:%M} UTC."
    return ActionResult(sentence, event, sanction=sanction, player=player)


def lift(player: Player, command: Command) -> ActionResult:
    sanction = open_sanction(player, Sanction.Kind.SUSPENSION)
    assert sanction is not None
    event = end_sanction(sanction, player, command.by.actor, command)
    sentence = (
        f"{isolated(player.username)}'s suspension is over; they are {player.rank.name} again."
    )
    return ActionResult(sentence, event, sanction=sanction, player=player)


def ban(
    player: Player,
    command: Command,
    *,
    until: str | None = None,
    evidence: Sequence[str] = (),
    cause: int | None = None,
    threshold: bool = False,
    alt_accounts: bool = True,
) -> ActionResult:
    end = dt.datetime.fromisoformat(until) if until else None
    warning = Sanction.objects.filter(pk=cause).first() if cause else None
    if threshold:
        command = replace(command, source=Sanction.Source.POLICY)
    sanction = _issue(
        player, Sanction.Kind.BAN, command, SanctionTerms(end, evidence, warning, alt_accounts)
    )
    player.banned = True
    save_player(player, command.now, "banned")
    withdraw_proposals(
        list(open_proposals([player.pk]).values()), active(), command.by.actor, command.now
    )
    event = _record_issue(
        sanction,
        command,
        {"until": end.isoformat() if end else None, "altAccounts": alt_accounts},
    )
    ends = f"until {end:%Y-%m-%d %H:%M} UTC" if end else "for good"
    alone = "" if alt_accounts else ", this account alone"
    return ActionResult(
        f"{isolated(player.username)} is banned {ends}{alone}.",
        event,
        sanction=sanction,
        player=player,
    )


def unban(player: Player, command: Command) -> ActionResult:
    sanction = open_sanction(player, Sanction.Kind.BAN)
    assert sanction is not None
    event = end_sanction(sanction, player, command.by.actor, command)
    return ActionResult(
        f"{isolated(player.username)} is not banned any more.",
        event,
        sanction=sanction,
        player=player,
    )


def _issue(player: Player, kind: Sanction.Kind, command: Command, terms: SanctionTerms) -> Sanction:
    return Sanction.objects.create(
        player=player,
        kind=kind,
        source=command.source,
        reason=command.reason,
        evidence=list(terms.evidence),
        issued_by=command.by.name,
        cause=terms.cause,
        starts_at=command.now,
        ends_at=terms.ends_at,
        alt_accounts=terms.alt_accounts,
    )


def _record_issue(sanction: Sanction, command: Command, after: dict[str, Any]) -> int:
    """Record a new sanction and store the event's id in it; return that id."""
    event = record(
        ISSUES[Sanction.Kind(sanction.kind)],
        actor=command.by.actor,
        target=target_of(sanction.player),
        reason=command.reason,
        after={"sanction": sanction.pk, "source": str(sanction.source)} | after,
        details=command.details | ({"cause": sanction.cause_id} if sanction.cause_id else {}),
        reverts=command.reverts,
        experience=command.experience,
        policy_version=policy_version(),
    )
    sanction.event = event
    sanction.save(update_fields=["event"])
    return event
