"""Who may do an act to a player, and which acts need a second person.

Pages check before they show a button. The act checks again with the player locked.
"""

import datetime as dt
from dataclasses import dataclass

from common.amounts import hundredths, points
from players.active_policy import ActivePolicy, active
from players.membership.status import present
from players.models import Approval, Player
from players.models import Rank as RankRow
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.daily_limit import Taken, Volume
from players.policy import permissions
from players.policy.bundle import RankRule
from players.policy.permissions import (
    FOR_MEMBERS,
    SECOND_PERSON,
    Act,
    Refusal,
    concerns,
    may,
)

ADJUSTMENT = "adjustment"  # the ledger's type of manual adjustments by staff

# What one person may move in a UTC day without a second person, whatever their rank: twice the
# points of the highest rank of the ladder, and as many players as one call of POST /adjustments may
# name.
MASS_POINTS = 100_000_00  # hundredths, without their signs
MASS_PLAYERS = 10_000
ALWAYS_SECOND = "It always needs a second person."


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether an act is allowed. `reason` says why not, or why it needs a second person."""

    allowed: bool
    needs_second_person: bool = False
    reason: str = ""
    cause: Approval.Cause = Approval.Cause.SECOND


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The facts besides the people by which an act is judged.

    `amount`: hundredths of an adjustment. `to`: the rank after a change. `policy` (default: the
    active one) and `taken` (today's use of the daily limit) are read if None. A caller that
    performs the act has locked `taken`.
    """

    now: dt.datetime
    amount: int = 0
    to: RankRule | None = None
    policy: ActivePolicy | None = None
    taken: Taken | None = None


def permission_for(act: Act, player: Player, by: Staff, circumstances: Circumstances) -> Permission:
    """Judge whether `by` may do `act` to `player`.

    A suspended player is judged by their former rank.
    """
    if player.erased_at is not None:
        return Permission(False, reason="The person was erased.")
    membership = present(player.member)
    bypasses = by.bypasses_second_person
    if not concerns(act, membership) and (act in FOR_MEMBERS or not bypasses):
        return Permission(False, reason=f"You may not: {Refusal.TARGET_NO_MEMBER}.")
    if bypasses:
        return Permission(True)
    policy = circumstances.policy or active()
    ranked = by.rank is not None
    to = circumstances.to
    found = _of_ranked(act, player, by, to, policy) if ranked else _of_owner(act, player, by)
    if not found.allowed or found.needs_second_person or act is not Act.ADJUST:
        return found
    taken = circumstances.taken
    if taken is None:
        taken = daily_limit.taken(by, circumstances.now)
    return past_limit(by, Volume.of(circumstances.amount), taken, policy) or found


def past_limit(
    by: Staff, volume: Volume, taken: Taken, policy: ActivePolicy | None = None
) -> Permission | None:
    """Return why points moved as one act need a second person, or None.

    Single adjustments, bulk jobs, files and undo all call this. `taken`: today's use so far.
    """
    why = _past_threshold(by, volume, policy) or _past_day(by, volume, taken)
    return Permission(True, True, why, Approval.Cause.LIMIT) if why else None


def _past_threshold(by: Staff, volume: Volume, policy: ActivePolicy | None) -> str:
    above = (policy or active()).bundle.second_above
    large = permissions.is_large(Act.ADJUST, volume.largest, above)
    if not large or by.bypasses_second_person:
        return ""
    return f"More than {points(above):,} points at once need a second person."


def _past_day(by: Staff, volume: Volume, taken: Taken) -> str:
    rank, moved = by.rank, volume.moved
    if rank is not None and permissions.past_limit(Act.ADJUST, rank, moved, taken.spent):
        return f"Past your limit of {points(rank.adjust_limit or 0)} points a day."
    if abs(moved) + taken.alone > MASS_POINTS:
        return f"It moves more than {MASS_POINTS // 100:,} points, with what you let go today."
    if volume.players + taken.players > MASS_PLAYERS:
        return f"It touches more than {MASS_PLAYERS:,} players, with those of today."
    return ""


def past_own_limit(by: Staff, moved: int) -> str:
    """Return why somebody may not be the second person for so many hundredths, or "".

    Approving does not use their own daily limit. But they cannot approve more than they may move at
    once.
    """
    limit = by.rank.adjust_limit if by.rank else None
    if limit is None or abs(moved) <= limit:
        return ""
    return f"It is past your own limit of {points(limit)} points too."


def _of_ranked(
    act: Act, player: Player, by: Staff, to: RankRule | None, policy: ActivePolicy
) -> Permission:
    """Judge by the rules of the ladder, without daily limits."""
    held = _rank_of(player, policy)
    if held is None:
        return Permission(False, reason="The player's rank is not part of the active policy.")
    assert by.rank is not None
    found = may(
        act,
        by.rank,
        held,
        own=by.is_player(player),
        actor_membership=by.membership,
        target_membership=present(player.member),
        to=to,
    )
    if not found.allowed:
        return Permission(False, reason=f"You may not: {found.reason}.")
    return Permission(True, found.second, ALWAYS_SECOND if found.second else "")


def _of_owner(act: Act, player: Player, by: Staff) -> Permission:
    """Judge an owner. No hierarchy limits them, since they have no rank. Every other rule applies."""
    if by.is_player(player):
        return Permission(False, reason="You may not: nobody acts on themselves.")
    second = act in SECOND_PERSON
    return Permission(True, second, ALWAYS_SECOND if second else "")


def _rank_of(player: Player, policy: ActivePolicy) -> RankRule | None:
    """Return the rank by which a player is judged: the former one if they are suspended."""
    if player.former_rank_id is None:
        return policy.ranks.get(player.rank_id)
    found = policy.ranks.get(player.former_rank_id)
    return found or (kept_rank(player.former_rank, policy) if player.former_rank else None)


def kept_rank(former: RankRow, policy: ActivePolicy) -> RankRule:
    """Return a former rank, or the nearest one below if the policy no longer has it."""
    held = policy.ranks.get(former.pk)
    if held is not None:
        return held
    below = [
        rank for rank in policy.bundle.ladder if rank.min_points <= hundredths(former.min_points)
    ]
    return below[-1] if below else policy.bundle.first
