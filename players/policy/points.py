"""What types of events are worth, and the caps of awards."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EventKind:
    """What one type of event is worth. Either `weight` or `weight_by_level` (the actor's) is set;
    hundredths.
    """

    weight: int | None
    weight_by_level: Mapping[str, int] = field(default_factory=dict)
    counter: str | None = None
    cooldown: int | None = None
    shortest: int | None = None
    recommends: bool = False

    def per_unit(self, actor_level: str | None) -> int | None:
        """The weight of one unit; None when the actor's level decides and is not entitled."""
        return (
            self.weight if self.weight is not None else self.weight_by_level.get(actor_level or "")
        )

    def worth(self, magnitude: int) -> int:
        """The most that an event moves, without its sign; at least a hundredth a unit."""
        return max(1, abs(self.highest)) * magnitude

    @property
    def highest(self) -> int:
        return self.weight if self.weight is not None else max(self.weight_by_level.values())


@dataclass(frozen=True, slots=True)
class PointsPolicy:
    """Awards and their caps (hundredths). `cooldowns` and `counters` are by type of event."""

    daily_cap: int
    weekly_cap: int
    events: Mapping[str, EventKind]
    cooldowns: Mapping[str, int]
    counters: Mapping[str, str]


def full_award(
    type_: str, magnitude: int, actor_level: str | None, policy: PointsPolicy
) -> int | None:
    """Weight times magnitude in hundredths; None for an unknown type or an actor who is not
    entitled.
    """
    kind = policy.events.get(type_)
    per_unit = kind.per_unit(actor_level) if kind else None
    return None if per_unit is None else per_unit * magnitude
