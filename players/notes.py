"""Notes on players, for staff's eyes only. The audit log keeps that one was written, and by whom; never its text."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import record
from players.acts import Done, locked, target_of, telling_refusals, verdict
from players.models import Note, Player
from players.policy.permissions import Act
from players.staff import NotAllowed, Refused, Staff

LONGEST = 2000


def write(
    user_id: int, text: str, *, by: Staff, now: dt.datetime, reverts: int | None = None, experience: str = ""
) -> Done:
    """Write a note on a player. Raises Refused, NotAllowed."""
    text = check_text(text)
    with telling_refusals(Act.NOTE, user_id, by), transaction.atomic():
        player = locked(user_id)
        _check(player, by, now)
        event = record(
            Action.PLAYER_NOTED, actor=by.actor, target=target_of(player), reverts=reverts, experience=experience
        )
        Note.objects.create(player=player, text=text, author=by.person, event=event, created_at=now)
        return Done(f"The note on {player.username} is kept.", event, player=player)


def withdraw(note_id: int, *, by: Staff, now: dt.datetime, reverts: int | None = None) -> Done:
    """Take a note off the player's file; who wrote it, or anybody above them who may write notes. Raises Refused."""
    user_id = Note.objects.filter(pk=note_id).values_list("player__user_id", flat=True).first()
    if user_id is None:
        raise Refused(f"There is no note {note_id}.")
    with telling_refusals(Act.NOTE, user_id, by), transaction.atomic():
        player = locked(user_id)
        _check(player, by, now)
        note = Note.objects.select_for_update().get(pk=note_id)
        if note.withdrawn_at is not None:
            raise Refused("The note was withdrawn already.")
        Note.objects.filter(pk=note_id).update(withdrawn_at=now)
        undone = reverts or note.event
        event = record(Action.NOTE_WITHDRAWN, actor=by.actor, target=target_of(player), reverts=undone)
        return Done(f"The note on {player.username} is withdrawn.", event, player=player)


def _check(player: Player, by: Staff, now: dt.datetime) -> None:
    found = verdict(Act.NOTE, player, by, now=now)
    if not found.allowed:
        raise NotAllowed(found.reason)


def check_text(text: str) -> str:
    """The text without the blanks around it. Raises Refused saying what is wrong with it."""
    text = text.strip()
    if not text:
        raise Refused("text: a note says something.")
    if len(text) > LONGEST or "\0" in text:
        raise Refused(f"text: at most {LONGEST} characters, and no NUL among them.")
    return text
