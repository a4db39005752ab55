"""Which players' promotions are locked, and which ranks they are denied."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import F, Q

from players.active_policy import ActivePolicy
from players.models import Player, RankRestriction
from players.policy.bundle import RankRule
from players.policy.ranks import RankLock, lock_before
from players.ranks.candidates import Candidate


def in_force(player_ids: Sequence[int], now: dt.datetime) -> dict[int, list[RankRestriction]]:
    """Return the restrictions in force by our player id, those of all promotions first."""
    found: dict[int, list[RankRestriction]] = defaultdict(list)
    rows = RankRestriction.objects.filter(player__in=player_ids, lifted_at=None)
    running = rows.filter(Q(ends_at=None) | Q(ends_at__gt=now)).select_related("rank")
    for one in running.order_by(F("rank").asc(nulls_first=True), "pk"):
        found[one.player_id].append(one)
    return found


def locked(candidates: Iterable[Candidate], policy: ActivePolicy, now: dt.datetime) -> set[int]:
    """Return the ids of candidates who may not get the next rank of the ladder."""
    held = {candidate.id: candidate.rank_id for candidate in candidates}
    found = set()
    for player_id, restrictions in in_force([*held], now).items():
        target = policy.bundle.next_after(policy.ranks[held[player_id]])
        if lock_before(locks_of(restrictions), target, now) is not None:
            found.add(player_id)
    return found


def locks_of(restrictions: Iterable[RankRestriction]) -> list[RankLock]:
    """Return the restrictions as the policy reads them."""
    return [RankLock(one.rank.name if one.rank else None, one.ends_at) for one in restrictions]


def own_lock(user_id: int, target: RankRule | None, now: dt.datetime) -> RankLock | None:
    """Return what keeps the player with this Roblox user id from `target`, or None."""
    player_id = Player.objects.filter(user_id=user_id).values_list("pk", flat=True).first()
    if player_id is None or target is None:
        return None
    return lock_before(locks_of(in_force([player_id], now)[player_id]), target, now)


def words_for_member(lock: RankLock) -> str:
    """Return a sentence for the player themselves. The reason is for staff alone."""
    end = f" until {lock.ends_at:%Y-%m-%d %H:%M} UTC" if lock.ends_at else ""
    if lock.rank is None:
        return f"Your promotions are locked{end}."
    return f"You may not get the rank {lock.rank}{end}."


def why_not(restrictions: Sequence[RankRestriction], to_rank_id: int, *, up: bool) -> str:
    """Return why somebody with these restrictions may not get a rank, or "".

    `up`: it stands above the rank that they hold.
    """
    for one in restrictions:
        if one.rank_id == to_rank_id:
            return f"They are denied the rank {one.rank}: allow it first."
        if one.rank_id is None and up:
            return f"Their promotions are locked {until(one)}: unlock them first."
    return ""


def until(one: RankRestriction) -> str:
    """Return its end in words."""
    return f"until {one.ends_at:%Y-%m-%d %H:%M} UTC" if one.ends_at else "without an end"


def described(one: RankRestriction) -> dict[str, object]:
    """Return it as an audit event names it."""
    return {
        "restriction": one.pk,
        "rank": str(one.rank) if one.rank else None,
        "until": one.ends_at.isoformat() if one.ends_at else None,
    }
