"""Find leaves of absence."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from django.db.models import Q

from players.models import Leave, Player
from players.policy.leave import DAY, LeaveDays

Status = Leave.Status
OPEN = (Status.ASKED, Status.APPROVED)
TAKEN = (Status.APPROVED, Status.ENDED)
WAITING = Q(status=Status.ASKED) | Q(extension_to__isnull=False)


def leaves_in(
    player_ids: Collection[int], first: dt.date, end: dt.date
) -> dict[int, list[tuple[dt.date, dt.date]]]:
    """Return the approved leaves that touch the UTC days from `first` up to before `end`.

    By our player id, each as (first day, day after the last one), oldest first. After an early end
    only the days until then count.
    """
    rows = Leave.objects.filter(
        player__in=player_ids, status__in=TAKEN, first_day__lt=end, last_day__gte=first
    ).order_by("first_day")
    found: dict[int, list[tuple[dt.date, dt.date]]] = defaultdict(list)
    for player_id, begins, last in rows.values_list("player_id", "first_day", "last_day"):
        found[player_id].append((begins, last + DAY))
    return dict(found)


def away(player_ids: Collection[int], today: dt.date) -> dict[int, Leave]:
    """Return the leave that each of these players is on today, by our player id."""
    rows = Leave.objects.filter(
        player__in=player_ids, status=Status.APPROVED, first_day__lte=today, last_day__gte=today
    )
    return {row.player_id: row for row in rows}


def open_leaves(player: Player) -> list[Leave]:
    """Return the player's leaves that are asked for or granted and not over, the first one first."""
    return list(player.leaves.filter(status__in=OPEN).order_by("first_day"))


def past_leaves(player: Player, limit: int) -> list[Leave]:
    """Return the player's other leaves, the newest first."""
    return list(player.leaves.exclude(status__in=OPEN).order_by("-pk")[:limit])


def days_of(leave: Leave) -> LeaveDays:
    return LeaveDays(leave.first_day, leave.last_day)


def others(player: Player, leave: Leave | None = None) -> list[LeaveDays]:
    """Return the days of the player's open leaves besides `leave`."""
    return [days_of(one) for one in open_leaves(player) if leave is None or one.pk != leave.pk]
