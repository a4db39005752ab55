"""What staff see of Discord: links, waiting and parked roles, drift, limits."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count

from discord import writes
from discord.bot import client, is_configured
from discord.models import DiscordLink, Guild, RoleMirror
from discord.roles.guild import GuildView, view
from players.models import Player

MANY = 1_000  # upper limit of counting
SHOWN = 50
REASONS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A mirror with its player, if there is one, and its differing roles by name."""

    mirror: RoleMirror
    player: Player | None
    missing: str = ""
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The state of the calls to Discord: refused ones of ten minutes, and a pause in seconds."""

    refused: int
    at_most: int
    paused_for: float


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """The Discord account of a player, with the state of its roles where they are not right."""

    name: str
    linked_at: dt.datetime
    state: str = ""
    reason: str = ""
    parked: bool = False


def linked_account(user_id: int) -> LinkedAccount | None:
    """Return the Discord account of a Roblox user, in at most two queries."""
    link = DiscordLink.objects.filter(user_id=user_id).first()
    if link is None:
        return None
    row = RoleMirror.objects.filter(discord_id=link.discord_id).first()
    if row is None or row.status == RoleMirror.Status.CONFIRMED:
        return LinkedAccount(str(link), link.linked_at)
    state = "not in the server" if row.status == RoleMirror.Status.RESTING else row.status
    parked = row.status == RoleMirror.Status.PARKED
    return LinkedAccount(str(link), link.linked_at, f"roles: {state}", row.reason, parked)


def why_off() -> list[str]:
    """Return every reason why no roles are given now."""
    return list(filter(None, (writes.why_off(), writes.roles_off())))


def guild() -> Guild | None:
    return Guild.objects.filter(guild_id=settings.DISCORD_GUILD_ID or 0).first()


def counts() -> dict[str, int]:
    """Return the number of links and of mirrors by status. Confirmed ones are not counted."""
    rows = RoleMirror.objects.exclude(status=RoleMirror.Status.CONFIRMED).order_by()
    found = {str(status): 0 for status in RoleMirror.Status if status != "confirmed"}
    found |= dict(rows.values_list("status").annotate(Count("pk")))
    return {"linked": DiscordLink.objects.count()} | found


def parked() -> list[Row]:
    """Return parked mirrors, oldest first."""
    return _rows(list(RoleMirror.objects.filter(status=RoleMirror.Status.PARKED)[:SHOWN]))


def drifted() -> list[Row]:
    """Return the mirrors whose roles last differed on Discord, newest first."""
    rows = RoleMirror.objects.filter(drift__isnull=False).order_by("-drift_at")
    return _rows(list(rows[:SHOWN]))


def links() -> list[tuple[DiscordLink, Player | None]]:
    """Return the newest links with their players."""
    rows = list(DiscordLink.objects.order_by("-linked_at")[:SHOWN])
    known = _players([row.user_id for row in rows])
    return [(row, known.get(row.user_id)) for row in rows]


def limits() -> Limits | None:
    """Return the state of the calls, None without a bot."""
    if not is_configured():
        return None
    pacer = client().pacer
    return Limits(pacer.invalid(), pacer.invalid_at_most, pacer.paused_for())


def mapped() -> list[tuple[str, str, str]]:
    """Return rank or level, its role's name and what is wrong with the role, of the whole map."""
    row, roles = guild(), settings.DISCORD_ROLES
    seen = view(row) if row is not None and row.checked_at else None
    named = [*roles.ranks.items(), *((f"level {one}", role) for one, role in roles.levels.items())]
    if roles.linked is not None:
        named.append(("who is linked", roles.linked))
    return [
        (name, seen.name(role) if seen else str(role), seen.obstacle(role) if seen else "")
        for name, role in named
    ]


def _rows(found: list[RoleMirror]) -> list[Row]:
    row = guild()
    seen = view(row) if row is not None else GuildView({}, 0)
    known = _players([one.user_id for one in found if one.user_id is not None])
    return [Row(one, known.get(one.user_id or 0), *_drift(one, seen)) for one in found]


def _drift(row: RoleMirror, seen: GuildView) -> tuple[str, str]:
    drift = row.drift or {}
    missing, extra = (
        ", ".join(map(seen.name, drift.get(side, []))) for side in ("missing", "extra")
    )
    return missing, extra


def _players(user_ids: list[int]) -> dict[int, Player]:
    rows = Player.objects.filter(user_id__in=user_ids).select_related("rank")
    return {row.user_id: row for row in rows}
