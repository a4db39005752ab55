"""Queue items of the sync: differences, parked writes, parked roles, and pulls that wait."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Count, Min

from common import database_clock
from common.visible_text import isolated
from console import navigation
from console.queue.base import Item, WorkKind
from players.moderation.actors import Staff
from syncs.models import Drift, Mirror, RolePin, SyncJob
from syncs.push import mirrors
from syncs.roles import pin_requests

READ = 1_000  # parked writes that are read and grouped at a time


class Differences(WorkKind):
    name, title, right = "drift", "Differences", "syncs.view_drift"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [Drift.objects.filter(resolved_at=None)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Drift.objects.filter(resolved_at=None, pk__gt=after).order_by("pk")
        return [_item(row) for row in rows.select_related("player", "experience")[:limit]]


class Parked(WorkKind):
    """Parked writes grouped by reason, since one missing role can park thousands."""

    name, title, right = "parked", "Parked writes", "syncs.view_mirror"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [mirrors.parked()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        parked = mirrors.parked().filter(pk__gt=after).order_by("pk")
        groups = Mirror.objects.filter(pk__in=parked.values("pk")[:READ]).values("aspect", "reason")
        rows = groups.annotate(count=Count("pk"), first=Min("pk"), since=Min("wanted_at")).order_by(
            "first"
        )[:limit]
        return [
            Item(
                kind=self.name,
                key=str(row["first"]),
                title=f"{row['count']:,} × {row['aspect']} cannot be written",
                sentence=row["reason"],
                since=row["since"],
                link=navigation.to("console:parked"),
                tone="warning",
            )
            for row in rows
        ]


class Roles(WorkKind):
    """Ranks whose role changed on Roblox, so that it is neither assigned nor adopted."""

    name, title, right = "roles", "Roles", "syncs.view_mirror"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [_parked_pins()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        return [_pin(row, by) for row in _parked_pins().filter(pk__gt=after).order_by("pk")[:limit]]


class Questions(WorkKind):
    """Pulls that wait for a person, because they would change much."""

    name, title, right = "questions", "Pulls that ask", "syncs.view_syncjob"

    def waiting(self, by: Staff, now: dt.datetime) -> list[Any]:
        return [SyncJob.objects.filter(status=SyncJob.Status.WAITING)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = SyncJob.objects.filter(status=SyncJob.Status.WAITING, pk__gt=after).order_by("pk")
        return [_question(row, by) for row in rows[:limit]]


def _question(row: SyncJob, by: Staff) -> Item:
    answer = (("Check and confirm", navigation.to("console:sync-question", row.pk)),)
    return Item(
        kind=Questions.name,
        key=str(row.pk),
        title=f"The pull of {row.activity} waits for a person",
        sentence=row.question,
        since=row.heartbeat_at or row.created_at,
        link=navigation.to("console:sync-question", row.pk),
        tone="critical",
        acts=answer if by.has("console.sync") else (),
    )


def _parked_pins() -> Any:
    return RolePin.objects.filter(group_id=settings.ROBLOX_GROUP_ID or 0, retired=False).exclude(
        parked=""
    )


def _pin(row: RolePin, by: Staff) -> Item:
    anew = (("Pin again", navigation.to("console:role-pin-anew", row.pk)),)
    return Item(
        kind=Roles.name,
        key=str(row.pk),
        title=f"The role of {row.rank} is parked",
        sentence=row.parked,
        since=row.parked_at or row.pinned_at or database_clock.now(),
        link=navigation.to("console:role-pin", row.pk),
        tone="critical",
        acts=anew if by.has(pin_requests.RIGHT) else (),
    )


def _item(row: Drift) -> Item:
    where = f" in {row.experience.name}" if row.experience else ""
    who = isolated(row.player.username) if row.player else row.subject
    return Item(
        kind=Differences.name,
        key=str(row.pk),
        title=f"{who}: another {row.get_aspect_display()}{where}",
        sentence=row.detail,
        since=row.first_seen_at,
        link=navigation.to("console:drift", row.pk),
    )
