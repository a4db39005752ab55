"""What an experience may do to people by the commands of its game servers.

A key proves the experience and never the officer whom a command names. So a command is bounded by
its experience, whatever rank it names: which acts, how many points an act and a day, how many
people a day, how high they may stand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from players.policy.bundle import Bundle

HIGHER_THAN_ANY = 2**31


class Kind(StrEnum):
    """An act that a game server may bring; an event that an officer gives in a game is `award`."""

    WARN = "warn"
    PARDON = "pardon"
    SUSPEND = "suspend"
    LIFT = "lift"
    BAN = "ban"
    UNBAN = "unban"
    NOTE = "note"
    RECOMMEND = "recommend"
    ADJUST = "adjust"
    AWARD = "award"
    PROPOSE = "propose"


# Recommendations come as events, many on a good day: they do not use up what officers need to keep
# order.
BY_THEMSELVES = (Kind.RECOMMEND,)

Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Ceiling(msgspec.Struct, frozen=True, rename="camel"):
    """How far one kind of act goes: points an act, points and people a day (UTC), and below which
    level or rank people must stand (None: anybody). Kinds are counted together; a kind that is
    `own` is counted alone.
    """

    points_per_act: Whole = 500
    points_per_day: Whole = 2500
    people_per_day: Whole = 20
    below: str | None = "CMD"
    own: bool = False


class Terms(msgspec.Struct, frozen=True):
    """The kinds of acts that an experience may bring, each with its ceiling."""

    acts: dict[str, Ceiling]


class Differing(msgspec.Struct, frozen=True, rename="camel"):
    """What differs for one kind of act, in the configuration."""

    points_per_act: Whole | None = None
    points_per_day: Whole | None = None
    people_per_day: Whole | None = None
    below: str | msgspec.UnsetType | None = msgspec.UNSET


class Bounds(msgspec.Struct, frozen=True, rename="camel"):
    """The bounds of an experience as the configuration says them. `acts`: left out, every kind.
    `each`: by kind.
    """

    acts: tuple[str, ...] | None = None
    points_per_act: Whole = 500
    points_per_day: Whole = 2500
    people_per_day: Whole = 20
    below: str | None = "CMD"
    each: dict[str, Differing] = {}

    @property
    def terms(self) -> Terms:
        shared = Ceiling(self.points_per_act, self.points_per_day, self.people_per_day, self.below)
        allowed = [*Kind] if self.acts is None else [Kind(name) for name in self.acts]
        each = {str(kind): Differing() for kind in BY_THEMSELVES} | self.each
        return Terms({str(kind): _differing(shared, each.get(kind)) for kind in allowed})


def _differing(shared: Ceiling, own: Differing | None) -> Ceiling:
    if own is None:
        return shared
    return Ceiling(
        shared.points_per_act if own.points_per_act is None else own.points_per_act,
        shared.points_per_day if own.points_per_day is None else own.points_per_day,
        shared.people_per_day if own.people_per_day is None else own.people_per_day,
        shared.below if own.below is msgspec.UNSET else own.below,
        own=True,
    )


DEFAULTS = Bounds().terms


def read(document: Any) -> Terms:
    """Terms as they were kept; nothing kept means the defaults."""
    return msgspec.convert(document, Terms) if document else DEFAULTS


def written(terms: Terms) -> dict[str, Any]:
    """Terms as JSON."""
    found: dict[str, Any] = msgspec.to_builtins(terms)
    return found


def position_below(name: str | None, bundle: Bundle) -> int:
    """From which position on people stand too high. A level or rank that the policy has not leaves
    nobody below it.
    """
    if name is None:
        return HIGHER_THAN_ANY
    if name in bundle.by_name:
        return bundle.by_name[name].position
    return min((rank.position for rank in bundle.ranks if rank.level == name), default=0)


def tightest(one: Terms, other: Terms, bundle: Bundle) -> Terms:
    """What both allow."""
    both = [kind for kind in one.acts if kind in other.acts]
    return Terms({kind: _tighter(one.acts[kind], other.acts[kind], bundle) for kind in both})


def _tighter(one: Ceiling, other: Ceiling, bundle: Bundle) -> Ceiling:
    lower = (
        one if position_below(one.below, bundle) <= position_below(other.below, bundle) else other
    )
    return Ceiling(
        min(one.points_per_act, other.points_per_act),
        min(one.points_per_day, other.points_per_day),
        min(one.people_per_day, other.people_per_day),
        lower.below,
        own=one.own and other.own,
    )


def loosened(before: Terms, after: Terms, bundle: Bundle) -> list[str]:
    """What `after` allows that `before` does not, a phrase each; nothing where it is as tight or
    tighter.
    """
    return list(_loosened(before, after, bundle))


def _loosened(before: Terms, after: Terms, bundle: Bundle) -> Iterator[str]:
    for kind, ceiling in after.acts.items():
        held = before.acts.get(kind)
        if held is None:
            yield f"{kind}: {told(ceiling)}"
        elif _tighter(ceiling, held, bundle) != ceiling:
            yield f"{kind}: {told(ceiling)}, instead of {told(held)}"


def told(ceiling: Ceiling) -> str:
    """A ceiling in words."""
    height = f"who stand below {ceiling.below}" if ceiling.below is not None else "of any rank"
    counted = ", counted by itself" if ceiling.own else ""
    return (
        f"{ceiling.people_per_day:,} people a day {height}, {ceiling.points_per_act:,} points an act and "
        f"{ceiling.points_per_day:,} a day{counted}"
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What acts of a day used up: hundredths moved, without signs, and people acted on. `known`:
    whether the person of the next act is one of them.
    """

    spent: int
    people: int
    known: bool


@dataclass(frozen=True, slots=True)
class BoundedAct:
    """An act that a game server brings: the hundredths that it moves, and the higher position of
    the person's rank and the rank that the act leads to.
    """

    kind: str
    amount: int
    position: int


def past(terms: Terms, act: BoundedAct, usage: Usage, bundle: Bundle) -> str:
    """Why an act is past what an experience may bring, as a phrase; empty where it is within."""
    ceiling, amount = terms.acts.get(act.kind), abs(act.amount)
    if ceiling is None:
        return f"it may not bring the act {act.kind}"
    if act.position >= position_below(ceiling.below, bundle):
        return f"it may act only on people below {ceiling.below}"
    if amount > ceiling.points_per_act * 100:
        return f"it may move {ceiling.points_per_act:,} points an act"
    if amount and usage.spent + amount > ceiling.points_per_day * 100:
        return f"it may move {ceiling.points_per_day:,} points a day"
    if not usage.known and usage.people >= ceiling.people_per_day:
        return f"it may act on {ceiling.people_per_day:,} people a day"
    return ""
