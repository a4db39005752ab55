"""The policy's fifth document: hosted events, activity, quotas, leave, join requests, Discord.

A section that the document leaves out is off.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

type Defect = tuple[str, str, str]  # path in the document, message, fix


class Period(enum.StrEnum):
    WEEK = "week"
    MONTH = "month"


class Outcome(enum.StrEnum):
    """What follows missed quotas."""

    REPORT = "report"
    WARN = "warn"
    PROPOSE = "propose"


class TimeInRank(enum.StrEnum):
    """What the time in a rank does during a leave of absence."""

    CONTINUES = "continues"
    RESTS = "rests"


@dataclass(frozen=True, slots=True)
class HostedEventKind:
    """A kind of hosted event.

    `award` and `host_award` are types of events, `hosts` the levels whose ranks may host it.
    """

    title: str
    award: str
    host_award: str | None
    hosts: tuple[str, ...]
    min_minutes: int
    late_minutes: int
    max_hours: int


@dataclass(frozen=True, slots=True)
class Activity:
    """How active minutes are counted. `tick`: the type of event that they award, or None."""

    idle_seconds: int
    tick: str | None


@dataclass(frozen=True, slots=True)
class Miss:
    """The outcome of so many missed periods in a row."""

    after: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Quota:
    """What each period asks of the holders of ranks, by level or by name.

    `misses` is sorted by `after`. `free_periods`: of those in which somebody is bound, the first
    ones in which a miss does not count.
    """

    name: str
    levels: tuple[str, ...]
    ranks: tuple[str, ...]
    period: Period
    minutes: int
    attended: int
    hosted: int
    free_periods: int
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class LeaveRules:
    """Leave of absence. `approvers`: the levels whose ranks decide requests."""

    max_days: int
    approvers: tuple[str, ...]
    time_in_rank: TimeInRank
    remind_days: int


@dataclass(frozen=True, slots=True)
class JoinRequests:
    """How requests to join the group are decided. `by_rule`: without a person, where one passes."""

    by_rule: bool
    min_account_age_days: int


@dataclass(frozen=True, slots=True)
class Discord:
    """What the Discord application does."""

    commands: bool = False
    roles: bool = False


@dataclass(frozen=True, slots=True)
class Community:
    """The sections. None, or an empty collection: the section is off."""

    hosted_events: Mapping[str, HostedEventKind] = field(
        default_factory=lambda: MappingProxyType({})
    )
    activity: Activity | None = None
    quotas: tuple[Quota, ...] = ()
    leave: LeaveRules | None = None
    join_requests: JoinRequests | None = None
    discord: Discord = field(default_factory=Discord)


def community_of(document: Mapping[str, Any]) -> Community:
    """Return the sections of a valid document."""
    kinds = document.get("hostedEvents", {}).get("kinds", {})
    activity, leave, requests = (
        document.get(name) for name in ("activity", "leave", "joinRequests")
    )
    return Community(
        MappingProxyType({name: _kind(row) for name, row in kinds.items()}),
        Activity(activity["idleSeconds"], activity.get("tick")) if activity else None,
        tuple(quota_of(row) for row in document.get("quotas", ())),
        _leave(leave) if leave else None,
        JoinRequests(requests["decide"] == "rule", requests.get("minAccountAgeDays", 0))
        if requests
        else None,
        Discord(**document.get("discord", {})),
    )


def _kind(row: Mapping[str, Any]) -> HostedEventKind:
    return HostedEventKind(
        title=row["title"],
        award=row["award"],
        host_award=row.get("hostAward"),
        hosts=tuple(row["hosts"]),
        min_minutes=row.get("minMinutes", 10),
        late_minutes=row.get("lateMinutes", 10),
        max_hours=row.get("maxHours", 4),
    )


def quota_of(row: Mapping[str, Any]) -> Quota:
    """Return one quota of a valid document."""
    return Quota(
        name=row["name"],
        levels=tuple(row.get("levels", ())),
        ranks=tuple(row.get("ranks", ())),
        period=Period(row["period"]),
        minutes=row.get("minutes", 0),
        attended=row.get("attended", 0),
        hosted=row.get("hosted", 0),
        free_periods=row.get("freePeriods", 0),
        misses=tuple(
            Miss(miss["after"], Outcome(miss["outcome"])) for miss in row.get("misses", ())
        ),
    )


def _leave(row: Mapping[str, Any]) -> LeaveRules:
    return LeaveRules(
        max_days=row["maxDays"],
        approvers=tuple(row["approvers"]),
        time_in_rank=TimeInRank(row["timeInRank"]),
        remind_days=row.get("remindDays", 0),
    )


def defects(documents: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield what the document's schema does not show: names that the other documents lack."""
    document, events = documents["community"], documents["points"]["events"]
    levels = documents["permissions"]["levels"]
    ranks = [rank["name"] for rank in documents["ranks"]["ranks"]]
    for name, kind in document.get("hostedEvents", {}).get("kinds", {}).items():
        place = f"hostedEvents.kinds.{name}"
        yield from _award_defects(place, kind, events)
        yield from _unknown(f"{place}.hosts", kind["hosts"], levels, "level")
    yield from _tick_defects(document.get("activity", {}).get("tick"), documents["points"])
    yield from _repeated_names(document.get("quotas", ()))
    for index, quota in enumerate(document.get("quotas", ())):
        yield from _quota_defects(f"quotas[{index}]", quota)
        yield from _unknown(f"quotas[{index}].levels", quota.get("levels", ()), levels, "level")
        yield from _unknown(f"quotas[{index}].ranks", quota.get("ranks", ()), ranks, "rank")
    approvers = document.get("leave", {}).get("approvers", ())
    yield from _unknown("leave.approvers", approvers, levels, "level")


def _award_defects(
    place: str, kind: Mapping[str, Any], events: Mapping[str, Any]
) -> Iterator[Defect]:
    for name in ("award", "hostAward"):
        event = kind.get(name)
        if event is None:
            continue
        if event not in events:
            yield f"{place}.{name}", f"there is no event {event!r}.", _one_of(events)
        elif events[event].get("recommends"):
            fix = "use one that is no recommendation."
            yield f"{place}.{name}", f"{event!r} is a recommendation.", fix


def _tick_defects(tick: str | None, points: Mapping[str, Any]) -> Iterator[Defect]:
    if tick is None:
        return
    if tick not in points["events"]:
        yield "activity.tick", f"there is no event {tick!r}.", _one_of(points["events"])
        return
    kind = points["events"][tick]
    if "shortest" not in kind or points[kind["shortest"]] == 0:
        fix = "give the event a `shortest` above 0."
        yield "activity.tick", f"{tick!r} does not say after how much time it counts.", fix


def _repeated_names(rows: Any) -> Iterator[Defect]:
    seen = set()
    for index, row in enumerate(rows):
        if row["name"] in seen:
            message = f"{row['name']!r} stands further up already."
            yield f"quotas[{index}].name", message, "give each quota its own name."
        seen.add(row["name"])


def _quota_defects(place: str, quota: Mapping[str, Any]) -> Iterator[Defect]:
    if not quota.get("levels") and not quota.get("ranks"):
        yield place, "it binds nobody.", "name levels or ranks."
    if not any(quota.get(name) for name in ("minutes", "attended", "hosted")):
        yield place, "it asks for nothing.", "set minutes, attended or hosted above 0."
    counts = [miss["after"] for miss in quota.get("misses", ())]
    if counts != sorted(set(counts)):
        yield f"{place}.misses", "`after` does not rise.", "let each outcome need more misses."


def _unknown(place: str, names: Any, known: list[str], what: str) -> Iterator[Defect]:
    for index, name in enumerate(names):
        if name not in known:
            yield f"{place}[{index}]", f"there is no {what} {name!r}.", _one_of(known)


def _one_of(known: Any) -> str:
    return f"use one of {', '.join(known)}."
