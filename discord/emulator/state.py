"""The emulated Discord, in memory: an application with its bot, guilds, members and messages."""

import itertools
import threading
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from discord.emulator.errors import ApiError, missing_access, unknown
from roblox.emulator.clock import MICROS, Clock

ADMINISTRATOR, MANAGE_ROLES, SEND_MESSAGES = 1 << 3, 1 << 28, 1 << 11
TOKEN_LIFETIME = 900 * MICROS  # of an interaction


class Role(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    id: int
    name: str
    position: int = 1
    permissions: int = 0
    managed: bool = False


class Member(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    id: int
    username: str = ""
    roles: list[int] = []
    bot: bool = False


class Guild(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A guild. The role of everybody has the guild's id; `bot_roles` are those of our bot."""

    id: int
    name: str = "Guild"
    owner_id: int = 1
    roles: list[Role] = []
    members: list[Member] = []
    channels: list[int] = []
    bot_roles: list[int] = []
    has_bot: bool = True


class Interaction(msgspec.Struct):
    """The answer of an interaction, and until when its token is valid (microseconds)."""

    until: int
    answer: dict[str, Any] | None = None
    follow_ups: list[dict[str, Any]] = []


class State:
    """Everything that the emulator knows. Callers hold `lock` while they read or write it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.lock = threading.RLock()
        self.key = Ed25519PrivateKey.generate()
        self.reset()

    def reset(self) -> None:
        self.application_id, self.bot_id, self.token = 9001, 9002, "emulator-bot-token"
        self.members_intent = True
        self.guilds: dict[int, Guild] = {}
        self.messages: dict[int, list[dict[str, Any]]] = {}
        self.commands: dict[int, list[dict[str, Any]]] = {}
        self.interactions: dict[str, Interaction] = {}
        self.audit_log: list[dict[str, Any]] = []
        self._ids = itertools.count(1_400_000_000_000_000_000)

    def next_id(self) -> int:
        return next(self._ids)

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def put_guild(self, guild: Guild) -> None:
        """Create or replace a guild. Our bot becomes a member."""
        everybody = Role(guild.id, "@everyone", position=0)
        guild.roles = [everybody, *(role for role in guild.roles if role.id != guild.id)]
        if guild.has_bot and all(member.id != self.bot_id for member in guild.members):
            guild.members.append(Member(self.bot_id, "grps", list(guild.bot_roles), bot=True))
        self.guilds[guild.id] = guild
        for channel in guild.channels:
            self.messages.setdefault(channel, [])

    def guild(self, guild_id: int) -> Guild:
        """Return a guild that our bot is in. Raises ApiError."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise unknown("Guild")
        if all(member.id != self.bot_id for member in guild.members):
            raise missing_access()
        return guild

    def channel(self, channel_id: int) -> list[dict[str, Any]]:
        """Return the messages of a channel. Raises ApiError."""
        if channel_id not in self.messages:
            raise unknown("Channel")
        return self.messages[channel_id]

    def interaction(self, token: str) -> Interaction:
        """Return the interaction of a token that is still valid. Raises ApiError."""
        found = self.interactions.get(token)
        if found is None:
            raise unknown("Webhook")
        if found.until < self.clock.now():
            raise ApiError(401, 50027, "Invalid Webhook Token")
        return found


def member_of(guild: Guild, user_id: int) -> Member:
    """Return a member. Raises ApiError (10007)."""
    found = next((member for member in guild.members if member.id == user_id), None)
    if found is None:
        raise unknown("Member")
    return found


def role_of(guild: Guild, role_id: int) -> Role:
    """Return a role. Raises ApiError (10011)."""
    found = next((role for role in guild.roles if role.id == role_id), None)
    if found is None:
        raise unknown("Role")
    return found


def permissions_of(guild: Guild, member: Member) -> int:
    """Return the permissions of all the member's roles and of everybody's role."""
    granted = 0
    for role in guild.roles:
        if role.id in member.roles or role.id == guild.id:
            granted |= role.permissions
    return granted


def may(guild: Guild, member: Member, permission: int) -> bool:
    return bool(permissions_of(guild, member) & (permission | ADMINISTRATOR))


def highest(guild: Guild, member: Member) -> int:
    """Return the position of the member's highest role."""
    return max((role.position for role in guild.roles if role.id in member.roles), default=0)
