"""Why an act makes no sense for a player: one sentence, or "" if it makes sense.

Pages, previews and the act itself (with the player locked) call these functions. `params` is None
until somebody has filled them in.
"""

from common.errors import Refused
from players.actions.facts import Facts
from players.actions.params import (
    Ban,
    Exemption,
    ExemptionId,
    LeavePeriod,
    Params,
    Pardon,
    RankName,
    Suspension,
    Until,
)
from players.membership.status import present
from players.policy.membership import belongs
from players.quotas import exemptions
from players.ranks.restrictions import until, why_not

RETIRED = "The rank is not part of the active policy any more. Reject the proposal."
PAST = "until: that moment has passed; give a later one."


def always(facts: Facts, params: Params | None) -> str:
    return ""


def pardon(facts: Facts, params: Pardon | None) -> str:
    if params is None:
        return "" if facts.active_warnings else "They have no active warning."
    active = any(one.pk == params.sanction for one in facts.active_warnings)
    return "" if active else "The warning is not active any more."


def suspend(facts: Facts, params: Suspension | None) -> str:
    if params and params.until and params.until <= facts.now:
        return PAST
    return "They are suspended already." if facts.suspension else ""


def lift(facts: Facts, params: Params | None) -> str:
    return "" if facts.suspension else "They are not suspended."


def ban(facts: Facts, params: Ban | None) -> str:
    if params and params.until and params.until <= facts.now:
        return PAST
    return "They are banned already." if facts.ban else ""


def unban(facts: Facts, params: Params | None) -> str:
    return "" if facts.ban else "They are not banned."


def exempt(facts: Facts, params: Exemption | None) -> str:
    if params and params.until and params.until <= facts.now:
        return PAST
    if not facts.policy.bundle.community.quotas:
        return "The policy has no quotas."
    return ""


def end_exemption(facts: Facts, params: ExemptionId | None) -> str:
    return (
        "" if exemptions.open_id(facts.player, facts.now) else "They are not exempt from a quota."
    )


def recommend(facts: Facts, params: Params | None) -> str:
    if facts.player.banned or not facts.player.rank.can_earn:
        return "They cannot earn points now."
    return "You recommended them at this rank already." if facts.recommended else ""


def rank(facts: Facts, params: RankName | None) -> str:
    if facts.holds_punishment_rank:
        return "They are suspended: lift that first."
    if params is None:
        return ""
    if params.rank not in facts.policy.bundle.by_name:
        return "The rank is not part of the active policy."
    held = facts.policy.ranks.get(facts.player.rank_id)
    if held is not None and held.name == params.rank:
        return "They hold that rank already."
    return _restricted(facts, facts.policy.rank_ids[params.rank])


def _restricted(facts: Facts, to_rank_id: int) -> str:
    """Return why the player's restrictions keep them from a rank, or "" if they do not."""
    held = facts.policy.ranks.get(facts.player.rank_id)
    up = held is None or facts.policy.ranks[to_rank_id].position > held.position
    return why_not(facts.restrictions, to_rank_id, up=up)


def lock_promotions(facts: Facts, params: Until | None) -> str:
    if params and params.until and params.until <= facts.now:
        return PAST
    if lock := facts.promotion_lock:
        return f"Their promotions are locked {until(lock)} already."
    return ""


def unlock_promotions(facts: Facts, params: Params | None) -> str:
    return "" if facts.promotion_lock else "Their promotions are not locked."


def deny_rank(facts: Facts, params: RankName | None) -> str:
    if params is not None and facts.is_denied(params.rank):
        return "They are denied that rank already."
    held = facts.policy.ranks.get(facts.player.rank_id)
    if params is not None and held is not None and held.name == params.rank:
        return "They hold that rank: give them another one first."
    return ""


def allow_rank(facts: Facts, params: RankName | None) -> str:
    if params is not None and not facts.is_denied(params.rank):
        return "They are not denied that rank."
    return "" if any(one.rank_id for one in facts.restrictions) else "They are denied no rank."


def propose(facts: Facts, params: RankName | None) -> str:
    if facts.proposal is not None:
        return "A change of their rank is proposed already."
    return rank(facts, params)


def decide(facts: Facts, params: Params | None) -> str:
    return "" if facts.proposal else "Nothing is proposed for them."


def approve(facts: Facts, params: Params | None) -> str:
    if facts.proposal is None:
        return decide(facts, params)
    if facts.proposal.to_rank_id not in facts.policy.ranks:
        return RETIRED
    if facts.by.is_named(facts.proposal.proposed_by):
        return "You proposed it yourself."
    if restricted := _restricted(facts, facts.proposal.to_rank_id):
        return restricted
    return "" if facts.is_due else "They are no longer due for it: reject it instead."


def grant_leave(facts: Facts, params: LeavePeriod | None) -> str:
    if facts.policy.bundle.community.leave is None:
        return "The policy offers no leave of absence."
    return "" if belongs(present(facts.player.member)) else "They are no member of the group."


def granted_leave(facts: Facts, params: Params | None) -> str:
    return "" if facts.leave else "They have no granted leave."


def leave_request(facts: Facts, params: Params | None) -> str:
    return "" if facts.leave_request else "They ask for no leave."


def require(why_not: str) -> None:
    """Raises Refused if there is a reason why not."""
    if why_not:
        raise Refused(why_not)
