"""Adopt ranks set manually on Roblox."""

import datetime as dt
from dataclasses import replace
from math import inf

from django.db import transaction

from audits.record import Actor
from common.errors import Refused
from players.active_policy import ActivePolicy, active
from players.models import Decision, Player
from players.policy.bundle import RankRule
from players.ranks.candidates import lock_candidate
from players.ranks.decision_records import (
    DecisionContext,
    change_ranks,
    manual_change,
    mark_applied,
    open_proposals,
    record_decisions,
    withdraw_proposals,
)


def adopt(
    user_id: int,
    rank_name: str,
    *,
    actor: Actor,
    now: dt.datetime,
    since: dt.datetime | None = None,
    trusted: bool = False,
    part_of: str = "",
) -> Decision | None:
    """Adopt a rank set on Roblox, held `since` a moment or from now on.

    It is applied at once. A privileged rank with powers that the player lacks here is only
    proposed, unless it is `trusted`. `part_of`: the work whose last event sums up what is applied.
    Returns None if the player holds the rank or it is already
    proposed. Raises Refused for an unknown player or rank, and if it would suspend or free
    somebody.
    """
    with transaction.atomic():
        policy, candidate = active(), lock_candidate(user_id)
        to, held = _rank(rank_name, policy), policy.ranks.get(candidate.rank_id)
        if to.is_punishment or (held is not None and held.is_punishment):
            raise Refused("Nobody is suspended or freed by a role on Roblox: staff must say.")
        to_rank, open_one = policy.rank_ids[rank_name], open_proposals([candidate.id])
        if to_rank in (candidate.rank_id, *(one.to_rank_id for one in open_one.values())):
            return None
        withdraw_proposals(list(open_one.values()), policy, actor, now)
        context = DecisionContext(policy, actor, now, Decision.Source.ROBLOX, "Roblox role updated")
        decision = manual_change(candidate, to_rank, context)
        if since is not None:
            decision.inputs |= {"restoresSince": since.isoformat()}
        if trusted or _brings_nothing(to, held):
            mark_applied(decision, f"{actor.kind}:{actor.id}", now)
        decision.save()
        if decision.status == Decision.Status.APPLIED:
            change_ranks([(candidate, decision)], now)
            if since is not None:
                Player.objects.filter(pk=candidate.id).update(rank_since=since)
        applied = decision.status == Decision.Status.APPLIED
        record_decisions(
            [(candidate, decision)], replace(context, part_of=part_of) if applied else context
        )
        return decision


def _rank(name: str, policy: ActivePolicy) -> RankRule:
    if name not in policy.rank_ids:
        raise Refused(f"There is no rank {name!r}. The ranks are: {', '.join(policy.rank_ids)}.")
    return policy.bundle.by_name[name]


def _brings_nothing(to: RankRule, held: RankRule | None) -> bool:
    """Return whether a rank adds no powers to the held one. Then it is a demotion or no change."""
    if not to.privileged:
        return True
    if held is None or to.position > held.position:
        return False
    limits = [inf if rank.adjust_limit is None else rank.adjust_limit for rank in (to, held)]
    return limits[0] <= limits[1] and all(
        has <= had
        for has, had in (
            (to.can_warn, held.can_warn),
            (to.can_adjust, held.can_adjust),
            (to.can_ban, held.can_ban),
        )
    )
