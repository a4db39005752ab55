"""What Discord sends: one interaction with its command, button or dialog.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

Snowflake = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}$")]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]

PING, COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = range(1, 6)
TEXT_INPUT = 4  # type of a component


class BadInteraction(Exception):
    """A signed body that cannot be read. The text says why."""


class User(msgspec.Struct, frozen=True):
    id: Snowflake
    username: str = ""


class Member(msgspec.Struct, frozen=True):
    user: User


class Option(msgspec.Struct, frozen=True):
    """`focused`: the person is typing its value now."""

    name: str
    value: str | int | float | bool | None = None
    focused: bool = False


class Component(msgspec.Struct, frozen=True):
    """A row or label that holds others, or a text that a person entered."""

    type: int = 0
    custom_id: str = ""
    value: str = ""
    components: tuple["Component", ...] = ()
    component: "Component | None" = None


class Data(msgspec.Struct, frozen=True):
    """`name` and `options` of a command, `custom_id` and `components` of a button or dialog."""

    name: str = ""
    options: tuple[Option, ...] = ()
    custom_id: str = ""
    components: tuple[Component, ...] = ()


class Interaction(msgspec.Struct, frozen=True):
    """One interaction. `member` in a server, `user` in direct messages."""

    id: Snowflake
    application_id: Snowflake
    type: int
    token: Token
    data: Data = Data()
    guild_id: Snowflake | None = None
    member: Member | None = None
    user: User | None = None

    @property
    def discord_id(self) -> int:
        """Discord's id of the person, 0 if none is named."""
        found = self.member.user if self.member else self.user
        return int(found.id) if found else 0

    @property
    def options(self) -> dict[str, Any]:
        return {one.name: one.value for one in self.data.options}

    @property
    def focused(self) -> str:
        """The text of the option in which the person is typing."""
        return next((str(one.value) for one in self.data.options if one.focused), "")

    @property
    def texts(self) -> dict[str, str]:
        """The texts of a dialog by the ids of their fields."""
        return {
            one.custom_id: one.value for one in _all(self.data.components) if one.type == TEXT_INPUT
        }


_decoder = msgspec.json.Decoder(Interaction)


def parse(body: bytes) -> Interaction:
    """Parse a body whose signature was verified. Raises BadInteraction."""
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInteraction(f"{error}.") from None
    if not PING <= found.type <= MODAL:
        raise BadInteraction(f"type: {found.type} is not known here.")
    return found


def _all(components: tuple[Component, ...]) -> Iterator[Component]:
    for one in components:
        yield one
        yield from _all(one.components + ((one.component,) if one.component else ()))
