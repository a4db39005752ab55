"""A player's case in a few lines for staff."""

import datetime as dt

from django.db.models import Q

from discord.interactions import addresses
from discord.interactions.answers import moment, plain
from players.models import Approval, Decision, Player, Sanction

SHOWN = 5  # sanctions


def summary(player: Player, now: dt.datetime) -> str:
    """Return rank, points, sanctions in force, what waits, and the address of the case file."""
    lines = [
        f"**{plain(player.username)}**: {plain(player.rank.name)} since"
        f" {moment(player.rank_since, 'D')}, {player.points:,} points",
        *_sanctions(player, now),
        f"{player.notes.count()} notes, {_waiting(player)} open requests and proposals",
        addresses.page("console:player", player.user_id),
    ]
    return "\n".join(filter(None, lines))


def _sanctions(player: Player, now: dt.datetime) -> list[str]:
    in_force = Q(lifted_at=None) & (Q(ends_at=None) | Q(ends_at__gt=now))
    found = player.sanctions.order_by("-pk")
    lines = [_sanction(one) for one in found.filter(in_force)[:SHOWN]]
    return [*lines, f"{found.count()} sanctions in all"]


def _sanction(one: Sanction) -> str:
    end = f"until {moment(one.ends_at, 'f')}" if one.ends_at else "for good"
    return f"- {one.kind} {moment(one.starts_at)}, {end}: {plain(one.reason)}"


def _waiting(player: Player) -> int:
    asked = player.approvals.filter(status=Approval.Status.WAITING).count()
    return asked + player.decisions.filter(status=Decision.Status.PROPOSED).count()
