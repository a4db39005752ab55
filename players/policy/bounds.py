"""Bounds of the commands that an experience's game servers may send.

A key proves the experience, but not the officer whom a command names. So the experience bounds a
command, whatever rank it names: which acts, how many points per act and per day, how many people
per day, and below which rank they must be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from players.policy.bundle import Bundle

HIGHER_THAN_ANY = 2**31


class Kind(StrEnum):
    """An act that a game server may send. `award`: an event that an officer gives in a game."""

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
    LOCK = "lock"


# Recommendations come as events, many on a busy day. Counted alone, they do not use up the limits
# of the acts that keep order.
BY_THEMSELVES = (Kind.RECOMMEND,)

Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Ceiling(msgspec.Struct, frozen=True, rename="camel"):
    """The limits of one kind of act.

    Points per act, points and people per day (UTC), and the level or rank that people must be below
    (None: anybody). Kinds share one count. A kind that is `own` has its own count.
    """

    points_per_act: Whole = 500
    points_per_day: Whole = 2500
    people_per_day: Whole = 20
    below: str | None = "CMD"
    own: bool = False


class Terms(msgspec.Struct, frozen=True):
    """The kinds of acts that an experience may send, each with its ceiling."""

    acts: dict[str, Ceiling]


class Differing(msgspec.Struct, frozen=True, rename="camel"):
    """The configured limits of one kind of act, where they differ from the shared ones."""

    points_per_act: Whole | None = None
    points_per_day: Whole | None = None
    people_per_day: Whole | None = None
    below: str | msgspec.UnsetType | None = msgspec.UNSET


class Bounds(msgspec.Struct, frozen=True, rename="camel"):
    """The configured bounds of an experience.

    `acts`: the allowed kinds, every kind if left out. `each`: differing limits by kind.
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
    """Parse stored terms. Without any, return the defaults."""
    return msgspec.convert(document, Terms) if document else DEFAULTS


def written(terms: Terms) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(terms)
    return found


def position_below(name: str | None, bundle: Bundle) -> int:
    """Return the lowest position that is no longer below `name`.

    `name` is a level or rank. With an unknown one nobody is below it.
    """
    if name is None:
        return HIGHER_THAN_ANY
    if name in bundle.by_name:
        return bundle.by_name[name].position
    return min((rank.position for rank in bundle.ranks if rank.level == name), default=0)


def tightest(one: Terms, other: Terms, bundle: Bundle) -> Terms:
    """Return the terms that both allow."""
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
    """Return a phrase for each thing that `after` allows and `before` does not."""
    return list(_loosened(before, after, bundle))


def _loosened(before: Terms, after: Terms, bundle: Bundle) -> Iterator[str]:
    for kind, ceiling in after.acts.items():
        held = before.acts.get(kind)
        if held is None:
            yield f"{kind}: {told(ceiling)}"
        elif _tighter(ceiling, held, bundle) != ceiling:
            yield f"{kind}: {told(ceiling)}, instead of {told(held)}"


def told(ceiling: Ceiling) -> str:
    """Describe a ceiling in words."""
    height = f"who stand below {ceiling.below}" if ceiling.below is not None else "of any rank"
    counted = ", counted by itself" if ceiling.own else ""
    return (
        f"{ceiling.people_per_day:,} people a day {height}, {ceiling.points_per_act:,} points an act and "
        f"{ceiling.points_per_day:,} a day{counted}"
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What acts of a day used up: hundredths moved, without signs, and people acted on.

    `known`: whether the person of the next act is one of them.
    """

    spent: int
    people: int
    known: bool


@dataclass(frozen=True, slots=True)
class BoundedAct:
    """An act from a game server, with the hundredths that it moves.

    `position`: the higher one of the person's rank and the rank that the act gives.
    """

    kind: str
    amount: int
    position: int


def past(terms: Terms, act: BoundedAct, usage: Usage, bundle: Bundle) -> str:
    """Return why an act exceeds the bounds of an experience, as a phrase, or an empty string."""
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
