"""The commands of Discord: names, texts and options, as they are registered and carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from discord.interactions import leave_commands as leave
from discord.interactions import member_commands as members
from discord.interactions import staff_commands as staff
from discord.interactions.answers import Answer
from discord.interactions.payloads import Interaction
from players.moderation.input import LONGEST_REASON

CHAT_INPUT, IN_GUILD = 1, 0  # type of a command, and where it can be used
STRING, INTEGER, NUMBER = 3, 4, 10  # types of options
MODERATE_MEMBERS = str(1 << 40)  # hides a command from other members; our rules decide
LONGEST_SUSPENSION = LONGEST_LEAVE = 365  # days; the policy may allow less
LARGEST_AMOUNT = 1_000_000  # points

Definition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MemberCommand:
    """A command that is answered at once, from what the database holds."""

    name: str
    description: str
    answer: Callable[[Interaction], Answer]
    options: tuple[Definition, ...] = ()


@dataclass(frozen=True, slots=True)
class StaffCommand:
    """A command of staff, which a worker carries out. Only the person who asked sees the answer."""

    name: str
    description: str
    perform: staff.Perform
    options: tuple[Definition, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveCommand:
    """A command by which a member asks for leave. A worker carries it out."""

    name: str
    description: str
    perform: leave.Perform
    options: tuple[Definition, ...] = ()


Command = MemberCommand | LeaveCommand | StaffCommand


def _option(kind: int, name: str, description: str, **settings: Any) -> Definition:
    required = settings.pop("required", True)
    return {
        "type": kind,
        "name": name,
        "description": description,
        "required": required,
    } | settings


ANYBODY = _option(STRING, "player", "Somebody else.", required=False, autocomplete=True)
PLAYER = _option(STRING, "player", "The player's name on Roblox.", autocomplete=True)
REASON = _option(STRING, "reason", "Why. The player reads it.", max_length=LONGEST_REASON)
PERIOD = _option(
    STRING,
    "period",
    "Of all time, or of a period.",
    required=False,
    choices=[
        {"name": title, "value": word}
        for title, word in (
            ("All time", "all"),
            ("This week", "week"),
            ("This month", "month"),
            ("This season", "season"),
        )
    ],
)

MEMBERS: tuple[MemberCommand, ...] = (
    MemberCommand("rank", "Your rank, or somebody else's.", members.rank, (ANYBODY,)),
    MemberCommand("points", "Your points, or somebody else's.", members.points, (ANYBODY,)),
    MemberCommand("leaderboard", "Who has the most points.", members.leaderboard, (PERIOD,)),
    MemberCommand("next", "What you lack for the next rank.", members.next_rank),
    MemberCommand("events", "What is planned and what runs now.", members.events),
    MemberCommand("link", "Link your Discord and Roblox accounts.", members.link),
)
LEAVE: tuple[LeaveCommand, ...] = (
    LeaveCommand(
        "leave",
        "Ask for a leave of absence.",
        leave.ask,
        (
            _option(INTEGER, "days", "For how many days.", min_value=1, max_value=LONGEST_LEAVE),
            REASON | {"description": "Why. Only staff read it."},
            _option(
                STRING,
                "from",
                "The first day, as 2026-12-24; today if left out.",
                required=False,
                min_length=10,
                max_length=10,
            ),
        ),
    ),
)
STAFF: tuple[StaffCommand, ...] = (
    StaffCommand("case", "What staff know of a player.", staff.case, (PLAYER,)),
    StaffCommand("warn", "Warn a player.", staff.act("warn"), (PLAYER, REASON)),
    StaffCommand(
        "suspend",
        "Suspend a player.",
        staff.act("suspend"),
        (
            PLAYER,
            REASON,
            _option(
                INTEGER,
                "days",
                "For how many days; as the policy says if left out.",
                required=False,
                min_value=1,
                max_value=LONGEST_SUSPENSION,
            ),
        ),
    ),
    StaffCommand(
        "adjust",
        "Add points to a player, or take some away.",
        staff.act("adjust"),
        (
            PLAYER,
            _option(
                NUMBER,
                "points",
                "How many; below 0 takes points away.",
                min_value=-LARGEST_AMOUNT,
                max_value=LARGEST_AMOUNT,
            ),
            REASON | {"description": "Why."},
        ),
    ),
    StaffCommand(
        "note",
        "Write a note that only staff see.",
        staff.act("note"),
        (PLAYER, _option(STRING, "text", "What staff should know.", max_length=2000)),
    ),
    StaffCommand("ban", "Where to ban a player.", staff.act("ban"), (PLAYER,)),
)
ALL: tuple[Command, ...] = (*MEMBERS, *LEAVE, *STAFF)
BY_NAME = {one.name: one for one in ALL}


def definitions() -> list[Definition]:
    """Return the body that registers the commands in the community's server."""
    return [_definition(one) for one in BY_NAME.values()]


def _definition(command: Command) -> Definition:
    found: Definition = {
        "type": CHAT_INPUT,
        "name": command.name,
        "description": command.description,
        "options": list(command.options),
        "contexts": [IN_GUILD],
    }
    if isinstance(command, StaffCommand):
        found["default_member_permissions"] = MODERATE_MEMBERS
    return found
