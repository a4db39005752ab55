"""Values of event types, and the caps of awards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from players.policy.multipliers import Multiplier, Occasion, factor, multiplied


@dataclass(frozen=True, slots=True)
class EventKind:
    """The value of one type of event, in hundredths.

    Either `weight` or `weight_by_level` (by the actor's level) is set.
    """

    weight: int | None
    weight_by_level: Mapping[str, int] = field(default_factory=dict)
    counter: str | None = None
    cooldown: int | None = None
    shortest: int | None = None
    recommends: bool = False

    def per_unit(self, actor_level: str | None) -> int | None:
        """Return the weight of one unit, or None if the actor's level is not entitled."""
        return (
            self.weight if self.weight is not None else self.weight_by_level.get(actor_level or "")
        )

    def worth(self, magnitude: int) -> int:
        """Return the most that an event moves, without its sign, at least a hundredth per unit."""
        return max(1, abs(self.highest)) * magnitude

    @property
    def highest(self) -> int:
        return self.weight if self.weight is not None else max(self.weight_by_level.values())


@dataclass(frozen=True, slots=True)
class PointsPolicy:
    """Values of event types and the caps, in hundredths. `cooldowns` and `counters` by event type."""

    daily_cap: int
    weekly_cap: int
    events: Mapping[str, EventKind]
    cooldowns: Mapping[str, int]
    counters: Mapping[str, str]
    multipliers: tuple[Multiplier, ...] = ()


def award_at(amount: int, occasion: Occasion, policy: PointsPolicy) -> int:
    """Return an award in hundredths with the highest multiplier of its time."""
    return multiplied(amount, factor(policy.multipliers, occasion))


def full_award(
    type_: str, magnitude: int, actor_level: str | None, policy: PointsPolicy
) -> int | None:
    """Return weight times magnitude in hundredths, without multipliers.

    Returns None for an unknown type or an actor who is not entitled.
    """
    kind = policy.events.get(type_)
    per_unit = kind.per_unit(actor_level) if kind else None
    return None if per_unit is None else per_unit * magnitude
