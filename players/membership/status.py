"""Interpret a player's stored membership.

Only players.ranks.membership_changes changes it.
"""

from django.conf import settings

from players.policy.membership import Membership


def can_be_asked() -> bool:
    """Return whether a Roblox group is configured."""
    return settings.ROBLOX_GROUP_ID is not None


def present(stored: str) -> Membership:
    """Return the membership that rules use.

    Without a configured group nothing can be read from Roblox, so unknown counts as member.
    """
    membership = Membership(stored)
    if membership is Membership.UNKNOWN and not can_be_asked():
        return Membership.MEMBER
    return membership


def belonging() -> list[str]:
    """Return the values of `Player.member` that count as member now, for queries."""
    return [one.value for one in Membership if present(one) is Membership.MEMBER]
