"""The routes of Discord's API that GRPS calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path. `major`: the part of the path by which Discord counts its limit.

    `authorized`: whether the call carries the bot's token. Routes of an interaction carry the
    interaction's token in the path, and do not count for the global limit.
    """

    name: str
    method: str
    path: str
    major: str = ""
    authorized: bool = True


ME = Route("users.me", "GET", "/users/@me")
APPLICATION = Route("applications.me", "GET", "/applications/@me")

GUILD = Route("guilds.get", "GET", "/guilds/{guild}", "guild")
ROLES = Route("guilds.roles", "GET", "/guilds/{guild}/roles", "guild")
MEMBER = Route("members.get", "GET", "/guilds/{guild}/members/{user}", "guild")
MEMBERS = Route("members.list", "GET", "/guilds/{guild}/members", "guild")
ADD_ROLE = Route("members.addRole", "PUT", "/guilds/{guild}/members/{user}/roles/{role}", "guild")
REMOVE_ROLE = Route(
    "members.removeRole", "DELETE", "/guilds/{guild}/members/{user}/roles/{role}", "guild"
)

CREATE_MESSAGE = Route("messages.create", "POST", "/channels/{channel}/messages", "channel")
EDIT_MESSAGE = Route("messages.edit", "PATCH", "/channels/{channel}/messages/{message}", "channel")
DELETE_MESSAGE = Route(
    "messages.delete", "DELETE", "/channels/{channel}/messages/{message}", "channel"
)

COMMANDS = Route("commands.list", "GET", "/applications/{application}/guilds/{guild}/commands")
PUT_COMMANDS = Route("commands.put", "PUT", "/applications/{application}/guilds/{guild}/commands")

_INTERACTION = "/webhooks/{application}/{token}"
FOLLOW_UP = Route("interactions.followUp", "POST", _INTERACTION, "token", authorized=False)
EDIT_ANSWER = Route(
    "interactions.edit", "PATCH", f"{_INTERACTION}/messages/@original", "token", authorized=False
)
DELETE_ANSWER = Route(
    "interactions.delete", "DELETE", f"{_INTERACTION}/messages/@original", "token", authorized=False
)
