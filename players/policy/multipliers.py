"""Periods in which an event is worth more. Factors are whole hundredths: 150 is one and a half."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ONE = 100  # the factor that changes nothing
FORMAT = "%Y-%m-%dT%H:%M:%SZ"

type Defect = tuple[str, str, str]  # path in the document, message, fix


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A factor for the time from `start` until before `end`.

    `events` and `experiences`: the only ones that it is for, or None for all.
    """

    name: str
    start: dt.datetime
    end: dt.datetime
    factor: int
    events: frozenset[str] | None = None
    experiences: frozenset[str] | None = None

    def applies(self, type_: str, experience: str) -> bool:
        """Return whether it is for a type of event in an experience, whatever the time."""
        return (self.events is None or type_ in self.events) and (
            self.experiences is None or experience in self.experiences
        )


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an event's factor depends on. `experience`: its key, empty for the console."""

    type: str
    at: dt.datetime
    experience: str = ""


def factor(multipliers: Iterable[Multiplier], occasion: Occasion) -> int:
    """Return the highest factor at the moment of an event, ONE without any."""
    return highest(multipliers, occasion, dt.timedelta(0))


def highest(multipliers: Iterable[Multiplier], occasion: Occasion, within: dt.timedelta) -> int:
    """Return the highest factor at the moment of an event or at most `within` before or after."""
    found = (
        one.factor
        for one in multipliers
        if one.start - within <= occasion.at < one.end + within
        and one.applies(occasion.type, occasion.experience)
    )
    return max(found, default=ONE)


def multiplied(amount: int, by: int) -> int:
    """Return hundredths times a factor, rounded down. Amounts below zero stay as they are."""
    return amount * by // ONE if amount > 0 else amount


def multipliers_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Multiplier, ...]:
    """Return the multipliers of a valid document."""
    return tuple(
        Multiplier(
            name=row["name"],
            start=moment(row["from"]),
            end=moment(row["to"]),
            factor=int(row["factor"] * ONE),
            events=_names(row, "events"),
            experiences=_names(row, "experiences"),
        )
        for row in rows
    )


def moment(text: str) -> dt.datetime:
    """Parse a UTC time as the documents have it. Raises ValueError."""
    return dt.datetime.strptime(text, FORMAT).replace(tzinfo=dt.UTC)


def defects(points: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield what the document's schema does not show."""
    names: set[str] = set()
    for index, row in enumerate(points.get("multipliers", ())):
        place = f"multipliers[{index}]"
        if row["name"] in names:
            message = f"{row['name']!r} stands further up already."
            yield f"{place}.name", message, "give each multiplier its own name."
        names.add(row["name"])
        yield from _period_defects(place, row)
        for event in row.get("events", ()):
            if event not in points["events"]:
                fix = f"use one of {', '.join(points['events'])}."
                yield f"{place}.events", f"there is no event {event!r}.", fix


def _period_defects(place: str, row: Mapping[str, Any]) -> Iterator[Defect]:
    times = {}
    for name in ("from", "to"):
        try:
            times[name] = moment(row[name])
        except ValueError:
            yield f"{place}.{name}", f"{row[name]!r} is no time.", "use one that the calendar has."
    if len(times) == 2 and times["from"] >= times["to"]:
        yield f"{place}.to", "it is not after `from`.", "let it end after it starts."


def _names(row: Mapping[str, Any], name: str) -> frozenset[str] | None:
    return frozenset(row[name]) if name in row else None
