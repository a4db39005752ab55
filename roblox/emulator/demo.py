"""A small demo community: one group, two experiences, three hundred players in each."""

from pathlib import Path

import msgspec

from roblox.emulator import setup
from roblox.emulator.errors import invalid
from roblox.emulator.seeding import Format, Seed, plant
from roblox.emulator.store import Store

GROUP, OWNER, KEY_OWNER = 7001, 1, 9001
ROLE_IDS = 70_000  # a role's id is this plus its rank
EVENT_HOST = 3  # rank of a role that is not part of the ladder
KEY_OWNER_RANK = 27
PLAYERS, MEMBERS, FIRST_USER = 300, 200, 1000
UNIVERSES: tuple[tuple[int, int, str, Format], ...] = (
    (5001, 6001, "Demo Arena", "grps"),
    (5002, 6002, "Demo Outpost", "legacy"),
)
STORE, INDEX = "GRPS_Points", "GRPS_Points_Index"
API_KEY = "emulator-key"


class LadderRank(msgspec.Struct, rename="camel"):
    """A rank of the roles file."""

    name: str
    role: int
    min_points: float = 0
    is_punishment: bool = False
    ignored: bool = False


class Ladder(msgspec.Struct):
    """The roles file."""

    ranks: list[LadderRank]


def seed_demo(store: Store, roles_file: Path) -> bool:
    """Create the demo. Returns False if it exists. Raises ApiError, OSError."""
    if store.read().execute("SELECT 1 FROM groups WHERE id = ?", (GROUP,)).fetchone():
        return False
    try:
        ladder = msgspec.json.decode(roles_file.read_bytes(), type=Ladder)
    except msgspec.DecodeError as error:
        raise invalid(f"{roles_file} is no file of ranks: {error}") from None
    for universe, place, name, form in UNIVERSES:
        setup.put_universe(store, setup.UniverseBody(universe, place, name))
        plant(store, Seed(universe, PLAYERS, STORE, form, FIRST_USER, index=INDEX, seed=universe))
    setup.put_key(store, setup.KeyBody(API_KEY, "Demo key", KEY_OWNER, ["*"]))
    setup.put_members(store, setup.MembersBody(GROUP, _members(store, ladder)), _group(ladder))
    return True


def _group(ladder: Ladder) -> setup.GroupBody:
    named = {rank.role: rank.name for rank in ladder.ranks} | {EVENT_HOST: "Event Host"}
    roles = [setup.RoleBody(ROLE_IDS + rank, rank, name) for rank, name in sorted(named.items())]
    return setup.GroupBody(GROUP, "Demo group", OWNER, roles)


def _members(store: Store, ladder: Ladder) -> list[setup.MemberBody]:
    steps = [
        rank
        for rank in ladder.ranks
        if not (rank.is_punishment or rank.ignored) and rank.role < KEY_OWNER_RANK
    ]
    steps.sort(key=lambda rank: rank.min_points)
    members = [setup.MemberBody(KEY_OWNER, "grps_ranker", [ROLE_IDS + KEY_OWNER_RANK])]
    query = "SELECT CAST(id AS INTEGER), max(value) FROM ordered GROUP BY id ORDER BY 1 LIMIT ?"
    for user, hundredths in store.read().execute(query, (MEMBERS,)).fetchall():
        fitting = [rank for rank in steps if rank.min_points * 100 <= hundredths]
        members.append(setup.MemberBody(user, f"citizen_{user}", [ROLE_IDS + fitting[-1].role]))
    return members
