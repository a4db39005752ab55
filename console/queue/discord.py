"""Queue items of Discord: roles that cannot be given, grouped by reason."""

import datetime as dt
from typing import Any

from django.db.models import Count, Min

from console import navigation
from console.queue.base import Item, WorkKind
from discord.models import RoleMirror
from players.moderation.actors import Staff

READ = 1_000  # parked accounts that are read and grouped at a time


class ParkedRoles(WorkKind):
    """Parked roles grouped by reason, since one role above the bot's parks everybody of a rank."""

    name, title, right = "discord", "Discord roles", "syncs.view_syncjob"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_parked()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        first = _parked().filter(pk__gt=after).order_by("pk").values("pk")[:READ]
        groups = RoleMirror.objects.filter(pk__in=first).values("reason")
        rows = groups.annotate(count=Count("pk"), first=Min("pk"), since=Min("wanted_at"))
        return [
            Item(
                kind=self.name,
                key=str(row["first"]),
                title=f"Discord roles of {row['count']:,} accounts cannot be set",
                sentence=row["reason"],
                since=row["since"],
                link=navigation.to("console:discord"),
                tone="warning",
            )
            for row in rows.order_by("first")[:limit]
        ]


def _parked() -> Any:
    return RoleMirror.objects.filter(status=RoleMirror.Status.PARKED)
