"""Keys in quarantine, which two owners release or discard."""

import datetime as dt
from typing import Any

from console import navigation
from console.quarantines.views import caused_by
from console.queue.base import Item, WorkKind
from players.models import Quarantine
from players.moderation.actors import Staff


class Quarantined(WorkKind):
    name, title, right = "quarantine", "Quarantine", "console.roles"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [Quarantine.objects.filter(status=Quarantine.Status.OPEN)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Quarantine.objects.filter(status=Quarantine.Status.OPEN, pk__gt=after).order_by(
            "pk"
        )[:limit]
        return [_item(row) for row in rows]


def _item(row: Quarantine) -> Item:
    return Item(
        kind=Quarantined.name,
        key=str(row.pk),
        title=f"What a key of {row.experience} brings is kept and does not count",
        sentence=f"It brought {caused_by(row)}. Two owners release or discard it.",
        since=row.opened_at,
        link=navigation.to("console:quarantine", row.pk),
        tone="critical",
        acts=tuple(
            (verb.capitalize(), navigation.to("console:quarantine-decide", row.pk, verb))
            for verb in ("release", "discard")
        ),
    )
