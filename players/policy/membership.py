"""Membership of the group, which decides about earning, promotion, powers and public pages."""

import enum

UNKNOWN_EARNS = 300  # seconds


class MembershipStatus(enum.StrEnum):
    """The membership read from Roblox.

    UNKNOWN: not read yet. LEFT: a former member. GUEST: never a member.
    """

    UNKNOWN = "unknown"
    MEMBER = "member"
    LEFT = "left"
    GUEST = "guest"


def belongs(membership: MembershipStatus) -> bool:
    """Return whether somebody can be promoted, has powers and is shown in public: members only."""
    return membership is MembershipStatus.MEMBER


def earns(membership: MembershipStatus, unknown_for: int | None) -> bool:
    """Return whether events award points.

    `unknown_for`: seconds since Roblox should have been asked, or None if that is not known.
    Somebody with unknown membership earns for UNKNOWN_EARNS seconds, in which Roblox is asked.
    """
    if membership is MembershipStatus.UNKNOWN:
        return unknown_for is None or unknown_for < UNKNOWN_EARNS
    return belongs(membership)


def is_ignored(role_names: list[str], ignored_roles: frozenset[str]) -> bool:
    """Return whether the policy ignores all roles that somebody holds. Then they count as a guest."""
    return bool(role_names) and all(name in ignored_roles for name in role_names)
