"""Proposed changes of rank."""

import datetime as dt
from typing import Any

from common.visible_text import isolated
from console import navigation
from console.accounts.permissions import LOCAL
from console.queue.base import Item, WorkKind, approve_or_reject
from players.models import Decision
from players.moderation.actors import Staff


class Decisions(WorkKind):
    name, title, right = "decisions", "Ranks", "players.view_decision"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [Decision.objects.filter(status=Decision.Status.PROPOSED)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Decision.objects.filter(status=Decision.Status.PROPOSED, pk__gt=after).order_by("pk")
        return [_item(row) for row in rows.select_related("player", "from_rank", "to_rank")[:limit]]


def _whose(row: Decision) -> str:
    is_local = row.proposed_by.startswith(f"staff:{LOCAL}")
    return (
        "Proposed by an unlinked local owner. " if is_local else ""
    )  # linking an owner renames open proposals


def _item(row: Decision) -> Item:
    address = navigation.to("console:decision", row.pk)
    points = row.inputs.get("points", "")
    why = row.reason or f"with {points} points, by {row.get_source_display()}"
    return Item(
        kind=Decisions.name,
        key=str(row.pk),
        title=f"{isolated(row.player.username)}: {row.from_rank} to {row.to_rank}",
        sentence=f"{_whose(row)}{why if row.kind == Decision.Kind.HAND else f'{row.get_kind_display()}, {why}'}",
        since=row.created_at,
        link=navigation.player(row.player.user_id) if row.player.user_id > 0 else address,
        tone="warning" if row.kind == Decision.Kind.DEMOTION else "notice",
        acts=approve_or_reject(address),
        decides=True,
        picks=True,
    )
