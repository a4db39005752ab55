"""Membership of the group, which decides on earning, promotion, powers and public pages."""

import enum

UNKNOWN_EARNS = 300  # seconds


class Membership(enum.StrEnum):
    """What Roblox said of somebody. UNKNOWN: it was not asked yet; LEFT: they were a member; GUEST:
    they never were.
    """

    UNKNOWN = "unknown"
    MEMBER = "member"
    LEFT = "left"
    GUEST = "guest"


def belongs(membership: Membership) -> bool:
    """Whether somebody is promoted, has powers and is shown in public: members only."""
    return membership is Membership.MEMBER


def earns(membership: Membership, unknown_for: int | None) -> bool:
    """Whether events award points. `unknown_for`: seconds since Roblox should have been asked;
    None: nobody can say.

    Somebody unknown earns for UNKNOWN_EARNS seconds, in which Roblox is asked.
    """
    if membership is Membership.UNKNOWN:
        return unknown_for is None or unknown_for < UNKNOWN_EARNS
    return belongs(membership)


def is_ignored(role_names: list[str], ignored_roles: frozenset[str]) -> bool:
    """Whether all roles that somebody holds are ones that the policy ignores: they count as guests
    then.
    """
    return bool(role_names) and all(name in ignored_roles for name in role_names)
