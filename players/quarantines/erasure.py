"""Erase a person from commands held in quarantine."""

from django.db.models import Q

from players.models import GameCommand
from players.privacy.person import Person


def forget_held_commands(person: Person) -> None:
    """Delete held commands by or about the person, so that none is carried out after the erasure."""
    theirs = Q(asked__user_id=person.user_id) | Q(asked__actor_user_id=person.user_id)
    GameCommand.objects.filter(theirs).delete()
