"""Erase a person from stored interactions and from the queue's messages."""

from django.db.models.functions import Now

from discord.models import PendingInteraction, QueueMessage
from players.privacy.person import Person

NOTHING = QueueMessage.State.NOTHING


def forget(person: Person) -> None:
    """Delete what the person asked, and have the messages that name them deleted on Discord."""
    accounts = [int(one) for one in person.others if one.isdecimal()]
    PendingInteraction.objects.filter(discord_id__in=accounts).delete()
    if person.player_id is not None:
        rows = QueueMessage.objects.filter(player_id=person.player_id)
        rows.filter(shown=NOTHING).delete()
        rows.update(wanted=NOTHING, retry_at=Now())
