"""The endpoints of Discord's API that the emulator has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from werkzeug import Request
from werkzeug.routing import Map, Rule

from discord.emulator import state
from discord.emulator.errors import invalid, missing_access, missing_permissions, unknown
from discord.emulator.state import Guild, Member, State, member_of, role_of

PREFIX = "/api/v10"
LONGEST = 2000  # characters of a message
COMMANDS = 100  # in a guild


@dataclass
class Call:
    """One request. `path`: the path's parameters."""

    state: State
    request: Request
    path: dict[str, Any]

    @property
    def guild(self) -> Guild:
        return self.state.guild(self.path["guild"])

    @property
    def bot(self) -> Member:
        return member_of(self.guild, self.state.bot_id)

    def number(self, name: str, default: int) -> int:
        text = self.request.args.get(name, str(default))
        if not text.isdecimal():
            raise invalid(f"{name} is not a number")
        return int(text)

    def json[T](self, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(self.request.get_data() or b"null", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise invalid(str(error)) from None


@dataclass(frozen=True)
class Endpoint:
    """An endpoint with its bucket of limits, and the path's part that it is counted for."""

    name: str
    run: Callable[[Call], Any]
    bucket: str
    major: str = ""
    with_token: bool = True


def me(call: Call) -> Any:
    return {"id": str(call.state.bot_id), "username": "grps", "bot": True}


def application(call: Call) -> Any:
    return {
        "id": str(call.state.application_id),
        "name": "GRPS",
        "verify_key": call.state.public_key,
    }


def guild(call: Call) -> Any:
    found = call.guild
    return {"id": str(found.id), "name": found.name, "owner_id": str(found.owner_id)}


def roles(call: Call) -> Any:
    return [role_json(role) for role in call.guild.roles]


def member(call: Call) -> Any:
    return member_json(member_of(call.guild, call.path["user"]))


def members(call: Call) -> Any:
    found, size = call.guild, call.number("limit", 1)
    if not call.state.members_intent:
        raise missing_access()
    if not 1 <= size <= 1000:
        raise invalid("limit must be 1 to 1000")
    after = call.number("after", 0)
    listed = sorted((one for one in found.members if one.id > after), key=lambda one: one.id)
    return [member_json(one) for one in listed[:size]]


def add_role(call: Call) -> None:
    held, role_id = _changeable(call)
    if role_id not in held.roles:
        held.roles.append(role_id)
    _log(call, "add")


def remove_role(call: Call) -> None:
    held, role_id = _changeable(call)
    held.roles = [one for one in held.roles if one != role_id]
    _log(call, "remove")


def _changeable(call: Call) -> tuple[Member, int]:
    """Return the member and the role, if the bot may change it. Raises ApiError."""
    found, bot = call.guild, call.bot
    held = member_of(found, call.path["user"])
    role = role_of(found, call.path["role"])
    allowed = state.may(found, bot, state.MANAGE_ROLES)
    below = role.position < state.highest(found, bot)
    if not allowed or not below or role.managed or role.id == found.id:
        raise missing_permissions()
    return held, role.id


def _log(call: Call, act: str) -> None:
    reason = call.request.headers.get("x-audit-log-reason", "")
    call.state.audit_log.append(
        {"act": act, "user": call.path["user"], "role": call.path["role"], "reason": reason}
    )


def create_message(call: Call) -> Any:
    messages = call.state.channel(call.path["channel"])
    message = {"id": str(call.state.next_id()), "channel_id": str(call.path["channel"])}
    message |= _content(call)
    messages.append(message)
    return message


def edit_message(call: Call) -> Any:
    message = _message(call)
    message.update(_content(call, empty_is_fine=True))
    return message


def delete_message(call: Call) -> None:
    call.state.channel(call.path["channel"]).remove(_message(call))


def _message(call: Call) -> dict[str, Any]:
    wanted = str(call.path["message"])
    listed = call.state.channel(call.path["channel"])
    found = next((one for one in listed if one["id"] == wanted), None)
    if found is None:
        raise unknown("Message")
    return found


def _content(call: Call, *, empty_is_fine: bool = False) -> dict[str, Any]:
    body = call.json(dict[str, Any])
    if len(str(body.get("content") or "")) > LONGEST:
        raise invalid(f"content is longer than {LONGEST} characters")
    if not empty_is_fine and not any(
        body.get(part) for part in ("content", "embeds", "components")
    ):
        raise invalid("Cannot send an empty message")
    _check_components(body.get("components") or [])
    return body


def _check_components(rows: list[Any]) -> None:
    if len(rows) > 5 or any(len(row.get("components", [])) > 5 for row in rows):
        raise invalid("a message has at most five rows of five components")
    for row in rows:
        for component in row.get("components", []):
            custom = component.get("custom_id", "")
            if component.get("type") == 2 and component.get("style") != 5 and not custom:
                raise invalid("a button needs a custom_id")
            if len(custom) > 100:
                raise invalid("custom_id is longer than 100 characters")


def commands(call: Call) -> Any:
    return call.state.commands.get(call.guild.id, [])


def put_commands(call: Call) -> Any:
    wanted = call.json(list[dict[str, Any]])
    names = [(one.get("type", 1), one.get("name", "")) for one in wanted]
    if len(wanted) > COMMANDS or len(set(names)) < len(names):
        raise invalid("too many commands, or two of one name")
    for one in wanted:
        is_chat = one.get("type", 1) == 1
        if is_chat and not 1 <= len(str(one.get("description") or "")) <= 100:
            raise invalid("a description has 1 to 100 characters")
    stored = [one | {"id": str(call.state.next_id())} for one in wanted]
    call.state.commands[call.guild.id] = stored
    return stored


def edit_answer(call: Call) -> Any:
    found = call.state.interaction(call.path["token"])
    kept = found.answer or {"id": str(call.state.next_id()), "channel_id": "0"}
    found.answer = kept | _content(call, empty_is_fine=True)
    return found.answer


def follow_up(call: Call) -> Any:
    found = call.state.interaction(call.path["token"])
    message = {"id": str(call.state.next_id()), "channel_id": "0"} | _content(call)
    found.follow_ups.append(message)
    return message


def delete_answer(call: Call) -> None:
    call.state.interaction(call.path["token"]).answer = None


def member_json(held: Member) -> dict[str, Any]:
    return {
        "user": {"id": str(held.id), "username": held.username, "bot": held.bot},
        "roles": [str(role) for role in held.roles],
        "nick": None,
        "joined_at": "2024-01-01T00:00:00.000000+00:00",
    }


def role_json(role: state.Role) -> dict[str, Any]:
    return {
        "id": str(role.id),
        "name": role.name,
        "position": role.position,
        "permissions": str(role.permissions),
        "managed": role.managed,
    }


def _rule(method: str, path: str, endpoint: Endpoint) -> Rule:
    return Rule(PREFIX + path, endpoint=endpoint, methods=[method])


_MEMBER = "/guilds/<int:guild>/members/<int:user>"
_ROLE = f"{_MEMBER}/roles/<int:role>"
_MESSAGES = "/channels/<int:channel>/messages"
_COMMANDS = "/applications/<int:application>/guilds/<int:guild>/commands"
_WEBHOOK = "/webhooks/<int:application>/<token>"
_ORIGINAL = f"{_WEBHOOK}/messages/@original"
RULES = [
    _rule("GET", "/users/@me", Endpoint("users.me", me, "application")),
    _rule("GET", "/applications/@me", Endpoint("applications.me", application, "application")),
    _rule("GET", "/guilds/<int:guild>", Endpoint("guilds.get", guild, "guild", "guild")),
    _rule("GET", "/guilds/<int:guild>/roles", Endpoint("guilds.roles", roles, "guild", "guild")),
    _rule("GET", _MEMBER, Endpoint("members.get", member, "member", "guild")),
    _rule(
        "GET", "/guilds/<int:guild>/members", Endpoint("members.list", members, "members", "guild")
    ),
    _rule("PUT", _ROLE, Endpoint("members.addRole", add_role, "roles", "guild")),
    _rule("DELETE", _ROLE, Endpoint("members.removeRole", remove_role, "roles", "guild")),
    _rule("POST", _MESSAGES, Endpoint("messages.create", create_message, "messages", "channel")),
    _rule(
        "PATCH",
        f"{_MESSAGES}/<int:message>",
        Endpoint("messages.edit", edit_message, "edits", "channel"),
    ),
    _rule(
        "DELETE",
        f"{_MESSAGES}/<int:message>",
        Endpoint("messages.delete", delete_message, "edits", "channel"),
    ),
    _rule("GET", _COMMANDS, Endpoint("commands.list", commands, "commands")),
    _rule("PUT", _COMMANDS, Endpoint("commands.put", put_commands, "commands")),
    _rule(
        "POST",
        _WEBHOOK,
        Endpoint("interactions.followUp", follow_up, "interaction", "token", with_token=False),
    ),
    _rule(
        "PATCH",
        _ORIGINAL,
        Endpoint("interactions.edit", edit_answer, "interaction", "token", with_token=False),
    ),
    _rule(
        "DELETE",
        _ORIGINAL,
        Endpoint("interactions.delete", delete_answer, "interaction", "token", with_token=False),
    ),
]
NAMES = frozenset(rule.endpoint.name for rule in RULES)
URLS = Map(RULES).bind("emulator")
