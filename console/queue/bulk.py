"""Adjustments that wait for a second person."""

import datetime as dt
from typing import Any

from console import navigation
from console.queue.base import Item, WorkKind
from console.templatetags.design import counted
from players.models import Adjustment
from players.moderation.actors import Staff, is_local


class Adjustments(WorkKind):
    name, title, right = "adjustments", "Adjustments", "players.view_adjustment"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [Adjustment.objects.filter(status=Adjustment.Status.WAITING)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Adjustment.objects.filter(status=Adjustment.Status.WAITING, pk__gt=after).order_by(
            "pk"
        )
        return [_item(row, by) for row in rows[:limit]]


def _item(row: Adjustment, by: Staff) -> Item:
    own = by.is_person(row.requested_by)
    address = navigation.to("console:adjustment", row.pk)
    return Item(
        kind=Adjustments.name,
        key=str(row.pk),
        title=f"Adjust {counted(row.changing, 'player')}, {row.total:+,} points in all",
        sentence=f"{_whose(row, own)}{row.reason}",
        since=row.created_at,
        link=address,
        tone="quiet" if own else "warning",
        acts=() if own else tuple(_verb(row, verb) for verb in ("approve", "reject")),
    )


def _whose(row: Adjustment, own: bool) -> str:
    if own:
        return "You asked for it; somebody else decides. "
    return "Asked for by an unlinked local owner. " if is_local(row.requested_by) else ""


def _verb(row: Adjustment, verb: str) -> tuple[str, str]:
    return verb.capitalize(), navigation.to("console:adjustment-settle", row.pk, verb)
