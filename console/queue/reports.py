"""What members report about each other. Reports that are joined are one item."""

import datetime as dt
from typing import Any

from django.db.models import Count, Q

from common.visible_text import isolated
from console import navigation
from console.queue.base import Item, WorkKind
from players.models import MemberReport
from players.moderation.actors import Staff
from players.reports.queries import visible_to, waiting


class Reports(WorkKind):
    name, title, right = "reports", "Reports", "players.view_player"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [waiting().filter(visible_to(by))]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        more = Count("joined", filter=Q(joined__status=MemberReport.Status.OPEN))
        rows = waiting().filter(visible_to(by), pk__gt=after).annotate(more=more).order_by("pk")
        return [_item(row, row.more) for row in rows[:limit]]


def _item(row: MemberReport, more: int) -> Item:
    times = f" ({more + 1} reports)" if more else ""
    return Item(
        kind=Reports.name,
        key=str(row.pk),
        title=f"{isolated(row.reported.username)} was reported{times}",
        sentence=f"{isolated(row.reporter.username)}: {row.reason[:160]}",
        since=row.created_at,
        link=navigation.to("console:report", row.pk),
        tone="warning",
    )
