"""Describe in one sentence what an act leads to, before it is done."""

from collections.abc import Callable

from players.actions.facts import Facts
from players.policy.community import TimeInRank
from players.policy.warning_thresholds import ThresholdSanction, sanctions_after

Consequence = Callable[[Facts], str]


def says(sentence: str) -> Consequence:
    """Return a consequence with the same sentence for everybody."""
    return lambda facts: sentence


def unsaid(facts: Facts) -> str:
    return ""


def warn(facts: Facts) -> str:
    rules, count = facts.policy.bundle.punishments, len(facts.active_warnings) + 1
    following = sanctions_after(
        count, rules, suspended=facts.suspension is not None, banned=facts.ban is not None
    )
    if ThresholdSanction.BAN in following:
        return f"Warning {count}: a ban is asked for, and waits for a second person."
    if ThresholdSanction.SUSPENSION in following:
        return f"Warning {count} of {rules.trial_threshold}: it suspends them for {rules.trial_days} days."
    end = f", and counts for {rules.warning_days} days" if rules.warning_days else ""
    return f"This is warning {count}; at {rules.trial_threshold} they are suspended{end}."


def suspend(facts: Facts) -> str:
    held = facts.policy.ranks.get(facts.player.rank_id)
    former = held.name if held and not held.is_punishment else _former_rank(facts)
    rank = facts.policy.bundle.suspended.name
    return (
        f"They hold {rank} meanwhile: no points, no promotion. {former} is given back at the end."
    )


def lift(facts: Facts) -> str:
    former = _former_rank(facts) or facts.policy.bundle.first.name
    return f"They get {former} back now, held since when it was."


def leave(facts: Facts) -> str:
    rules = facts.policy.bundle.community.leave
    rests = rules is not None and rules.time_in_rank == TimeInRank.RESTS
    time = "rests" if rests else "goes on"
    return f"Nothing is asked of them meanwhile, and their time in rank {time}."


def _former_rank(facts: Facts) -> str:
    return facts.player.former_rank.name if facts.player.former_rank else ""
