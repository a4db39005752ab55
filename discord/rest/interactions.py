"""Answer an interaction later: change, add to or delete its answer, within 15 minutes."""

from dataclasses import dataclass, field
from typing import Any

from discord.rest import routes
from discord.rest.client import Discord, Nothing, Request
from discord.rest.messages import NO_MENTIONS, Message


@dataclass(frozen=True, slots=True)
class Interaction:
    """The interaction to answer. Whoever has `token` can answer it, so it is not shown."""

    application_id: int
    token: str = field(repr=False)

    @property
    def parts(self) -> dict[str, str | int]:
        return {"application": self.application_id, "token": self.token}


def edit_answer(client: Discord, interaction: Interaction, body: dict[str, Any]) -> Message:
    """Replace the first answer, also a deferred one."""
    content = {"allowed_mentions": NO_MENTIONS} | body
    return client.call(Request(routes.EDIT_ANSWER, interaction.parts, body=content), Message)


def follow_up(client: Discord, interaction: Interaction, body: dict[str, Any]) -> Message:
    """Add a message after the first answer."""
    content = {"allowed_mentions": NO_MENTIONS} | body
    return client.call(Request(routes.FOLLOW_UP, interaction.parts, body=content), Message)


def delete_answer(client: Discord, interaction: Interaction) -> None:
    client.call(Request(routes.DELETE_ANSWER, interaction.parts), Nothing)
