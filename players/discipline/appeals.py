"""Appeals against sanctions, decided by somebody who took no part in them.

Granting an appeal ends the sanction and what followed from it. No further approval is needed, since
the issuer, the approver and the person who decides here are already different people.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.db.models import Q

from audits.actions import Action
from audits.record import Actor, record
from common.errors import NotAllowed, Refused
from common.visible_text import clean_text
from players import case_codes
from players.discipline import sanctions
from players.models import Appeal, Approval, Player, Sanction
from players.moderation import assignments
from players.moderation.actors import Staff
from players.moderation.audit_fields import target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import Command
from players.moderation.locks import take_turn
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act

KIND = "appeal"  # kind of the assignments
SHORTEST, LONGEST, LONGEST_ANSWER = 20, 2000, 1000
TOKEN = 32  # bytes
NO_CASE = "case: there is no such case of this player in force. The case code stands in what the game told you."
LIFTING = {
    Sanction.Kind.WARNING: Act.PARDON,
    Sanction.Kind.SUSPENSION: Act.LIFT,
    Sanction.Kind.BAN: Act.UNBAN,
}


def open_(user_id: int, code: str, text: str, *, now: dt.datetime) -> tuple[Appeal, str]:
    """Store an appeal; return it and the secret token for reading its answer.

    The case code proves that the case is the player's. Raises Refused, with the same text whether
    or not there is such a case.
    """
    text = _checked(text, "text", SHORTEST, LONGEST)
    with transaction.atomic():
        player, sanction = _proven(user_id, case_codes.read_code(code), now)
        token = secrets.token_urlsafe(TOKEN)
        event = record(
            Action.APPEAL_OPENED,
            actor=Actor("player", str(player.pk), player.username, player.subject),
            target=target_of(player),
            details={"kind": sanction.kind, "sanction": sanction.pk},
        )
        try:
            with transaction.atomic():
                appeal = Appeal.objects.create(
                    sanction=sanction,
                    player=player,
                    text=text,
                    token_digest=_digest(token),
                    event=event,
                    created_at=now,
                )
        except IntegrityError:
            raise Refused(
                "case: an appeal against it was made already; its answer is at the address given then."
            ) from None
        return appeal, token


def _proven(user_id: int, code: str, now: dt.datetime) -> tuple[Player, Sanction]:
    """Return the locked player and their sanction in force with this code. Raises Refused."""
    found = Sanction.objects.filter(code=code, player__user_id=user_id, player__erased_at=None)
    player_id = found.values_list("player_id", flat=True).first()
    if player_id is None:
        raise Refused(NO_CASE)
    player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
    sanction = found.filter(lifted_at=None).first()
    if sanction is None or (sanction.ends_at is not None and sanction.ends_at <= now):
        raise Refused(NO_CASE)
    return player, sanction


def status(token: str) -> Appeal | None:
    """Return the appeal of a token, or None for an unknown token."""
    return Appeal.objects.select_related("sanction").filter(token_digest=_digest(token)).first()


def approve(appeal_id: int, answer: str, *, by: Staff, now: dt.datetime) -> Appeal:
    """Grant an appeal, which ends the sanction and what followed. Raises Refused, NotAllowed."""
    return _decide(appeal_id, answer, by, now, Appeal.Status.APPROVED)


def reject(appeal_id: int, answer: str, *, by: Staff, now: dt.datetime) -> Appeal:
    """Reject an appeal. Raises Refused, NotAllowed."""
    return _decide(appeal_id, answer, by, now, Appeal.Status.REJECTED)


def why_not(appeal: Appeal, by: Staff, now: dt.datetime) -> str:
    """Return why a person may not decide on an appeal; "" if they may once it is assigned to them."""
    sanction, player = appeal.sanction, appeal.player
    issuers = {sanction.issued_by, sanction.cause.issued_by if sanction.cause else ""}
    if any(by.is_named(issuer) for issuer in issuers):
        return "You issued it yourself: somebody else must decide."
    if sanction.event is not None and _approved_by(sanction.event, by):
        return "You had a part in it as the second person: somebody else must decide."
    found = permission_for(LIFTING[Sanction.Kind(sanction.kind)], player, by, Circumstances(now))
    return "" if found.allowed else found.reason


def _approved_by(event: int, by: Staff) -> bool:
    had_part = Approval.objects.filter(carried_out=event)
    return had_part.filter(Q(decided_by__in=by.persons) | Q(requested_by__in=by.persons)).exists()


def _decide(
    appeal_id: int, answer: str, by: Staff, now: dt.datetime, outcome: Appeal.Status
) -> Appeal:
    answer = _checked(answer, "answer", 1, LONGEST_ANSWER)
    user_id = Appeal.objects.filter(pk=appeal_id).values_list("player__user_id", flat=True).first()
    with audit_refusals("appeal", user_id, by), transaction.atomic():
        take_turn(by.person)  # before locking the player, as in every limited act
        appeal = _locked(appeal_id)
        if appeal.status != Appeal.Status.OPEN:
            raise Refused(f"The appeal is {appeal.status} already.")
        reason = why_not(appeal, by, now)
        if reason:
            raise NotAllowed(reason)
        if not by.bypasses_second_person and not assignments.holds(
            KIND, str(appeal.pk), by=by, now=now
        ):
            raise Refused("Claim the appeal first, so that nobody else works on it meanwhile.")
        if outcome == Appeal.Status.APPROVED and appeal.sanction.lifted_at is None:
            _undo(appeal, answer, by, now)
        appeal.status, appeal.answer, appeal.decided_by, appeal.decided_at = (
            outcome,
            answer,
            by.person,
            now,
        )
        appeal.save(update_fields=["status", "answer", "decided_by", "decided_at"])
        _record_decision(appeal, by, answer)
        assignments.drop(KIND, str(appeal.pk))
        return appeal


def _undo(appeal: Appeal, answer: str, by: Staff, now: dt.datetime) -> None:
    reason = f"The appeal was granted: {answer}"[:500]
    command = Command(by=by, reason=reason, now=now, approved=True)
    user_id = appeal.player.user_id
    acts: dict[str, Callable[[], object]] = {
        Sanction.Kind.WARNING: lambda: sanctions.pardon(appeal.sanction_id, command),
        Sanction.Kind.SUSPENSION: lambda: sanctions.lift(user_id, command),
        Sanction.Kind.BAN: lambda: sanctions.unban(user_id, command),
    }
    acts[appeal.sanction.kind]()


def _record_decision(appeal: Appeal, by: Staff, answer: str) -> None:
    approved = appeal.status == Appeal.Status.APPROVED
    record(
        Action.APPEAL_APPROVED if approved else Action.APPEAL_REJECTED,
        actor=by.actor,
        target=target_of(appeal.player),
        reason=answer,
        details={"kind": appeal.sanction.kind, "sanction": appeal.sanction_id, "appeal": appeal.pk},
    )


def _locked(appeal_id: int) -> Appeal:
    """Lock the player, then the appeal, and return the appeal. Raises Refused."""
    player_id = Appeal.objects.filter(pk=appeal_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise Refused(f"There is no appeal {appeal_id}.")
    Player.objects.select_for_update(no_key=True).get(pk=player_id)
    rows = Appeal.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("player", "player__rank", "sanction", "sanction__cause").get(
        pk=appeal_id
    )


def _checked(text: str, field: str, shortest: int, longest: int) -> str:
    text = clean_text(text) if "\0" not in text else text
    if "\0" in text:
        raise Refused(f"{field}: it holds a NUL character; take it out.")
    if not shortest <= len(text) <= longest:
        raise Refused(
            f"{field}: it has {len(text)} characters; {shortest} to {longest} are asked for."
        )
    return text


def _digest(token: str) -> str:
    # A random 256-bit token needs no slow hash, since nobody can guess it.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
