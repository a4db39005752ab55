"""What a quota asks of somebody in a period, and what follows when they miss it."""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from players.policy.bundle import Bundle
from players.policy.community import Outcome, Quota

DAY = dt.timedelta(days=1)


class Span(NamedTuple):
    """UTC days from `first` until before `end`."""

    first: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        return (self.end - self.first).days


class Figures(NamedTuple):
    """Active minutes, hosted events attended, hosted events hosted: done, or asked for."""

    minutes: int = 0
    attended: int = 0
    hosted: int = 0

    def reaches(self, other: "Figures") -> bool:
        return all(have >= need for have, need in zip(self, other, strict=True))


class State(enum.StrEnum):
    """How somebody stands in a period. ON_COURSE and WILL_MISS: only while it is open."""

    MET = "met"
    ON_COURSE = "on_course"
    WILL_MISS = "will_miss"
    MISSED = "missed"
    EXCUSED = "excused"
    FREE = "free"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier periods of the quota say: how many there were, and misses in a row up to now."""

    periods: int = 0
    misses: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody in a period. `resting`: days of leave or exemption. `rank_since`: of their rank."""

    done: Figures
    resting: int
    rank_since: dt.datetime
    past: Past


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state, what was asked for, and the misses in a row after it."""

    state: State
    asked: Figures
    misses: int


def bound_ranks(quota: Quota, bundle: Bundle) -> list[str]:
    """Return the names of the ranks that a quota binds."""
    return [
        rank.name
        for rank in bundle.ranks
        if not rank.is_punishment and (rank.level in quota.levels or rank.name in quota.ranks)
    ]


def rested_days(spans: Iterable[Span], period: Span) -> int:
    """Return how many days of a period any of the spans covers."""
    days: set[dt.date] = set()
    for span in spans:
        first, end = max(span.first, period.first), min(span.end, period.end)
        days.update(first + number * DAY for number in range((end - first).days))
    return len(days)


def asked(quota: Quota, period: Span, resting: int) -> Figures | None:
    """Return what a quota asks for with so many days of rest, or None for nothing.

    Half a period of rest excuses from all of it. Less lowers what is asked for in proportion.
    """
    if 2 * resting >= period.days:
        return None
    share = period.days - resting
    return Figures(
        *(need * share // period.days for need in (quota.minutes, quota.attended, quota.hosted))
    )


def judge(quota: Quota, period: Span, standing: Standing) -> Judgement:
    """Judge a period that is over."""
    need, past = asked(quota, period, standing.resting), standing.past
    if need is None:
        return Judgement(State.EXCUSED, Figures(), past.misses)
    if standing.done.reaches(need):
        return Judgement(State.MET, need, 0)
    if is_free(quota, period, standing):
        return Judgement(State.FREE, need, 0)
    return Judgement(State.MISSED, need, past.misses + 1)


def foresee(quota: Quota, period: Span, standing: Standing, now: dt.datetime) -> Judgement:
    """Say how somebody stands in an open period, by the share of it that has passed."""
    found = judge(quota, period, standing)
    if found.state is not State.MISSED:
        return found
    passed = now - dt.datetime.combine(period.first, dt.time(), dt.UTC)
    share = max(0.0, passed / (period.days * DAY))
    by_now = Figures(*(int(need * share) for need in found.asked))
    state = State.ON_COURSE if standing.done.reaches(by_now) else State.WILL_MISS
    return Judgement(state, found.asked, standing.past.misses)


def is_free(quota: Quota, period: Span, standing: Standing) -> bool:
    """Return whether it is one of somebody's first periods, in which a miss does not count.

    The period in which they came under the quota is free too.
    """
    if standing.past.periods < quota.free_periods:
        return True
    start = dt.datetime.combine(period.first, dt.time(), dt.UTC)
    return standing.past.periods == 0 and standing.rank_since > start


def outcome(quota: Quota, misses: int) -> Outcome | None:
    """Return what follows the last of so many misses in a row."""
    due = [miss.outcome for miss in quota.misses if miss.after <= misses]
    return due[-1] if due else None


def missing(done: Figures, need: Figures) -> Sequence[str]:
    """Return in words what is missing."""
    words = ("active minutes", "events attended", "events hosted")
    return [
        f"{have} of {want} {what}"
        for have, want, what in zip(done, need, words, strict=True)
        if have < want
    ]
