"""A guild: its roles, its members, and their roles."""

import msgspec

from discord.rest import routes
from discord.rest.client import Discord, Nothing, Request
from discord.rest.errors import UNKNOWN_MEMBER, DiscordError

PAGE = 1000  # members at once
ADMINISTRATOR, MANAGE_ROLES = 1 << 3, 1 << 28


class Role(msgspec.Struct, frozen=True):
    """A role of a guild. `managed`: an integration or a bot owns it, so nobody can give it."""

    id: int
    name: str = ""
    position: int = 0
    managed: bool = False
    permissions: int = 0


class User(msgspec.Struct, frozen=True):
    id: int
    username: str = ""
    global_name: str | None = None
    bot: bool = False


class Member(msgspec.Struct, frozen=True):
    """A member with the ids of their roles, without the one that everybody has."""

    user: User
    roles: tuple[int, ...] = ()
    nick: str | None = None
    joined_at: str | None = None


class GuildInfo(msgspec.Struct, frozen=True):
    id: int
    name: str = ""
    owner_id: int = 0


class Application(msgspec.Struct, frozen=True):
    """The application whose token is used. `verify_key` verifies its interactions."""

    id: int
    name: str = ""
    verify_key: str = ""


def application(client: Discord) -> Application:
    return client.call(Request(routes.APPLICATION), Application)


def guild(client: Discord, guild_id: int) -> GuildInfo:
    return client.call(Request(routes.GUILD, {"guild": guild_id}), GuildInfo)


def roles(client: Discord, guild_id: int) -> list[Role]:
    """Return all roles, the lowest first. The one that everybody has is the guild's id."""
    found = client.call(Request(routes.ROLES, {"guild": guild_id}), list[Role])
    return sorted(found, key=lambda role: (role.position, -role.id))


def me(client: Discord) -> User:
    """Return the bot's own account."""
    return client.call(Request(routes.ME), User)


def member(client: Discord, guild_id: int, discord_id: int) -> Member | None:
    """Return a member, None if they are not in the guild."""
    try:
        parts = {"guild": guild_id, "user": discord_id}
        return client.call(Request(routes.MEMBER, parts), Member)
    except DiscordError as error:
        if error.code == UNKNOWN_MEMBER:
            return None
        raise


def members(client: Discord, guild_id: int, after: int = 0, size: int = PAGE) -> list[Member]:
    """Return a page of members by id, from the first above `after`. It needs a privileged intent."""
    request = Request(routes.MEMBERS, {"guild": guild_id}, query={"limit": size, "after": after})
    return client.call(request, list[Member])


class RoleChange(msgspec.Struct, frozen=True):
    """A role to give to a member, or to take from them."""

    discord_id: int
    role_id: int
    reason: str = ""


def give_role(client: Discord, guild_id: int, change: RoleChange) -> None:
    client.call(_request(routes.ADD_ROLE, guild_id, change), Nothing)


def take_role(client: Discord, guild_id: int, change: RoleChange) -> None:
    client.call(_request(routes.REMOVE_ROLE, guild_id, change), Nothing)


def _request(route: routes.Route, guild_id: int, change: RoleChange) -> Request:
    parts = {"guild": guild_id, "user": change.discord_id, "role": change.role_id}
    return Request(route, parts, reason=change.reason)
