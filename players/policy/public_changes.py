"""What an activation changed in the rules that everybody may read.

Punishments and permissions are left out, and ranks that are punishments. So is who binds or decides:
levels, approvers, and what a missed quota brings.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from players.policy.bundle import Bundle, RankRule
from players.policy.community import HostedEventKind, Quota
from players.policy.multipliers import FORMAT, Multiplier
from players.policy.points import EventKind

type Change = dict[str, str | None]
type Facets[T] = Mapping[str, Callable[[T], str | None]]


def public_changes(before: Bundle, after: Bundle) -> list[Change]:
    """Return the changes as JSON: `kind`, `subject`, and `before` and `after` as text or null."""
    return [
        *_rows("rank", _ranks(before), _ranks(after), RANK),
        *_rows("event", before.points.events, after.points.events, EVENT),
        *_differing("cap", "", (before, after), CAP),
        *_rows("multiplier", _multipliers(before), _multipliers(after), MULTIPLIER),
        *_rows("quota", _quotas(before), _quotas(after), QUOTA),
        *_rows(
            "hosted_event", before.community.hosted_events, after.community.hosted_events, HOSTED
        ),
        *_differing("leave", "", (before, after), LEAVE),
        *_differing("join", "", (before, after), JOIN),
    ]


def _ranks(bundle: Bundle) -> dict[str, RankRule]:
    return {rank.name: rank for rank in bundle.ranks if not rank.is_punishment}


def _multipliers(bundle: Bundle) -> dict[str, Multiplier]:
    return {one.name: one for one in bundle.points.multipliers}


def _quotas(bundle: Bundle) -> dict[str, Quota]:
    return {one.name: one for one in bundle.community.quotas}


def _rows[T](
    family: str, before: Mapping[str, T], after: Mapping[str, T], facets: Facets[T]
) -> Iterator[Change]:
    """Yield additions, removals, then differences of rows in both. The first facet describes one."""
    describe = next(iter(facets.values()))
    for name in sorted(after.keys() - before.keys()):
        yield _change(f"{family}.added", name, None, describe(after[name]))
    for name in sorted(before.keys() - after.keys()):
        yield _change(f"{family}.removed", name, describe(before[name]), None)
    for name in sorted(before.keys() & after.keys()):
        yield from _differing(family, name, (before[name], after[name]), facets)


def _differing[T](
    family: str, subject: str, versions: tuple[T, T], facets: Facets[T]
) -> Iterator[Change]:
    for facet, text in facets.items():
        old, new = map(text, versions)
        if old != new:
            yield _change(f"{family}.{facet}", subject, old, new)


def _change(kind: str, subject: str, before: str | None, after: str | None) -> Change:
    return {"kind": kind, "subject": subject, "before": before, "after": after}


def _points(hundredths: int) -> str:
    return format(Decimal(hundredths).scaleb(-2).normalize(), "f")


def _whole(number: int | None) -> str | None:
    return None if number is None else str(number)


def _names(names: frozenset[str] | None) -> str | None:
    return None if names is None else ", ".join(sorted(names))


def _weight(kind: EventKind) -> str:
    if kind.weight is not None:
        return _points(kind.weight)
    by_level = sorted(kind.weight_by_level.items())
    return ", ".join(f"{level} {_points(weight)}" for level, weight in by_level)


RANK: Facets[RankRule] = {
    "points": lambda rank: _points(rank.min_points),
    "days": lambda rank: str(rank.min_time_days),
    "recommendations": lambda rank: str(rank.required_recommendations),
    "privileged": lambda rank: "true" if rank.privileged else "false",
}
EVENT: Facets[EventKind] = {
    "weight": _weight,
    "cooldown": lambda kind: _whole(kind.cooldown),
    "shortest": lambda kind: _whole(kind.shortest),
}
MULTIPLIER: Facets[Multiplier] = {
    "factor": lambda one: _points(one.factor),
    "from": lambda one: f"{one.start:{FORMAT}}",
    "to": lambda one: f"{one.end:{FORMAT}}",
    "events": lambda one: _names(one.events),
    "experiences": lambda one: _names(one.experiences),
}
QUOTA: Facets[Quota] = {
    "minutes": lambda one: _whole(one.minutes),
    "attended": lambda one: _whole(one.attended),
    "hosted": lambda one: _whole(one.hosted),
    "period": lambda one: str(one.period),
    "free": lambda one: _whole(one.free_periods),
}
HOSTED: Facets[HostedEventKind] = {
    "award": lambda kind: kind.award,
    "minutes": lambda kind: _whole(kind.min_minutes),
}
LEAVE: Facets[Bundle] = {
    "days": lambda bundle: _whole(it.max_days if (it := bundle.community.leave) else None),
    "time": lambda bundle: str(it.time_in_rank) if (it := bundle.community.leave) else None,
}
JOIN: Facets[Bundle] = {
    "age": lambda bundle: _whole(
        it.min_account_age_days if (it := bundle.community.join_requests) else None
    ),
}
CAP: Facets[Any] = {
    "daily": lambda bundle: _points(bundle.points.daily_cap),
    "weekly": lambda bundle: _points(bundle.points.weekly_cap),
}
