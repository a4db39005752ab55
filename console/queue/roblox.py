"""What Roblox and GRPS do not agree on: differences, and writes that Roblox does not take."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from console import navigation
from console.queue.base import Item, Kind
from players.moderation.actors import Staff
from syncs.models import Drift, Mirror, RolePin, SyncJob
from syncs.roles import pin_requests

PARKED = """
    SELECT aspect, reason, count(*), min(id), min(wanted_at) FROM
        (SELECT id, aspect, reason, wanted_at FROM mirrors WHERE status = 'parked' AND id > %s ORDER BY id LIMIT 1000) m
    GROUP BY 1, 2 ORDER BY 4 LIMIT %s"""


class Differences(Kind):
    name, title, right = "drift", "Differences", "syncs.view_drift"

    def waiting(self, now: dt.datetime) -> list[Any]:
        return [Drift.objects.filter(resolved_at=None)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = Drift.objects.filter(resolved_at=None, pk__gt=after).order_by("pk")
        return [_item(row) for row in rows.select_related("player", "experience")[:limit]]


class Parked(Kind):
    """Grouped by their reason: a missing role may park thousands."""

    name, title, right = "parked", "Parked writes", "syncs.view_mirror"

    def waiting(self, now: dt.datetime) -> list[Any]:
        return [Mirror.objects.filter(status=Mirror.Status.PARKED)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        with connection.cursor() as cursor:
            cursor.execute(PARKED, [after, limit])
            rows = cursor.fetchall()
        return [
            Item(
                kind=self.name,
                key=str(first),
                title=f"{count:,} × {aspect} cannot be written",
                sentence=reason,
                since=since,
                link=navigation.to("console:parked"),
                tone="warning",
            )
            for aspect, reason, count, first, since in rows
        ]


class Roles(Kind):
    """Ranks whose role changed on Roblox so that it is neither given nor followed."""

    name, title, right = "roles", "Roles", "syncs.view_mirror"

    def waiting(self, now: dt.datetime) -> list[Any]:
        return [_parked_pins()]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        return [_pin(row, by) for row in _parked_pins().filter(pk__gt=after).order_by("pk")[:limit]]


class Questions(Kind):
    """Pulls that wait for a person, since they would change much."""

    name, title, right = "questions", "Pulls that ask", "syncs.view_syncjob"

    def waiting(self, now: dt.datetime) -> list[Any]:
        return [SyncJob.objects.filter(status=SyncJob.Status.WAITING)]

    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        rows = SyncJob.objects.filter(status=SyncJob.Status.WAITING, pk__gt=after).order_by("pk")
        return [_question(row, by) for row in rows[:limit]]


def _question(row: SyncJob, by: Staff) -> Item:
    answer = (("Look and confirm", navigation.to("console:sync-question", row.pk)),)
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
    anew = (("Pin anew", navigation.to("console:role-pin-anew", row.pk)),)
    return Item(
        kind=Roles.name,
        key=str(row.pk),
        title=f"The role of {row.rank} is parked",
        sentence=row.parked,
        since=row.parked_at or row.pinned_at or timezone.now(),
        link=navigation.to("console:role-pin", row.pk),
        tone="critical",
        acts=anew if by.has(pin_requests.RIGHT) else (),
    )


def _item(row: Drift) -> Item:
    where = f" in {row.experience.name}" if row.experience else ""
    return Item(
        kind=Differences.name,
        key=str(row.pk),
        title=f"{row.player.username if row.player else row.subject}: another {row.get_aspect_display()}{where}",
        sentence=row.detail,
        since=row.first_seen_at,
        link=navigation.to("console:drift", row.pk),
    )
