"""Interpret a player's stored membership.

Only players.ranks.membership_changes changes it.
"""

from django.conf import settings

from players.policy.membership import MembershipStatus


def can_be_asked() -> bool:
    """Return whether a Roblox group is configured."""
    return settings.ROBLOX_GROUP_ID is not None


def present(stored: str) -> MembershipStatus:
    """Return the membership that rules use.

    Without a configured group nothing can be read from Roblox, so unknown counts as member.
    """
    membership = MembershipStatus(stored)
    if membership is MembershipStatus.UNKNOWN and not can_be_asked():
        return MembershipStatus.MEMBER
    return membership


def belonging() -> list[str]:
    """Return the values of `Player.member` that count as member now, for queries."""
    return [one.value for one in MembershipStatus if present(one) is MembershipStatus.MEMBER]
