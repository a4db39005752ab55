"""Requests for a second person's approval.

They are stored with their arguments, judged again by present ranks, and executed once.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import NOBODY, Actor, TakenBack, record
from common import advisory_lock
from common.errors import NotAllowed, Refused
from players.membership import freshness
from players.models import Approval, Player
from players.moderation import velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_events import record_decision, record_request
from players.moderation.approval_types import TYPES, ApprovalRequest
from players.moderation.audit_fields import target_of
from players.moderation.command import Command
from players.moderation.input import check_reason
from players.moderation.locks import take_turn
from players.moderation.refusals import audit_refusals
from players.moderation.requesters import requester_of, requester_user_id

MOST_OPEN_PER_EXPERIENCE = 100  # more would hide the requests of people
EXPIRES_AFTER = dt.timedelta(days=7)
SEALED = "sealed"  # the argument with encrypted secrets, deleted on the decision
# The argument with a note's text, which is deleted when the request is decided.
TEXT = "text"
ONE_PERSON = "you asked for it by another account of yours; a second person must decide."

# Functions that return why an event cannot be undone now, or "". A waiting undo is judged again on
# approval.
REVERTING: list[Callable[[int], str]] = []


@dataclass(frozen=True, slots=True)
class Closure:
    """Who closes a request, why and when. `person` is "" if nobody does."""

    actor: Actor
    person: str
    reason: str
    now: dt.datetime

    @classmethod
    def of(cls, by: Staff, reason: str, now: dt.datetime) -> "Closure":
        return cls(by.actor, by.person, reason, now)


def request_approval(request: ApprovalRequest, command: Command) -> Approval:
    """Store a request for an act. Nothing else happens until `approve`.

    Raises Refused if the same request is open, and if its experience has too many open ones.
    """
    command = command.checked()
    with transaction.atomic():
        if command.experience:
            _check_open_requests(command.experience)
        event = record_request(request, command)
        try:
            with transaction.atomic():
                return _create(request, command, event)
        except IntegrityError:
            raise Refused(_asked_already(request.act, request.player)) from None


def _create(request: ApprovalRequest, command: Command, event: int) -> Approval:
    return Approval.objects.create(
        act=request.act,
        player=request.player,
        arguments=request.arguments,
        cause=request.cause,
        experience=command.experience,
        reason=command.reason,
        requested_by=command.by.person,
        requester_id=_player_id(command.by),
        created_at=command.now,
        expires_at=command.now + EXPIRES_AFTER,
        once=hashlib.sha256(request.once.encode()).hexdigest() if request.once else "",
        event=event,
    )


def approve(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Execute a request. Both people are judged by their present ranks. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    freshness.before_act(requester_user_id(approval_id), by.user_id)
    with _auditing(approval_id, "approve", by), transaction.atomic():
        # The act counts for the requester, so their turn is taken before any other lock.
        take_turn(
            Approval.objects.filter(pk=approval_id).values_list("requested_by", flat=True).first()
            or ""
        )
        own = _is_own(approval_id, by)
        if own and velocity_limit.is_tripped(by, now):
            raise Refused("You acted very often lately: a second person must decide.")
        approval = _waiting(approval_id, now)
        why_not = may_decide(approval, by)
        if why_not:
            raise NotAllowed(why_not)
        requester, kind = requester_of(approval), TYPES[approval.act]
        if kind.judges_requester and kind.why_not(requester, approval):
            raise Refused("Whoever asked for it is not entitled to it any more; reject it.")
        _check_reverting(approval)
        closure = Closure.of(by, reason, now)
        _close_approved(approval, closure)
        record_decision(Action.APPROVAL_APPROVED, approval, by.actor, reason)
        try:
            approval.carried_out = kind.execute(approval, requester, by, now)
        except TakenBack as error:
            raise Refused(f"{error} Reject it.") from None
        _forget(approval)
        if own:
            velocity_limit.record_acts(by, now)
        approval.save(update_fields=["carried_out", "arguments"])
        return approval


def reject(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Reject a request. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    with _auditing(approval_id, "reject", by), transaction.atomic():
        approval = _waiting(approval_id, now)
        why_not = may_decide(approval, by)
        if why_not:
            raise NotAllowed(why_not)
        closure = Closure.of(by, reason, now)
        _close(approval, Approval.Status.REJECTED, closure)
        _record_unexecuted(Action.APPROVAL_REJECTED, approval, closure)
        return approval


def withdraw(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Withdraw one's own request. Raises Refused."""
    reason = check_reason(reason)
    with transaction.atomic():
        approval = _waiting(approval_id, now)
        if not by.is_person(approval.requested_by):
            raise Refused("Somebody else asked for it; reject it instead.")
        withdraw_for(approval, Closure.of(by, reason, now))
        return approval


def deny(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Reject a request that a game server sent without the named officer's doing. Raises Refused.

    The audit log names the experience, since its API key may be stolen.
    """
    reason = check_reason(reason)
    with transaction.atomic():
        approval = _waiting(approval_id, now)
        if not by.is_person(approval.requested_by) or not approval.experience:
            raise Refused("No game server brought this in your name.")
        _close(approval, Approval.Status.REJECTED, Closure.of(by, reason, now))
        record(
            Action.CLAIM_DENIED,
            actor=by.actor,
            target=target_of(approval.player) if approval.player else NOBODY,
            reason=reason,
            experience=approval.experience,
            details={"act": approval.act, "approval": approval.pk},
        )
        TYPES[approval.act].close(approval, by.actor, reason, now)
        return approval


def withdraw_for(approval: Approval, closure: Closure) -> None:
    """Withdraw an open request whose subject is gone, in the caller's transaction."""
    _close(approval, Approval.Status.WITHDRAWN, closure)
    _record_unexecuted(Action.APPROVAL_WITHDRAWN, approval, closure)


def may_decide(approval: Approval, by: Staff) -> str:
    """Return why a person may not decide on a request, or "" if they may."""
    own = by.is_person(approval.requested_by)
    if own and not confirmable(approval):
        return "You asked for it yourself: a second person must decide."
    if approval.player is not None and by.is_player(approval.player):
        return "It is about you: somebody else must decide."
    kind = TYPES.get(approval.act)
    if kind is None:
        return f"Nothing here can carry out {approval.act!r}."
    return kind.why_not(by, approval) or (kind.needs_second_person(by, approval) if own else "")


def confirmable(approval: Approval) -> bool:
    """Return whether the officer named by a game server can confirm it without a second person."""
    return bool(approval.experience) and approval.cause == Approval.Cause.EXPERIENCE


def sentence(approval: Approval) -> str:
    """Describe in a sentence what is requested."""
    kind = TYPES.get(approval.act)
    return kind.sentence(approval) if kind else approval.act


def expire(now: dt.datetime) -> int:
    """Close requests that nobody decided in time; return their number."""
    actor = Actor("system", "schedule", "schedule")
    due = Approval.objects.filter(status=Approval.Status.WAITING, expires_at__lte=now).order_by(
        "pk"
    )
    count = 0
    for pk, player_id in due.values_list("pk", "player_id")[:1000]:
        with transaction.atomic():
            if player_id is not None:
                Player.objects.select_for_update(no_key=True).get(pk=player_id)
            approval = Approval.objects.select_for_update(no_key=True).get(pk=pk)
            if approval.status != Approval.Status.WAITING:
                continue
            closure = Closure(actor, "", "", now)
            _close(approval, Approval.Status.EXPIRED, closure)
            _record_unexecuted(Action.APPROVAL_EXPIRED, approval, closure)
            count += 1
    return count


def _auditing(approval_id: int, word: str, by: Staff) -> AbstractContextManager[None]:
    user_id = (
        Approval.objects.filter(pk=approval_id).values_list("player__user_id", flat=True).first()
    )
    return audit_refusals(word, user_id, by)


def _waiting(approval_id: int, now: dt.datetime) -> Approval:
    """Lock the player, then the open request, and return the request. Raises Refused."""
    player_id = Approval.objects.filter(pk=approval_id).values_list("player_id", flat=True).first()
    if player_id is not None:
        Player.objects.select_for_update(no_key=True).get(pk=player_id)
    approval = (
        Approval.objects.select_for_update(no_key=True, of=("self",))
        .select_related("player", "requester")
        .filter(pk=approval_id)
        .first()
    )
    if approval is None:
        raise Refused(f"There is no request {approval_id}.")
    if approval.status != Approval.Status.WAITING:
        raise Refused(f"The request is {approval.status} already.")
    if approval.expires_at <= now:
        raise Refused("The request has expired; ask again.")
    return approval


def _close(approval: Approval, status: Approval.Status, closure: Closure) -> None:
    approval.status, approval.decided_by = status, closure.person
    approval.decide_reason, approval.decided_at, approval.once = closure.reason, closure.now, ""
    if status != Approval.Status.APPROVED:  # an approved one is executed first
        _forget(approval)
    approval.save(
        update_fields=["status", "decided_by", "decide_reason", "decided_at", "arguments", "once"]
    )


def _close_approved(approval: Approval, closure: Closure) -> None:
    """Close a request as approved.

    Raises NotAllowed if the database finds that both people are one person. That happens if their
    accounts were linked just now.
    """
    try:
        with transaction.atomic():
            _close(approval, Approval.Status.APPROVED, closure)
    except IntegrityError:
        raise NotAllowed(f"You may not: {ONE_PERSON}") from None


def _check_reverting(approval: Approval) -> None:
    """Raises Refused if the event was undone already, or its subject has changed."""
    event = approval.arguments.get("reverts")
    for why_not in REVERTING if event else ():
        if reason := why_not(event):
            raise Refused(f"{reason} Reject it.")


def _asked_already(act: str, player: Player | None) -> str:
    if player is not None:
        return f"A request to {act} them waits for approval already."
    return "The same is asked for already; decide on that first."


def _record_unexecuted(action: Action, approval: Approval, closure: Closure) -> None:
    """Record a request that is not executed, and let its type clean up."""
    record_decision(action, approval, closure.actor, closure.reason)
    if approval.act in TYPES:
        TYPES[approval.act].close(approval, closure.actor, closure.reason, closure.now)


def _forget(approval: Approval) -> None:
    """Delete the arguments that are stored only until the decision."""
    for name in (SEALED, TEXT):
        approval.arguments.pop(name, None)


def _is_own(approval_id: int, by: Staff) -> bool:
    asked = Approval.objects.filter(pk=approval_id).values_list("requested_by", flat=True).first()
    return asked is not None and by.is_person(asked)


def _check_open_requests(experience: str) -> None:
    """Raises Refused if an experience has too many open requests."""
    advisory_lock.lock(f"requests of {experience}")
    found = Approval.objects.filter(experience=experience, status=Approval.Status.WAITING)
    if found[:MOST_OPEN_PER_EXPERIENCE].count() >= MOST_OPEN_PER_EXPERIENCE:
        raise Refused(
            f"{MOST_OPEN_PER_EXPERIENCE} requests of this experience wait already; decide on those first."
        )


def _player_id(by: Staff) -> int | None:
    return (
        Player.objects.filter(user_id=by.user_id).values_list("pk", flat=True).first()
        if by.user_id
        else None
    )
