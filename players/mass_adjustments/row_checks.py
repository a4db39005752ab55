"""Decide in SQL which rows of an adjustment are skipped, and why.

The statement follows `players.policy.permissions.may`. For different rows, the answer of `may`
depends only on the positions of actor and player. A test compares the two.
"""

from typing import Any

from common.pg_arrays import numbers, optional
from players.active_policy import active
from players.models import Rank
from players.moderation.actors import Staff
from players.moderation.authorization import kept_rank
from players.policy.membership import MembershipStatus
from players.policy.permissions import Act, Refusal, may

UNKNOWN = "no player has this user id"
ERASED = "the player is erased"
OWN = str(Refusal.OWN)
ABOVE = "the player stands at or above the position of the requester"
OVERFLOW = "the sum would exceed a trillion points"
GONE = "the requester may no longer adjust anybody"
LIMITED = "it exceeds what the requester may now move in a day"

# Joins `rows`, which have a user_id, with their players and the players' positions. A position is
# NULL for a rank that is not part of the policy. `lookup` returns the parameters.
PLAYERS = """
    LEFT JOIN players p ON p.user_id = rows.user_id
    LEFT JOIN unnest(%(ranks)s::bigint[], %(positions)s::int[], %(kept_positions)s::int[])
        AS k(rank, position, kept_position) ON k.rank = coalesce(p.former_rank_id, p.rank_id)"""

# Why a row is skipped, or an empty string. `amount` is an expression in points.
NOTE = f"""
    CASE WHEN p.id IS NULL THEN '{UNKNOWN}'
         WHEN p.erased_at IS NOT NULL THEN '{ERASED}'
         WHEN p.id = %(actor)s::bigint THEN '{OWN}'
         WHEN %(below)s::int IS NOT NULL AND coalesce(%(below)s::int <=
              CASE WHEN p.former_rank_id IS NULL THEN k.position ELSE k.kept_position END, true)
         THEN '{ABOVE}'
         WHEN abs(p.adjusted + {{amount}}) >= 1e12
              OR abs(p.earned + p.adjusted + {{amount}}) >= 1e12
         THEN '{OVERFLOW}'
         ELSE '' END"""


def lookup(actor_id: int | None, below: int | None) -> dict[str, Any]:
    """Return the parameters of PLAYERS and NOTE.

    `actor_id`: id of the acting player, who is not adjusted. `below`: the actor's position, or None
    if no rank limits them.
    """
    policy = active()
    ranks = list(Rank.objects.all())
    held = [policy.ranks.get(rank.pk) for rank in ranks]
    return {
        "actor": actor_id,
        "below": below,
        "ranks": numbers(rank.pk for rank in ranks),
        "positions": optional(rank.position if rank else None for rank in held),
        "kept_positions": numbers(kept_rank(rank, policy).position for rank in ranks),
    }


def why_not_entitled(by: Staff) -> str:
    """Return why somebody may adjust nobody, even at the lowest rank, or an empty string."""
    if by.rank is None:
        return ""
    found = may(
        Act.ADJUST,
        by.rank,
        active().bundle.first,
        own=False,
        actor_membership=by.membership,
        target_membership=MembershipStatus.MEMBER,
    )
    return "" if found.allowed else str(found.reason)
