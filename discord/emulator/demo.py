"""A demo guild: a role for each rank of a ladder, and the channels of `make up`."""

import json
from pathlib import Path

from discord.emulator.state import MANAGE_ROLES, Guild, Member, Role, State

GUILD, QUEUE, EVENTS, LINKED = 8001, 8101, 8102, 8200
FIRST_ROLE = 8301
MEMBERS = 50
FIRST_MEMBER = 880_001


def roles_of(ladder: Path) -> dict[str, int]:
    """Return the role's id of each rank, in the order of the ladder."""
    ranks = json.loads(ladder.read_text())["ranks"]
    return {rank["name"]: FIRST_ROLE + place for place, rank in enumerate(ranks)}


def seed(state: State, ladder: Path) -> None:
    """Create the demo guild. Its bot may give every role of the ladder."""
    ranks = roles_of(ladder)
    roles = [Role(LINKED, "Linked", position=1)]
    roles += [Role(role, name, position=2 + role - FIRST_ROLE) for name, role in ranks.items()]
    bot = Role(8900, "GRPS", position=len(ranks) + 5, permissions=MANAGE_ROLES, managed=True)
    members = [Member(FIRST_MEMBER + number, f"demo_{number}") for number in range(MEMBERS)]
    guild = Guild(
        GUILD,
        "Demo",
        roles=[*roles, bot],
        members=members,
        channels=[QUEUE, EVENTS],
        bot_roles=[bot.id],
    )
    state.put_guild(guild)
