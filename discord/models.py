"""Tables of Discord: who is linked, the roles they should have, and the guild as last read."""

import datetime as dt
import secrets

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from common.leased_model import Leased
from syncs.models import MirrorState


class DiscordLink(models.Model):
    """The Discord account of a Roblox user. The person signed in to both."""

    user_id = models.BigIntegerField(unique=True, help_text="the Roblox user")
    discord_id = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=100, db_default="", help_text="on Discord, when linked")
    linked_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "discord_links"

    def __str__(self) -> str:
        return self.name or str(self.discord_id)


class RoleMirror(MirrorState):
    """The state by which a Discord account has roles: `desired` (set by triggers) and `confirmed`.

    `desired` is null once the account is linked to nobody. Then its managed roles are removed, and
    the row is deleted.
    """

    discord_id = models.BigIntegerField(unique=True)
    user_id = models.BigIntegerField(null=True, help_text="the Roblox user; empty: not linked")
    seen_at = models.DateTimeField(null=True, help_text="when they were last seen in the guild")
    drift = models.JSONField(null=True, help_text="managed roles that differed, as last found")
    drift_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "discord_role_mirrors"
        indexes = [
            models.Index(
                fields=["retry_at", "id"],
                condition=Q(status="pending"),
                name="discord_role_mirrors_to_do",
            ),
            models.Index(
                fields=["id"], condition=Q(status="parked"), name="discord_role_mirrors_parked"
            ),
            models.Index(fields=["user_id"], name="discord_role_mirrors_by_user"),
        ]

    def __str__(self) -> str:
        return f"the roles of Discord account {self.discord_id} ({self.status})"


class Guild(Leased):
    """The guild as last read, and how far the present reading of its members has come."""

    guild_id = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=100, db_default="")
    roles = models.JSONField(
        default=list, help_text="id, name, position, and whether it is managed"
    )
    bot = models.JSONField(default=dict, help_text="the bot's highest position and permissions")
    checked_at = models.DateTimeField(null=True, help_text="when roles and bot were read")
    after = models.BigIntegerField(db_default=0, help_text="the last member of the last page")
    began_at = models.DateTimeField(null=True, help_text="when the present reading began")
    read_at = models.DateTimeField(null=True, help_text="when all members were last read")
    counters = models.JSONField(default=dict, help_text="of the present reading")
    figures = models.JSONField(default=dict, help_text="of the last whole reading")
    problem = models.TextField(db_default="", help_text="why it cannot be used, in a sentence")
    unread = models.TextField(db_default="", help_text="why members are not read, in a sentence")

    class Meta:
        db_table = "discord_guilds"

    def __str__(self) -> str:
        return self.name or f"guild {self.guild_id}"


TOKEN_LASTS = dt.timedelta(minutes=15)  # Discord takes the answer of an interaction until then


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


class PendingInteraction(Leased):
    """An interaction that a worker answers, by Discord's id, so that it is handled once.

    `asked` and `token` are there until it is answered. `answer` is stored in the transaction of the
    act. The row stays for a day.
    """

    id = models.BigIntegerField(primary_key=True, help_text="Discord's id of the interaction")
    discord_id = models.BigIntegerField(help_text="the person's Discord account")
    asked = models.JSONField(null=True)
    token = models.TextField(db_default="")
    answer = models.TextField(null=True)  # noqa: DJ001 - an answer may be empty, and none is no answer
    received_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "discord_interactions"
        indexes = [
            models.Index(
                fields=["retry_at", "id"],
                condition=Q(finished_at=None),
                name="discord_interactions_to_do",
            ),
            models.Index(fields=["received_at"], name="discord_interactions_by_time"),
        ]

    def __str__(self) -> str:
        return f"interaction {self.id}"

    @property
    def expires_at(self) -> dt.datetime:
        return self.received_at + TOKEN_LASTS


class QueueMessage(Leased):
    """A message of the bot about one item of the queue.

    `nonce`: in the ids of its buttons. `wanted` and `shown`: what Discord should show, and shows.
    """

    class State(models.TextChoices):
        NOTHING = "nothing"
        OPEN = "open"
        CLOSED = "closed"

    kind = models.CharField(max_length=20)
    key = models.BigIntegerField()
    player_id = models.BigIntegerField(null=True, help_text="whom it names, by our id")
    nonce = models.CharField(max_length=32, unique=True, default=new_nonce)
    channel_id = models.BigIntegerField()
    message_id = models.BigIntegerField(null=True)
    wanted = models.CharField(max_length=8, choices=State, default=State.OPEN)
    shown = models.CharField(max_length=8, choices=State, default=State.NOTHING)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    problem = models.TextField(db_default="", help_text="why it was not sent, in a sentence")

    class Meta:
        db_table = "discord_queue_messages"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="discord_queue_messages_once")
        ]
        indexes = [
            models.Index(
                fields=["retry_at", "id"],
                condition=~Q(wanted=F("shown")),
                name="discord_queue_messages_to_do",
            ),
            models.Index(
                fields=["kind", "key"],
                condition=Q(wanted="open"),
                name="discord_queue_messages_open",
            ),
            models.Index(fields=["player_id"], name="discord_queue_messages_of"),
        ]

    def __str__(self) -> str:
        return f"message about {self.kind} {self.key}"
