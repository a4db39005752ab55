"""Give and take roles on Discord: claim due mirrors, compare, write, confirm.

A write with an unknown outcome is sent again: each sets a state, so a repetition is safe. A mirror
that cannot succeed is parked with a reason; nothing is dropped. While writing is switched off,
`preview` shows the writes.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from common.leases import LeaseLost, backoff, claim, hold, renew
from discord import writes
from discord.bot import Bot, NotConfigured, bot
from discord.models import RoleMirror
from discord.rest import guilds
from discord.rest.client import Discord
from discord.rest.errors import UNKNOWN_MEMBER, UNKNOWN_ROLE, DiscordError
from discord.rest.guilds import RoleChange
from discord.roles import targets
from discord.roles.guild import GuildProblem, GuildView, contact
from players.models import Player
from roblox.open_cloud.errors import RetryDecision

BATCH = 20  # mirrors claimed at once
LEASE = dt.timedelta(seconds=40)  # longer than one call with its wait
PATIENCE = 12.0  # seconds that a call waits for its limit
TIMEOUT = 10.0
TRIES = 40  # failures in a row before a mirror is parked: more than a day
MISCONFIGURED = dt.timedelta(minutes=10)  # until the bot and its place are checked again
ACTOR = Actor("system", "discord", "discord")
REST = "They are not in the Discord server; they get their roles when they join."
WHY = "GRPS: the member's rank"  # in the guild's audit log

log = structlog.get_logger("grps.discord")


class PermanentError(Exception):
    """The write cannot succeed until a person fixes what the text names."""


class NotInGuild(Exception):
    """The account is not in the guild."""


@dataclass(slots=True)
class Writes:
    """Makes changes of one member and describes them. With `dry` it only describes them."""

    dry: bool = False
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RoleWriter:
    """Brings a member's managed roles to the desired ones, one role at a time."""

    client: Discord
    guild_id: int
    guild: GuildView

    def write(self, row: RoleMirror, done: Writes) -> None:
        """Make the changes of one mirror.

        Raises NotInGuild, DiscordError, LeaseLost, and PermanentError after every change that was
        possible.
        """
        member = guilds.member(self.client, self.guild_id, row.discord_id)
        if member is None:
            raise NotInGuild
        roles = settings.DISCORD_ROLES
        target = targets.wanted(row.desired, roles)
        give, take = targets.steps(member.roles, target, roles.managed)
        stuck = [self.guild.obstacle(role) for role in (*give, *take)]
        for role_id in give:
            self._change(row, role_id, done, guilds.give_role)
        for role_id in take:
            self._change(row, role_id, done, guilds.take_role)
        if any(stuck):
            raise PermanentError(" ".join(dict.fromkeys(filter(None, stuck))))

    def _change(
        self,
        row: RoleMirror,
        role_id: int,
        done: Writes,
        call: Callable[[Discord, int, RoleChange], None],
    ) -> None:
        if self.guild.obstacle(role_id):
            return
        verb = "give" if call is guilds.give_role else "take"
        if not done.dry:
            renew(row, LEASE)
            call(self.client, self.guild_id, RoleChange(row.discord_id, role_id, WHY))
        done.lines.append(f"{verb} {self.guild.name(role_id)}")


def step(stopping: Callable[[], bool] = lambda: False) -> int:
    """Push one batch of due mirrors and return their number. 0 while writing is off or held."""
    if writes.why_off() or writes.roles_off():
        return 0
    held = claim(RoleMirror.objects.filter(status=RoleMirror.Status.PENDING), BATCH, LEASE)
    if not held:
        return 0
    try:
        writer = _writer(stopping)
    except (NotConfigured, GuildProblem, DiscordError) as error:
        for row in held:
            _put_off(row, str(error), _pause_of(error), failed=False)
        return len(held)
    for number, row in enumerate(held):
        if stopping():
            _release(held[number:])
            break
        _push(writer, row)
    return len(held)


def _writer(stopping: Callable[[], bool], *, dry: bool = False) -> RoleWriter:
    """Return a writer for the configured guild. Raises NotConfigured, GuildProblem, DiscordError."""
    found: Bot = bot(lambda: not stopping(), PATIENCE)
    client = found.client.at_once(PATIENCE, TIMEOUT)
    return RoleWriter(client, found.guild_id, contact(found))


def _push(writer: RoleWriter, row: RoleMirror) -> None:
    """Push one mirror and record the outcome. A process that lost the lease changes nothing."""
    done = Writes()
    try:
        renew(row, LEASE)
        writer.write(row, done)
    except LeaseLost:
        return
    except NotInGuild:
        _rest(row)
    except PermanentError as error:
        _park(row, str(error), done)
    except DiscordError as error:
        _failed(row, error, done)
    else:
        _confirm(row, done)


def _failed(row: RoleMirror, error: DiscordError, done: Writes) -> None:
    if error.code == UNKNOWN_MEMBER:
        _rest(row)  # they left between the reading and the change
    elif error.about_bot or error.decision is RetryDecision.WAIT:
        _put_off(row, str(error), _pause_of(error), failed=False)
    elif error.decision is RetryDecision.GIVE_UP:
        _park(row, _advice(error), done)
    else:
        _put_off(row, str(error), backoff(row.attempts), failed=True)


def _advice(error: DiscordError) -> str:
    if error.code == UNKNOWN_ROLE:
        return "The Discord server has no such role any more: change the map of roles."
    return str(error)


def _pause_of(error: Exception) -> dt.timedelta:
    if isinstance(error, DiscordError) and not error.about_bot:
        return backoff(0, base=max(2.0, error.retry_after or 10.0))
    return MISCONFIGURED


def _confirm(row: RoleMirror, done: Writes) -> None:
    """Mark the state that was written as confirmed. The row of an unlinked account is deleted."""
    with transaction.atomic():
        if row.desired is None and hold(row).filter(version=row.version).delete()[0]:
            return
        there = {
            "confirmed": row.desired,
            "confirmed_version": row.version,
            "confirmed_at": database_clock.now(),
            "seen_at": Now(),
        }
        free = {"lease": "", "lease_until": None, "attempts": 0, "reason": ""}
        same = hold(row).filter(version=row.version)
        if not same.update(status=RoleMirror.Status.CONFIRMED, **there, **free):
            hold(row).update(**there, **free)  # changed meanwhile: it stays pending
        if done.lines and row.desired is not None:
            _record(Action.DISCORD_ROLES_CHANGED, row, done)


def _rest(row: RoleMirror) -> None:
    """Wait until the account is in the guild. An unlinked one that left is forgotten."""
    same = hold(row).filter(version=row.version)
    if row.desired is None and same.delete()[0]:
        return
    if not same.update(
        status=RoleMirror.Status.RESTING,
        confirmed=None,
        attempts=0,
        reason=REST,
        lease="",
        lease_until=None,
    ):
        _release([row])


def _park(row: RoleMirror, reason: str, done: Writes) -> None:
    with transaction.atomic():
        parked = (
            hold(row)
            .filter(version=row.version)
            .update(status=RoleMirror.Status.PARKED, reason=reason, lease="", lease_until=None)
        )
        if parked and row.desired is not None:
            _record(Action.DISCORD_ROLES_PARKED, row, done, reason)
    _release([row])  # what changed meanwhile is tried again


def _put_off(row: RoleMirror, reason: str, pause: dt.timedelta, *, failed: bool) -> None:
    if failed and row.attempts + 1 >= TRIES:
        _park(row, f"{reason} (given up after {TRIES} tries)", Writes())
        return
    hold(row).update(
        attempts=F("attempts") + int(failed),
        reason=reason,
        retry_at=Now() + pause,
        lease="",
        lease_until=None,
    )


def _release(rows: Iterable[RoleMirror]) -> None:
    for row in rows:
        hold(row).update(lease="", lease_until=None)


def _record(action: Action, row: RoleMirror, done: Writes, reason: str = "") -> None:
    player = Player.objects.filter(user_id=row.user_id or 0).first()
    target = Target("account", "discord", "", f"user:{row.user_id}")
    if player is not None:
        target = Target("player", str(player.pk), player.username, player.subject)
    details = {"changes": done.lines, "version": row.version}
    record(action, actor=ACTOR, target=target, reason=reason, details=details)


def preview(limit: int) -> list[tuple[RoleMirror, list[str]]]:
    """Return the changes for up to `limit` mirrors. Discord is read, but nothing is written.

    Raises NotConfigured, GuildProblem and DiscordError.
    """
    rows = RoleMirror.objects.filter(status=RoleMirror.Status.PENDING).order_by("retry_at", "pk")
    writer, shown = _writer(lambda: False), []
    for row in rows[:limit]:
        done = Writes(dry=True)
        try:
            writer.write(row, done)
        except NotInGuild:
            done.lines.append(REST)
        except (PermanentError, DiscordError) as error:
            done.lines.append(f"cannot be written: {error}")
        shown.append((row, done.lines or ["nothing: it is there already"]))
    return shown
