"""How commands that are held in quarantine forget a person."""

from django.db.models import Q

from players.models import GameCommand
from players.privacy.person import Person


def forget_held_commands(person: Person) -> None:
    """Drop what is held of them: nothing is done to or by somebody who was erased."""
    theirs = Q(asked__user_id=person.user_id) | Q(asked__actor_user_id=person.user_id)
    GameCommand.objects.filter(theirs).delete()
