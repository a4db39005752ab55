"""Award everybody who attended a hosted event, and its hosts, as one act; undo it as a whole.

The act is judged with everything locked. What the host's rank does not cover waits for a second
person. What a game server asks for beyond the bounds of its experience, or beyond what GRPS saw
itself, waits until the host confirms it on the console.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from audits.actions import Action
from audits.record import reserve_id
from common import database_clock
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.hosted_events import attendance, audit, kinds, ledger_rows, lookup, rights, shares
from players.hosted_events.ledger_rows import ATTENDANCES, HOSTS, Writing
from players.hosted_events.shares import Share, Shares
from players.locking import lock_players
from players.models import (
    BULK_ALONE,
    Approval,
    Decision,
    HostedEvent,
    HostedEventAttendance,
    HostedEventHost,
    Quarantine,
)
from players.moderation import (
    approval_types,
    approvals,
    daily_limit,
    experience_bounds,
    velocity_limit,
)
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import Permission, past_limit, past_own_limit
from players.moderation.command import ActionResult, Command
from players.moderation.daily_limit import Taken, Volume
from players.moderation.experience_bounds import PersonDemand
from players.moderation.refusals import audit_refusals
from players.policy.bounds import Kind
from players.ranks.candidates import candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

AWARD, UNDO = attendance.AWARD, "hosted_event.undo"
UNSEEN = dt.timedelta(minutes=3)  # what GRPS may have missed of somebody's presence
ALONE = "Your rank may host, but gives no points without a second person."
BY_HAND = f"More than {BULK_ALONE} of them were added by hand."
Cause, Status = Approval.Cause, HostedEvent.Status


def award(event_id: int, command: Command) -> ActionResult:
    """Award an ended event's attendees and hosts, once. Raises Refused, NotAllowed."""
    command, by, now = command.checked(), command.by, command.now
    with audit_refusals("host", None, by), transaction.atomic():
        tripped = velocity_limit.is_tripped(by, now)
        event = lookup.locked(event_id)
        _check(event, by)
        if attendance.waiting(event.pk) is not None:
            raise Refused("Its award waits for a decision already.")
        taken = daily_limit.lock(by.person, daily_limit.day_of(now))
        found = _planned(event, by, now)
        if second := _second_person(found, by, taken, tripped=tripped):
            return _request(event, found, second, command)
        if command.experience and (past := _unconfirmed(event, found, command)):
            cause = Permission(True, True, past, Cause.EXPERIENCE)
            return _request(event, found, cause, command)
        velocity_limit.record_acts(by, now, 1 + found.added)
        return _charge_and_write(event, found, command)


def _check(event: HostedEvent, by: Staff) -> None:
    """Raises Refused or NotAllowed for an event that cannot be awarded by this person."""
    if why := rights.why_not_manage(event, by):
        raise NotAllowed(why)
    if event.status == Status.AWARDED:
        raise Refused(f"It is awarded already, by event {event.award_event} of the audit log.")
    if event.status != Status.ENDED:
        raise Refused(f"The event is {event.status}; end it first.")
    if _is_held(event):
        raise Refused("Its key was in quarantine: the owners must release that quarantine first.")


def _is_held(event: HostedEvent) -> bool:
    if event.quarantine_id is None:
        return False
    held = Quarantine.objects.filter(pk=event.quarantine_id)
    return held.exclude(status=Quarantine.Status.RELEASED).exists()


def _planned(event: HostedEvent, by: Staff, now: dt.datetime) -> Shares:
    found = shares.plan(event, by, now)
    if not found.attendees:
        why = next(iter(found.skipped.values()), "nobody stayed long enough")
        raise Refused(f"Nobody can be awarded: {why}.")
    return found


def _second_person(found: Shares, by: Staff, taken: Taken, *, tripped: bool) -> Permission | None:
    """Return why the award needs a second person, or None."""
    if by.bypasses_second_person:
        return None
    if tripped:
        return Permission(True, True, "You acted very often lately.", Cause.VELOCITY)
    if by.rank is not None and not by.rank.can_adjust:
        return Permission(True, True, ALONE)
    if found.added > BULK_ALONE:
        return Permission(True, True, BY_HAND)
    return past_limit(by, Volume(found.moved, len(found.all), found.largest), taken)


def _unconfirmed(event: HostedEvent, found: Shares, command: Command) -> str:
    """Return why an award that a game server sent needs its host's confirmation, or ""."""
    if found.added:
        return "Somebody was added by hand."
    if not event.at_once and _unseen(event):
        return "GRPS did not see the event for as long as the game says."
    positions = {rank_id: rank.position for rank_id, rank in active().ranks.items()}
    demands = [
        PersonDemand(share.player.id, share.amount, positions.get(share.player.rank_id, 0))
        for share in found.attendees
    ]
    demands += [PersonDemand(share.player.id, share.amount, 0) for share in found.hosts]
    return experience_bounds.take_many(command.experience, Kind.AWARD, demands, command.now)


def _unseen(event: HostedEvent) -> bool:
    """Return whether the game claims presence that lasted longer than its reports.

    A stolen key could claim an hour at once, and a server without a connection may be honest.
    """
    rows = HostedEventAttendance.objects.filter(event=event, attended=True, struck_by="")
    return any(
        dt.timedelta(seconds=row.seconds) > attendance.seen_for(event, row) + UNSEEN for row in rows
    )


def _request(
    event: HostedEvent, found: Shares, second: Permission, command: Command
) -> ActionResult:
    """Store a request to award the event. Nothing else happens."""
    request = ApprovalRequest(
        AWARD,
        arguments=_arguments(event, found),
        cause=second.cause,
        once=f"hosted event {event.pk}",
    )
    approval = approvals.request_approval(request, command)
    confirm = (
        f" Sign in to the console and confirm request {approval.pk}."
        if second.cause == Cause.EXPERIENCE
        else f" It waits as request {approval.pk}."
    )
    return ActionResult(
        f"Nobody is awarded yet. {second.reason}{confirm}", approval.event, approval=approval
    )


def _arguments(event: HostedEvent, found: Shares) -> dict[str, Any]:
    return {
        "hostedEvent": event.pk,
        "kind": event.kind,
        "players": len(found.attendees),
        "amount": found.moved,
    }


def _charge_and_write(
    event: HostedEvent, found: Shares, command: Command, *, alone: bool = True
) -> ActionResult:
    day = daily_limit.day_of(command.now)
    daily_limit.charge(
        command.by.person, day, found.moved, players=len(found.all), approved=not alone
    )
    written = _write(event, found, command)
    count, sum_ = len(found.attendees), points(sum(one.amount for one in found.attendees))
    skipped = f" {len(found.skipped)} got nothing." if found.skipped else ""
    return ActionResult(f"{count} attendees are awarded {sum_:,} points.{skipped}", written)


def _write(event: HostedEvent, found: Shares, command: Command) -> int:
    """Write a locked event's award: its rows, marks, audit event and the ranks that follow."""
    event_id, now = reserve_id(), command.now
    paid = [share for share in found.all if share.amount]
    writing = Writing(event, event_id, command.by, now, now, found.players)
    digest = ledger_rows.award(writing, paid)
    ledger_rows.mark(event, ATTENDANCES, found.attendees)
    ledger_rows.mark(event, HOSTS, found.hosts)
    ledger_rows.note(event, found.skipped)
    event.status, event.award_event, event.awarded_at = Status.AWARDED, event_id, now
    event.save(update_fields=["status", "award_event", "awarded_at"])
    audit.record_award(Action.HOSTED_EVENT_AWARDED, writing, command, found, digest)
    _evaluate(paid, command)
    return event_id


def _evaluate(paid: list[Share], command: Command) -> None:
    policy = active()
    candidates = may_change_rank(
        [candidate_for_row(share.player) for share in paid], policy, command.now
    )
    if candidates:
        context = DecisionContext(
            policy, command.by.actor, command.now, Decision.Source.STAFF, reason=command.reason
        )
        evaluate_and_apply(candidates, context)


def undo(award_event: int, command: Command) -> ActionResult:
    """Take back an award as a whole, which is judged and limited like the award.

    Past a limit it waits for a second person. The event can be corrected and awarded again. Raises
    Refused, NotAllowed.
    """
    command, by = command.checked(), command.by
    with audit_refusals("host", None, by), transaction.atomic():
        tripped = velocity_limit.is_tripped(by, command.now)
        event = lookup.locked(_event_of(award_event))
        if why := rights.why_not_manage(event, by):
            raise NotAllowed(why)
        if event.award_event != award_event:
            raise Refused("It was taken back already.")
        taken = daily_limit.lock(by.person, daily_limit.day_of(command.now))
        found = _given(event)
        if second := _second_person(found, by, taken, tripped=tripped):
            return _request_undo(event, found, second, command)
        velocity_limit.record_acts(by, command.now)
        return _charge_and_undo(event, found, command)


def _request_undo(
    event: HostedEvent, found: Shares, second: Permission, command: Command
) -> ActionResult:
    """Store a request to take an award back. Nothing else happens."""
    arguments = _arguments(event, found) | {"reverts": event.award_event}
    request = ApprovalRequest(
        UNDO, arguments=arguments, cause=second.cause, once=f"undo of {event.award_event}"
    )
    approval = approvals.request_approval(request, command)
    sentence = f"Nothing is taken back yet. {second.reason} It waits as request {approval.pk}."
    return ActionResult(sentence, approval.event, approval=approval)


def _charge_and_undo(
    event: HostedEvent, found: Shares, command: Command, *, alone: bool = True
) -> ActionResult:
    day = daily_limit.day_of(command.now)
    daily_limit.charge(command.by.person, day, found.moved, approved=not alone)
    written = _write_undo(event, found, command)
    return ActionResult(f"The award of {len(found.attendees)} attendees is taken back.", written)


def _event_of(award_event: int) -> int:
    rows = HostedEvent.objects.filter(award_event=award_event)
    found = rows.values_list("pk", flat=True).first()
    if found is None:
        raise Refused("It was taken back already.")
    return found


def _given(event: HostedEvent) -> Shares:
    """Lock everybody who was awarded, and return what they got."""
    attendees = _amounts(HostedEventAttendance.objects.filter(event=event, awarded__isnull=False))
    hosts = _amounts(HostedEventHost.objects.filter(event=event, awarded__isnull=False))
    players = lock_players([*attendees, *hosts])
    kind = kinds.kinds().get(event.kind)
    types = (kind.award, kind.host_award or kind.award) if kind else (event.kind, event.kind)
    found = Shares(players=players)
    for user_id, amount in attendees.items():
        found.attendees.append(Share(players[user_id], types[0], amount, amount))
    for user_id, amount in hosts.items():
        found.hosts.append(Share(players[user_id], types[1], amount, amount, hosted=True))
    return found


def _amounts(
    rows: QuerySet[HostedEventAttendance] | QuerySet[HostedEventHost],
) -> dict[int, int]:
    return {
        user_id: hundredths(awarded)
        for user_id, awarded in rows.values_list("player__user_id", "awarded")
    }


def _write_undo(event: HostedEvent, found: Shares, command: Command) -> int:
    assert event.awarded_at is not None
    assert event.award_event is not None
    event_id, reverts = reserve_id(), event.award_event
    writing = Writing(event, event_id, command.by, event.awarded_at, command.now, found.players)
    paid = [share for share in found.all if share.amount]
    digest = ledger_rows.undo(writing, paid)
    HostedEventAttendance.objects.filter(event=event).update(awarded=None, note="")
    HostedEventHost.objects.filter(event=event).update(awarded=None)
    event.status, event.award_event, event.awarded_at = Status.ENDED, None, None
    event.save(update_fields=["status", "award_event", "awarded_at"])
    command = replace(command, reverts=reverts)
    audit.record_award(Action.HOSTED_EVENT_UNDONE, writing, command, found, digest)
    _evaluate(paid, command)
    return event_id


@dataclass(frozen=True, slots=True)
class _Request:
    """An approval to award, with its event."""

    approval: Approval
    event: HostedEvent

    @classmethod
    def of(cls, approval: Approval) -> "_Request":
        rows = HostedEvent.objects.select_related("host")
        return cls(approval, rows.get(pk=approval.arguments["hostedEvent"]))


def _judged(by: Staff, approval: Approval) -> str:
    """Return why somebody may not approve an award, or an empty string."""
    if why := rights.why_not_manage(_Request.of(approval).event, by):
        return why
    own = by.is_person(approval.requested_by)
    if by.rank is not None and not by.rank.can_adjust and not own:
        return ALONE
    return past_own_limit(by, int(approval.arguments["amount"]))


def _second(by: Staff, approval: Approval) -> str:
    """Return why the host named by a game server cannot confirm it alone, or an empty string."""
    now = database_clock.now()
    moved, people = int(approval.arguments["amount"]), int(approval.arguments["players"])
    if by.rank is not None and not by.rank.can_adjust:
        return ALONE
    found = past_limit(by, Volume(moved, people), daily_limit.taken(by, now))
    return f"{found.reason} A second person must decide." if found else ""


def _sentence(approval: Approval) -> str:
    return f"Award {_described(approval)}"


def _undo_sentence(approval: Approval) -> str:
    return f"Take back the award of {_described(approval)}"


def _described(approval: Approval) -> str:
    it = approval.arguments
    return (
        f"{kinds.title_of(it['kind'])} {it['hostedEvent']}: {it['players']} attendees,"
        f" {points(int(it['amount'])):,} points"
    )


@approval_types.executes(AWARD, judged=_judged, needs_second_person=_second, sentence=_sentence)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    event = lookup.locked(approval.arguments["hostedEvent"])
    _check(event, requester)
    daily_limit.lock(approval.requested_by, daily_limit.day_of(now))
    found = _planned(event, requester, now)
    if found.moved > int(approval.arguments["amount"]):
        raise Refused("It would award more than what was asked for; reject it and ask again.")
    command = Command(
        by=requester,
        reason=approval.reason,
        now=now,
        experience=approval.experience,
        approved=True,
        approval=approval.pk,
    )
    alone = approver.person == approval.requested_by
    return _charge_and_write(event, found, command, alone=alone).event


@approval_types.executes(UNDO, judged=_judged, sentence=_undo_sentence)
def _undo_approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    event = lookup.locked(approval.arguments["hostedEvent"])
    if why := rights.why_not_manage(event, requester):
        raise NotAllowed(why)
    if event.award_event != approval.arguments["reverts"]:
        raise Refused("It was taken back already; reject the request.")
    daily_limit.lock(approval.requested_by, daily_limit.day_of(now))
    command = Command(
        by=requester, reason=approval.reason, now=now, approved=True, approval=approval.pk
    )
    return _charge_and_undo(event, _given(event), command, alone=False).event
