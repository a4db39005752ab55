"""Acts that wait for a second person: held with their arguments, judged anew by present ranks,
carried out once.

An app that has such acts registers what carries them out: `@carries_out("policy.activate",
entitled=…)`. The function runs in the transaction of the approval and gives the id of the audit
event by which it happened.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.record import NOBODY, Actor, TakenBack, record
from common import advisory_lock
from common.errors import NotAllowed, Refused, Unconfirmed
from players.membership import freshness
from players.models import Approval, Player
from players.moderation import velocity_limit
from players.moderation.actors import Staff, accounts_of, officer, unranked
from players.moderation.audit_fields import target_of
from players.moderation.command import Command
from players.moderation.input import check_reason
from players.moderation.locks import take_turn
from players.moderation.refusals import audit_refusals

MOST_OF_A_GAME = 100  # requests of one experience that wait: more would bury those of people
LIVES = dt.timedelta(days=7)  # what nobody decided by then is asked for no more
SEALED = "sealed"  # the argument that holds secrets, encrypted; gone once the request is decided
# Arguments that the audit log may tell for ever: amounts, moments and ids of ours. Everything else
# may name somebody
# (an id of Roblox, a link, a text, what somebody called something) and stands in the request's own
# row.
IMPERSONAL = frozenset(
    {
        "amount",
        "endpoint",
        "experience",
        "experiences",
        "events",
        "hours",
        "insteadOf",
        "job",
        "kind",
        "number",
        "rank",
    }
    | {"rate", "reverts", "role", "rows", "sanction", "simulation", "source", "until", "version"}
)

# the argument that holds a note's text, which stands nowhere else once the request is decided
TEXT = "text"
ALONE = "A second person must decide."
ONE_PERSON = "you asked for it by another account of yours; a second person must decide."

CarryOut = Callable[[Approval, Staff, Staff, dt.datetime], int | None]
Closed = Callable[[Approval, Actor, str, dt.datetime], None]

# Say why an event cannot be taken back by now (empty: it can): a held undo is judged again when it
# is carried out.
REVERTING: list[Callable[[int], str]] = []


@dataclass(frozen=True, slots=True)
class Kind:
    """What carries an act out, who may decide on it, and how it is told in a sentence.

    `both`: whoever asked is judged the same way when it is approved; else `carry_out` judges them.
    `closed` is told, in the transaction, of a request that comes to nothing. `second`: why the
    officer whom a game server named cannot confirm it alone now (empty: they can).
    """

    carry_out: CarryOut
    entitled: Callable[[Staff, Approval], str]
    sentence: Callable[[Approval], str]
    both: bool
    closed: Closed
    second: Callable[[Staff, Approval], str]


KINDS: dict[str, Kind] = {}


def carries_out(
    act: str,
    *,
    entitled: Callable[[Staff], bool] | None = None,
    judged: Callable[[Staff, Approval], str] | None = None,
    sentence: Callable[[Approval], str] | None = None,
    closed: Closed = lambda approval, actor, reason, now: None,
    second: Callable[[Staff, Approval], str] = lambda by, approval: ALONE,
) -> Callable[[CarryOut], CarryOut]:
    """Register what carries `act` out. `entitled` says who may ask and decide; `closed` and
    `second` as in Kind.

    `judged`, in its place, says why somebody may not decide (empty: they may), where that depends
    on what is asked; whoever asked is then judged by what carries it out.
    """

    def why_not(by: Staff, approval: Approval) -> str:
        if judged is not None:
            return judged(by, approval)
        return (
            ""
            if entitled is not None and entitled(by)
            else "You are not entitled to decide on this."
        )

    def register(function: CarryOut) -> CarryOut:
        told = sentence or (lambda approval: approval.act.replace(".", " "))
        KINDS[act] = Kind(
            function, why_not, told, both=judged is None, closed=closed, second=second
        )
        return function

    return register


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """An act that waits for a second person. Only one open request may have the same `once`."""

    act: str
    player: Player | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    cause: Approval.Cause = Approval.Cause.SECOND
    once: str = ""


def request_approval(request: ApprovalRequest, command: Command) -> Approval:
    """Store a request for an act; nothing else happens until `approve`.

    Raises Refused where the same request is open, and where its experience has too many open ones.
    """
    command = command.checked()
    with transaction.atomic():
        if command.experience:
            _check_room(command.experience)
        event = _record_request(request, command)
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
        expires_at=command.now + LIVES,
        once=hashlib.sha256(request.once.encode()).hexdigest() if request.once else "",
        event=event,
    )


def _record_request(request: ApprovalRequest, command: Command) -> int:
    return record(
        Action.APPROVAL_REQUESTED,
        actor=command.by.actor,
        target=target_of(request.player) if request.player else NOBODY,
        reason=command.reason,
        experience=command.experience,
        details={
            "act": request.act,
            "cause": str(request.cause),
            "arguments": _impersonal(request.arguments),
        }
        | _unlinked(command.by.actor),
    )


def approve(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Carry out what was asked for. Both are judged anew, by their present ranks. Raises Refused,
    NotAllowed.
    """
    reason = check_reason(reason)
    freshness.before_act(_requester_id(approval_id), by.user_id)
    with _telling(approval_id, "approve", by), transaction.atomic():
        # What it moves is counted for whoever asked: their turn comes before anything is locked, as
        # in their own acts.
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
        requester, kind = requester_of(approval), KINDS[approval.act]
        if kind.both and kind.entitled(requester, approval):
            raise Refused("Whoever asked for it is not entitled to it any more; reject it.")
        _check_reverting(approval)
        _close_approved(approval, by, reason, now)
        _tell(Action.APPROVAL_APPROVED, approval, by.actor, reason)
        try:
            approval.carried_out = kind.carry_out(approval, requester, by, now)
        except TakenBack as error:
            raise Refused(f"{error} Reject it.") from None
        _forget(approval)
        if own:
            velocity_limit.note(by, now)
        approval.save(update_fields=["carried_out", "arguments"])
        return approval


def reject(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Turn down what was asked for. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    with _telling(approval_id, "reject", by), transaction.atomic():
        approval = _waiting(approval_id, now)
        why_not = may_decide(approval, by)
        if why_not:
            raise NotAllowed(why_not)
        _close(approval, Approval.Status.REJECTED, by.person, reason, now)
        _end(Action.APPROVAL_REJECTED, approval, by.actor, reason, now)
        return approval


def withdraw(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Take back what one asked for oneself. Raises Refused."""
    reason = check_reason(reason)
    with transaction.atomic():
        approval = _waiting(approval_id, now)
        if not by.is_person(approval.requested_by):
            raise Refused("Somebody else asked for it; reject it instead.")
        take_back(approval, by.actor, by.person, reason, now)
        return approval


def deny(approval_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Say that one never did what a game server brought in one's name; it is turned down, and the
    audit log names the experience, since its key may be in other hands. Raises Refused.
    """
    reason = check_reason(reason)
    with transaction.atomic():
        approval = _waiting(approval_id, now)
        if not by.is_person(approval.requested_by) or not approval.experience:
            raise Refused("No game server brought this in your name.")
        _close(approval, Approval.Status.REJECTED, by.person, reason, now)
        record(
            Action.CLAIM_DENIED,
            actor=by.actor,
            target=target_of(approval.player) if approval.player else NOBODY,
            reason=reason,
            experience=approval.experience,
            details={"act": approval.act, "approval": approval.pk},
        )
        KINDS[approval.act].closed(approval, by.actor, reason, now)
        return approval


def take_back(approval: Approval, actor: Actor, person: str, reason: str, now: dt.datetime) -> None:
    """Close a waiting request because what it was about is over. In the transaction of the caller."""
    _close(approval, Approval.Status.WITHDRAWN, person, reason, now)
    _end(Action.APPROVAL_WITHDRAWN, approval, actor, reason, now)


def may_decide(approval: Approval, by: Staff) -> str:
    """Why a person may not decide on a request; empty when they may."""
    own = by.is_person(approval.requested_by)
    if own and not confirmable(approval):
        return "You asked for it yourself: a second person must decide."
    if approval.player is not None and by.is_player(approval.player):
        return "It is about you: somebody else must decide."
    kind = KINDS.get(approval.act)
    if kind is None:
        return f"Nothing here can carry out {approval.act!r}."
    return kind.entitled(by, approval) or (kind.second(by, approval) if own else "")


def confirmable(approval: Approval) -> bool:
    """Whether it waits only because a game server brought it: then the word of the officer whom it
    named is enough.
    """
    return bool(approval.experience) and approval.cause == Approval.Cause.EXPERIENCE


def sentence(approval: Approval) -> str:
    """What is asked for, in words."""
    kind = KINDS.get(approval.act)
    return kind.sentence(approval) if kind else approval.act


def expire(now: dt.datetime) -> int:
    """Close the requests that nobody decided in time; how many."""
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
            _close(approval, Approval.Status.EXPIRED, "", "", now)
            _end(Action.APPROVAL_EXPIRED, approval, actor, "", now)
            count += 1
    return count


def requester_of(approval: Approval) -> Staff:
    """Whoever asked, by their present rank. Raises Refused when they may not act any more."""
    try:
        return who_asked(approval.requester, approval.event)
    except Unconfirmed:
        raise
    except Refused:
        raise Refused("Whoever asked for it may not act any more; reject it.") from None


def who_asked(requester: Player | None, event_id: int) -> Staff:
    """Whoever asked for something by an audit event, by their present rank. Raises Refused for who
    may not act.
    """
    if requester is not None:
        return officer(requester.user_id)
    event = AuditEvent.objects.get(pk=event_id)
    name = AuditPersonal.objects.filter(event_id=event_id, field="actorName").first()
    actor = Actor(
        event.actor_kind, event.actor_id, name.value if name else "", name.subject if name else ""
    )
    return unranked(actor)


def _requester_id(approval_id: int) -> int | None:
    return (
        Approval.objects.filter(pk=approval_id).values_list("requester__user_id", flat=True).first()
    )


def _telling(approval_id: int, word: str, by: Staff) -> AbstractContextManager[None]:
    user_id = (
        Approval.objects.filter(pk=approval_id).values_list("player__user_id", flat=True).first()
    )
    return audit_refusals(word, user_id, by)


def _waiting(approval_id: int, now: dt.datetime) -> Approval:
    """The request, locked after its player: the order in which every act takes them."""
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


def _close(
    approval: Approval, status: Approval.Status, person: str, reason: str, now: dt.datetime
) -> None:
    approval.status, approval.decided_by, approval.decide_reason = status, person, reason
    approval.decided_at, approval.once = now, ""
    if status != Approval.Status.APPROVED:  # it has yet to be carried out
        _forget(approval)
    approval.save(
        update_fields=["status", "decided_by", "decide_reason", "decided_at", "arguments", "once"]
    )


def _close_approved(approval: Approval, by: Staff, reason: str, now: dt.datetime) -> None:
    """Raises NotAllowed where the database knows both for one person: their accounts were linked
    this moment.
    """
    try:
        with transaction.atomic():
            _close(approval, Approval.Status.APPROVED, by.person, reason, now)
    except IntegrityError:
        raise NotAllowed(f"You may not: {ONE_PERSON}") from None


def _check_reverting(approval: Approval) -> None:
    """Raises Refused where what is to be taken back was so by now, or changed since."""
    event = approval.arguments.get("reverts")
    for why_not in REVERTING if event else ():
        if reason := why_not(event):
            raise Refused(f"{reason} Reject it.")


def _asked_already(act: str, player: Player | None) -> str:
    if player is not None:
        return f"A request to {act} them waits for approval already."
    return "The same is asked for already; decide on that first."


def _end(action: Action, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
    """Tell of a request that comes to nothing, and let what it was about know."""
    _tell(action, approval, actor, reason)
    if approval.act in KINDS:
        KINDS[approval.act].closed(approval, actor, reason, now)


def _forget(approval: Approval) -> None:
    """Drop what a request holds only until it is decided."""
    for name in (SEALED, TEXT):
        approval.arguments.pop(name, None)


def _is_own(approval_id: int, by: Staff) -> bool:
    asked = Approval.objects.filter(pk=approval_id).values_list("requested_by", flat=True).first()
    return asked is not None and by.is_person(asked)


def _check_room(experience: str) -> None:
    """Raises Refused where so many requests of an experience wait that staff could not look at one
    more.
    """
    advisory_lock.lock(f"requests of {experience}")
    found = Approval.objects.filter(experience=experience, status=Approval.Status.WAITING)
    if found[:MOST_OF_A_GAME].count() >= MOST_OF_A_GAME:
        raise Refused(
            f"{MOST_OF_A_GAME} requests of this experience wait already; decide on those first."
        )


def _tell(action: Action, approval: Approval, actor: Actor, reason: str) -> None:
    record(
        action,
        actor=actor,
        target=target_of(approval.player) if approval.player else NOBODY,
        reason=reason,
        experience=approval.experience,
        details={"act": approval.act, "approval": approval.pk} | _unlinked(actor),
    )


def _unlinked(actor: Actor) -> dict[str, bool]:
    """What an event says of a local owner of whom nobody knows which player they are."""
    return (
        {"unlinked": True} if Staff(actor, rank=None, also=accounts_of(actor)).is_unlinked else {}
    )


def _impersonal(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as they may stand in the audit log for ever."""
    return {name: value for name, value in arguments.items() if name in IMPERSONAL}


def _player_id(by: Staff) -> int | None:
    return (
        Player.objects.filter(user_id=by.user_id).values_list("pk", flat=True).first()
        if by.user_id
        else None
    )
