"""Ended events whose attendees wait for their award."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from common.visible_text import isolated
from console import navigation
from console.queue.base import Item, WorkKind
from players.hosted_events import kinds
from players.hosted_events.to_award import to_award
from players.models import HostedEvent
from players.moderation.actors import Staff


class Awards(WorkKind):
    """Each person sees the events that they may award: as a host, or as an officer above the host."""

    name, title, right = "awards", "To award", "players.view_player"

    def waiting(self, by: Staff, now: dt.datetime) -> Sequence[QuerySet[Any]]:
        return [to_award(by)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        return [_item(row) for row in to_award(by).filter(pk__gt=after).order_by("pk")[:limit]]


def _item(row: HostedEvent) -> Item:
    title = row.title or kinds.title_of(row.kind)
    assert row.ended_at is not None
    return Item(
        kind=Awards.name,
        key=str(row.pk),
        title=f"{title} of {isolated(row.host.username)} is not awarded yet",
        sentence=f"It ended in {row.experience}. Look at who attended, then award everybody.",
        since=row.ended_at,
        link=navigation.to("console:hosted-event", row.pk),
        acts=(("Award", navigation.to("console:hosted-event-award", row.pk)),),
    )
