"""Sanctions of players that are open or in force."""

import datetime as dt
from collections.abc import Sequence

from django.db.models import Q, QuerySet

from players.models import Player, Sanction


def in_force(player: Player, kind: str, now: dt.datetime) -> QuerySet[Sanction]:
    """Return sanctions of one kind that are neither lifted nor expired."""
    return in_force_now([player.pk], now).filter(kind=kind)


def in_force_now(player_ids: Sequence[int], now: dt.datetime) -> QuerySet[Sanction]:
    """Return sanctions of all kinds that are neither lifted nor expired."""
    found = Sanction.objects.filter(player__in=player_ids, lifted_at=None)
    return found.filter(Q(ends_at=None) | Q(ends_at__gt=now))


def open_sanction(player: Player, kind: Sanction.Kind) -> Sanction | None:
    """Return the sanction that is not lifted, even if its end has just passed."""
    return Sanction.objects.filter(player=player, kind=kind, lifted_at=None).first()
