"""What a player's stored membership means now. It is changed by players.ranks.membership_changes
alone.
"""

from django.conf import settings

from players.policy.membership import Membership


def can_be_asked() -> bool:
    """Whether a group is configured that Roblox can be asked about."""
    return settings.ROBLOX_GROUP_ID is not None


def present(stored: str) -> Membership:
    """The membership that rules go by. Where no group is configured nobody can be asked: unknown
    counts as member.
    """
    membership = Membership(stored)
    if membership is Membership.UNKNOWN and not can_be_asked():
        return Membership.MEMBER
    return membership


def belonging() -> list[str]:
    """The values of `Player.member` that count as member now, for queries."""
    return [one.value for one in Membership if present(one) is Membership.MEMBER]
