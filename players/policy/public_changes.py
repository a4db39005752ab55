"""What an activation changed in the rules that everybody may read.

Punishments and permissions are left out, and ranks that are punishments.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from players.policy.bundle import Bundle, RankRule
from players.policy.points import EventKind

type Change = dict[str, str | None]
type Facets[T] = Mapping[str, Callable[[T], str | None]]


def public_changes(before: Bundle, after: Bundle) -> list[Change]:
    """Return the changes as JSON: `kind`, `subject`, and `before` and `after` as text or null."""
    return [
        *_rows("rank", _ranks(before), _ranks(after), RANK),
        *_rows("event", before.points.events, after.points.events, EVENT),
        *_differing("cap", "", (before, after), CAP),
    ]


def _ranks(bundle: Bundle) -> dict[str, RankRule]:
    return {rank.name: rank for rank in bundle.ranks if not rank.is_punishment}


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
CAP: Facets[Any] = {
    "daily": lambda bundle: _points(bundle.points.daily_cap),
    "weekly": lambda bundle: _points(bundle.points.weekly_cap),
}
