"""Store erasure orders."""

from django.db import models
from django.db.models import Q

from common.leased_model import Leased
from players.models.player import Player


class ErasureOrder(Leased):
    """Roblox's order to erase a person.

    `user_id` is stored only until our tables and the data stores are done. `mark` is a keyed hash
    of it and stays, so that late events do not recreate the person. `stores` has, by experience
    key, the number of checks, and when and by whom it was done.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        DONE = "done"

    notification_id = models.CharField(max_length=128, unique=True)
    user_id = models.BigIntegerField(null=True)
    mark = models.CharField(max_length=64)
    mark_key = models.TextField(
        db_default="", help_text="ids of the keys of which one made the mark"
    )
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    games = models.JSONField(
        default=list, help_text="the start places that Roblox named; every experience is covered"
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Roblox's limit")
    tables_erased_at = models.DateTimeField(null=True)
    stores_erased_at = models.DateTimeField(null=True)
    stores = models.JSONField(default=dict)
    reason = models.TextField(db_default="", help_text="why it waits, in a sentence")
    words_sealed = models.TextField(
        db_default="", help_text="names to look for in texts, encrypted, until it is done"
    )
    texts = models.JSONField(
        default=dict, help_text="how far the reading of texts has come, and how many were done"
    )

    class Meta:
        db_table = "erasure_orders"
        constraints = [
            models.CheckConstraint(
                condition=Q(status="open", user_id__gt=0)
                | Q(
                    status="done",
                    user_id=None,
                    tables_erased_at__isnull=False,
                    stores_erased_at__isnull=False,
                ),
                name="erasure_orders_forget_when_done",
            )
        ]
        indexes = [
            models.Index(
                fields=["retry_at", "id"], condition=Q(status="open"), name="erasure_orders_to_do"
            ),
            models.Index(
                fields=["user_id"], condition=Q(status="open"), name="erasure_orders_open"
            ),
            models.Index(fields=["mark"], name="erasure_orders_by_mark"),
        ]

    def __str__(self) -> str:
        return f"erasure order {self.pk} ({self.status})"
