"""Notes on players, visible to staff only.

The audit log records that a note was written and by whom, but never its text.
"""

import datetime as dt
from dataclasses import replace

from django.db import transaction

from audits.actions import Action
from audits.record import record
from common.errors import NotAllowed, Refused
from common.visible_text import clean_text, isolated
from players.models import Approval, Note, Player
from players.moderation import approval_types, approvals, experience_bounds
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act

LONGEST = 2000


def write(user_id: int, text: str, command: Command) -> ActionResult:
    """Write a note on a player. The command's reason is not stored. Raises Refused, NotAllowed."""
    text = check_text(text)
    with audit_refusals(Act.NOTE, user_id, command.by), transaction.atomic():
        player = lock_player(user_id)
        _check(player, command)
        if past := experience_bounds.take(
            command.experience, player, Demand(str(Act.NOTE)), command.now
        ):
            command = replace(command, reason="a note")
            return experience_bounds.request_confirmation(
                ApprovalRequest(str(Act.NOTE), player, {approvals.TEXT: text}), past, command
            )
        return _write(player, text, command)


def _write(player: Player, text: str, command: Command) -> ActionResult:
    event = record(
        Action.PLAYER_NOTED,
        actor=command.by.actor,
        target=target_of(player),
        reverts=command.reverts,
        experience=command.experience,
    )
    author = command.by.person
    Note.objects.create(
        player=player, text=text, author=author, event=event, created_at=command.now
    )
    return ActionResult(f"The note on {isolated(player.username)} is kept.", event, player=player)


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    found = permission_for(Act.NOTE, approval.player, by, Circumstances(approval.created_at))
    return "" if found.allowed else found.reason


def _told(approval: Approval) -> str:
    who = approval.player.username if approval.player else "somebody"
    text = approval.arguments.get(approvals.TEXT)
    return f"Write a note on {who}" + (f": “{text}”" if text else "")


@approval_types.executes(
    str(Act.NOTE), judged=_judged, needs_second_person=lambda by, approval: "", sentence=_told
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    assert approval.player is not None
    if why_not := _judged(requester, approval):
        raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
    text = str(approval.arguments[approvals.TEXT])
    command = Command(by=requester, now=now, experience=approval.experience)
    return _write(approval.player, text, command).event


def withdraw(note_id: int, command: Command) -> ActionResult:
    """Withdraw a note. Raises Refused, NotAllowed.

    Anybody who may write notes on its player may withdraw it.
    """
    user_id = Note.objects.filter(pk=note_id).values_list("player__user_id", flat=True).first()
    if user_id is None:
        raise Refused(f"There is no note {note_id}.")
    with audit_refusals(Act.NOTE, user_id, command.by), transaction.atomic():
        player = lock_player(user_id)
        _check(player, command)
        note = Note.objects.select_for_update().get(pk=note_id)
        if note.withdrawn_at is not None:
            raise Refused("The note was withdrawn already.")
        Note.objects.filter(pk=note_id).update(withdrawn_at=command.now)
        event = record(
            Action.NOTE_WITHDRAWN,
            actor=command.by.actor,
            target=target_of(player),
            reverts=command.reverts or note.event,
        )
        return ActionResult(
            f"The note on {isolated(player.username)} is withdrawn.", event, player=player
        )


def _check(player: Player, command: Command) -> None:
    found = permission_for(Act.NOTE, player, command.by, Circumstances(command.now))
    if not found.allowed:
        raise NotAllowed(found.reason)


def check_text(text: str) -> str:
    """Strip the text and return it. Raises Refused if it is empty, too long or has a NUL."""
    text = clean_text(text) if "\0" not in text else text
    if not text:
        raise Refused("text: a note says something.")
    if len(text) > LONGEST or "\0" in text:
        raise Refused(f"text: at most {LONGEST} characters, and no NUL among them.")
    return text
