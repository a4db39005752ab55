"""Read the guild's members page by page, and find roles that differ from the desired ones.

Each page is one transaction with the place where it ended, so a killed reading goes on after it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from common import database_clock
from common.leases import claim, hold
from discord import writes
from discord.bot import Bot, NotConfigured, bot
from discord.models import DiscordLink, Guild, RoleMirror
from discord.rest import guilds
from discord.rest.errors import DiscordError
from discord.rest.guilds import Member
from discord.roles import targets
from discord.roles.guild import GuildProblem, contact

EVERY = dt.timedelta(minutes=15)  # between two readings of all members
LEASE = dt.timedelta(seconds=60)
PATIENCE = 20.0
TROUBLE = dt.timedelta(minutes=5)
FORGET_AFTER = dt.timedelta(days=30)  # an unlinked account whose roles cannot be removed
LEFT = "They left the Discord server; they get their roles when they are back."
INTENT = (
    "Discord does not list the members: switch on Server Members Intent for the bot in the"
    " developer portal."
)


def step(stopping: Callable[[], bool] = lambda: False) -> int:
    """Read one page if a reading is due, and return its number of members."""
    forget()
    if writes.roles_off():
        return 0
    try:
        found = bot(lambda: not stopping(), PATIENCE)
        contact(found)  # so that parked roles are tried again once their obstacle is gone
    except (NotConfigured, DiscordError, GuildProblem):
        return 0
    due = Q(read_at=None) | Q(read_at__lt=Now() - EVERY) | Q(began_at__isnull=False)
    rows = claim(Guild.objects.filter(due, guild_id=found.guild_id), 1, LEASE)
    return _read_page(found, rows[0]) if rows else 0


def _read_page(found: Bot, row: Guild) -> int:
    asked_at = database_clock.now()
    began_at = row.began_at or asked_at
    try:
        page = guilds.members(found.client, found.guild_id, row.after)
    except DiscordError as error:
        words = INTENT if error.status == 403 else str(error)
        pause = dt.timedelta(seconds=max(error.retry_after or 0.0, TROUBLE.total_seconds()))
        free = {"lease": "", "lease_until": None, "retry_at": Now() + pause}
        hold(row).update(unread=words, **free)
        return 0
    with transaction.atomic():
        counters = Counter(row.counters if row.began_at else {})
        counters.update(_compare(page, asked_at))
        done: dict[str, Any] = {"lease": "", "lease_until": None, "retry_at": Now(), "unread": ""}
        done["counters"] = dict(counters)
        if len(page) == guilds.PAGE:
            hold(row).update(after=page[-1].user.id, began_at=began_at, **done)
        elif hold(row).update(
            after=0, began_at=None, read_at=Now(), figures=dict(counters), **done
        ):
            _rest_absent(began_at)
    return len(page)


def _compare(page: list[Member], asked_at: dt.datetime) -> dict[str, int]:
    """Note who is there, and mark the mirrors of members whose roles differ."""
    people = [member for member in page if not member.user.bot]
    ids = [member.user.id for member in people]
    known = {row.discord_id: row for row in RoleMirror.objects.filter(discord_id__in=ids)}
    RoleMirror.objects.filter(discord_id__in=ids).update(seen_at=asked_at)
    RoleMirror.objects.filter(discord_id__in=ids, status=RoleMirror.Status.RESTING).update(
        status=RoleMirror.Status.PENDING, retry_at=Now(), reason=""
    )
    differing = sum(_note_drift(member, known.get(member.user.id), asked_at) for member in people)
    unlinked = [member for member in people if _is_holder(member) and member.user.id not in known]
    if settings.DISCORD_ROLES.unlinked == "remove":
        RoleMirror.objects.bulk_create(
            [RoleMirror(discord_id=member.user.id) for member in unlinked], ignore_conflicts=True
        )
    return {
        "members": len(people),
        "linked": len(known),
        "drift": differing,
        "unlinked": len(unlinked),
    }


def _is_holder(member: Member) -> bool:
    return not settings.DISCORD_ROLES.managed.isdisjoint(member.roles)


def _note_drift(member: Member, row: RoleMirror | None, asked_at: dt.datetime) -> bool:
    """Mark a confirmed mirror whose roles differ as pending, and return whether it was one."""
    if row is None or row.status != RoleMirror.Status.CONFIRMED:
        return False
    roles = settings.DISCORD_ROLES
    missing, extra = targets.steps(member.roles, targets.wanted(row.desired, roles), roles.managed)
    if not missing and not extra:
        return False
    # A change that was written after the page was read is none.
    same = RoleMirror.objects.filter(
        pk=row.pk, version=row.version, status=row.status, confirmed_at__lt=asked_at
    )
    return bool(
        same.update(
            status=RoleMirror.Status.PENDING,
            version=F("version") + 1,
            attempts=0,
            retry_at=Now(),
            reason="",
            drift={"missing": missing, "extra": extra},
            drift_at=Now(),
        )
    )


def _rest_absent(began_at: dt.datetime) -> None:
    """Let the mirrors of linked people rest whom a whole reading did not find."""
    unseen = Q(seen_at=None) | Q(seen_at__lt=began_at)
    rows = RoleMirror.objects.filter(
        unseen, status=RoleMirror.Status.CONFIRMED, confirmed_at__lt=began_at
    )
    rows.update(status=RoleMirror.Status.RESTING, confirmed=None, reason=LEFT)


def want() -> None:
    """Have a reading of all members begin at the next step."""
    Guild.objects.update(read_at=None, retry_at=Now())


def forget() -> int:
    """Delete mirrors of accounts that were unlinked long ago, and return their number."""
    linked = DiscordLink.objects.values("discord_id")
    rows = RoleMirror.objects.filter(desired__isnull=True, wanted_at__lt=Now() - FORGET_AFTER)
    return rows.exclude(discord_id__in=linked).delete()[0]
