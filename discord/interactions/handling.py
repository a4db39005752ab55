"""Answer one interaction whose signature was verified, within Discord's three seconds.

Reads are answered at once. What acts is stored and answered by a worker, since it may wait for
Roblox and for locks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from redis import RedisError

from common.errors import Refused
from discord.interactions import answers, buttons, commands, limits, payloads, pending, people
from discord.interactions.answers import PONG, Answer
from discord.interactions.commands import LeaveCommand, MemberCommand, StaffCommand
from discord.interactions.payloads import Interaction
from discord.interactions.performing import UNKNOWN
from players.active_policy import active

REMEMBERED = 180  # seconds; longer than a signature's time may be off
OFF = "The community's policy switches commands in Discord off."
ELSEWHERE = "This works only in the community's own server."
log = structlog.get_logger("grps.discord")


class OtherApplication(Exception):
    """The interaction is for another application than the configured one."""


class Repeated(Exception):
    """The interaction was handled already."""


def answer(asked: Interaction) -> Answer:
    """Return the answer. Raises OtherApplication, Repeated."""
    if int(asked.application_id) != settings.DISCORD_APPLICATION_ID:
        raise OtherApplication
    if asked.type == payloads.PING:
        return PONG
    if not asked.guild_id or int(asked.guild_id) != settings.DISCORD_GUILD_ID:
        return answers.private(ELSEWHERE)
    if not active().bundle.community.discord.commands:
        return answers.private(OFF)
    typing = asked.type == payloads.AUTOCOMPLETE
    if why_not := limits.why_not(asked.discord_id, typing=typing):
        return answers.choices(()) if typing else answers.private(why_not)
    try:
        return HANDLERS[asked.type](asked)
    except Refused as error:
        return answers.choices(()) if typing else answers.private(answers.refusal(error))


def _command(asked: Interaction) -> Answer:
    command = commands.BY_NAME.get(asked.data.name)
    if isinstance(command, StaffCommand | LeaveCommand):
        people.roblox_id_of(asked.discord_id)  # nobody else's interactions are stored
        return _later(asked, {"name": command.name, "options": asked.options})
    if command is None:
        raise Refused(UNKNOWN)
    _refuse_repeated(asked)
    return command.answer(asked)


def _names(asked: Interaction) -> Answer:
    command = commands.BY_NAME.get(asked.data.name)
    if isinstance(command, MemberCommand):
        return answers.choices(people.offered_to_all(asked.focused))
    if isinstance(command, StaffCommand) and people.staff(asked.discord_id).has(people.SEES):
        return answers.choices(people.offered_to_staff(asked.focused))
    return answers.choices(())


def _button(asked: Interaction) -> Answer:
    _refuse_repeated(asked)
    return buttons.open_dialog(asked)


def _dialog(asked: Interaction) -> Answer:
    people.roblox_id_of(asked.discord_id)
    return _later(asked, buttons.of_dialog(asked))


HANDLERS: dict[int, Callable[[Interaction], Answer]] = {
    payloads.COMMAND: _command,
    payloads.COMPONENT: _button,
    payloads.AUTOCOMPLETE: _names,
    payloads.MODAL: _dialog,
}


def _later(asked: Interaction, stored: Mapping[str, Any]) -> Answer:
    """Store what is asked for a worker. Raises Repeated."""
    if not pending.accept(asked, stored):
        raise Repeated
    return answers.deferred()


def _refuse_repeated(asked: Interaction) -> None:
    """Remember the id of an interaction that only reads. Raises Repeated.

    Without Valkey a repeated read is answered again, which does no harm.
    """
    try:
        is_new = cache.add(f"discord:interaction:{asked.id}", 1, REMEMBERED)
    except RedisError as error:
        log.warning("Valkey is unavailable; a repeated read would be answered", error=str(error))
        return
    if not is_new:
        raise Repeated
