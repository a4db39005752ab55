"""Locks of acts on players, taken in this order: the person's turn, then the player."""

from django.db import connection

from audits.models import Reversal
from common.errors import Refused
from players.models import Player


def take_turn(person: str) -> None:
    """Let one transaction at a time act for a person.

    This keeps the count of their recent acts correct. Call it before taking any other lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"acts of {person}"]
        )


def lock_player(user_id: int) -> Player:
    """Return the player, locked for a change. Raises Refused for an unknown id."""
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return player


def check_not_taken_back(event: int | None) -> None:
    """Raises Refused for an event that was undone. The event's player must be locked."""
    if event is None:
        return
    by_event = Reversal.objects.filter(event_id=event).values_list("by_event", flat=True).first()
    if by_event is not None:
        raise Refused(f"It was taken back already, by event {by_event}.")
