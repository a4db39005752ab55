"""Open appeals. One person takes an appeal before deciding on it."""

import datetime as dt
from typing import Any

from common.visible_text import isolated
from console import navigation
from console.queue.base import Item, WorkKind
from players.models import Appeal
from players.moderation.actors import Staff


class Appeals(WorkKind):
    name, title, right, claimed = "appeals", "Appeals", "players.view_appeal", True

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [Appeal.objects.filter(status=Appeal.Status.OPEN)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Appeal.objects.filter(status=Appeal.Status.OPEN, pk__gt=after).order_by("pk")
        return [_item(row) for row in rows.select_related("player", "sanction")[:limit]]


def _item(row: Appeal) -> Item:
    return Item(
        kind="appeal",
        key=str(row.pk),
        title=f"{isolated(row.player.username)} against a {row.sanction.kind}",
        sentence=row.text[:160],
        since=row.created_at,
        link=navigation.appeal(row.pk),
        tone="warning",
    )
