"""Leaves of absence that members ask for, and the ones that they want to extend."""

import datetime as dt
from typing import Any

from common.visible_text import isolated
from console import navigation
from console.queue.base import Item, WorkKind
from players.leave.queries import WAITING
from players.models import Leave
from players.moderation.actors import Staff


class Leaves(WorkKind):
    name, title, right = "leaves", "Leave", "players.leave"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_rows()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = _rows().filter(pk__gt=after).order_by("pk")
        return [_item(row) for row in rows.select_related("player")[:limit]]


def _rows() -> Any:
    return Leave.objects.filter(WAITING, player__erased_at=None)


def _item(row: Leave) -> Item:
    user_id = row.player.user_id
    wish = f"{row.first_day} to {row.extension_to or row.last_day}"
    more = ", more days" if row.extension_to else ""
    return Item(
        kind=Leaves.name,
        key=str(row.pk),
        title=f"{isolated(row.player.username)}: {wish}{more}",
        sentence=row.extension_reason or row.reason,
        since=row.created_at,
        link=navigation.player(user_id),
        acts=(
            ("Grant", navigation.to("console:act-on", "approve-leave", user_id, row.pk)),
            ("Reject", navigation.to("console:act-on", "turn-down-leave", user_id, row.pk)),
        ),
    )
