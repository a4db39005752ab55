"""The policy bundle: its JSON documents, checked together, as one immutable value with a version."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from common import strict_json
from common.canonical_json import canonical
from players.policy.community import Community, community_of
from players.policy.multipliers import multipliers_of
from players.policy.points import EventKind, PointsPolicy
from players.policy.validation import FILES, OPTIONAL, PolicyError, Problem, exact, problems_of

# RecursionError: nested too deeply. ArithmeticError: an exponent too large for a Decimal.
UNREADABLE = (ValueError, RecursionError, ArithmeticError)
SECOND_ABOVE = 1_000_00  # hundredths; the default of `Bundle.second_above`


@dataclass(frozen=True, slots=True)
class RankRule:
    """A rank. `position` is its index in the file; holders act only on people in lower positions.

    `description` and `colour` (`#rrggbb`) are for readers. They decide nothing.
    """

    name: str
    position: int
    level: str
    role: int
    min_points: int
    min_time_days: int
    required_recommendations: int
    privileged: bool
    is_punishment: bool
    ignored: bool
    can_earn: bool
    can_warn: bool
    can_adjust: bool
    adjust_limit: int | None
    can_ban: bool
    can_grant_leave: bool = False
    description: str = ""
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Punishments:
    """Thresholds in active warnings, durations in days."""

    trial_threshold: int
    trial_days: int
    severe_threshold: int
    warning_days: int | None


@dataclass(frozen=True)
class Bundle:
    """A valid policy. `documents` is its JSON form, which parses to the same bundle and version.

    `second_above`: a larger single adjustment, in hundredths, needs a second person, whoever makes
    it.
    """

    version: str
    ranks: tuple[RankRule, ...]
    ladder: tuple[RankRule, ...]
    by_name: Mapping[str, RankRule]
    levels: tuple[str, ...]
    ignored_roles: frozenset[str]
    demotion: str
    repropose_days: int
    rejoin: str
    points: PointsPolicy
    punishments: Punishments
    documents: Mapping[str, Any]
    steps: Mapping[str, RankRule]
    second_above: int = SECOND_ABOVE
    community: Community = field(default_factory=Community)

    @property
    def first(self) -> RankRule:
        return self.ladder[0]

    @property
    def suspended(self) -> RankRule:
        return next(rank for rank in self.ranks if rank.is_punishment)

    def next_after(self, rank: RankRule) -> RankRule | None:
        """Return the next rank of the ladder, or None at its top and for ranks not on it."""
        return self.steps.get(rank.name)

    def below(self, rank: RankRule) -> RankRule | None:
        """Return the rank below on the ladder, or None at its bottom and for ranks not on it."""
        if rank not in self.ladder or rank == self.first:
            return None
        return self.ladder[self.ladder.index(rank) - 1]


def load_bundle(folder: Path) -> Bundle:
    """Read and check the files of `folder`. Raises PolicyError with every defect."""
    documents: dict[str, Any] = {}
    problems = []
    for key, name in FILES.items():
        try:
            documents[key] = strict_json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            if key in OPTIONAL:
                continue
            problems.append(Problem(name, "$", "the file is missing.", f"put it into {folder}."))
        except UNREADABLE as error:
            problems.append(_unreadable(name, error))
    return _checked(documents, problems)


def read_bundle(texts: Mapping[str, str]) -> Bundle:
    """Check JSON texts by the keys of FILES, and return the bundle.

    Raises PolicyError with every defect of all documents.
    """
    documents: dict[str, Any] = {}
    problems = []
    for key, name in FILES.items():
        text = texts.get(key, "")
        if key in OPTIONAL and not text.strip():
            continue
        try:
            documents[key] = strict_json.loads(text)
        except UNREADABLE as error:
            problems.append(_unreadable(name, error))
    return _checked(documents, problems)


def parse_bundle(documents: Mapping[str, Any]) -> Bundle:
    """Check documents by the keys of FILES, and return the bundle.

    Raises PolicyError with every defect.
    """
    return _checked({key: documents.get(key) for key in FILES}, [])


def _unreadable(name: str, error: Exception) -> Problem:
    return Problem(name, "$", f"it cannot be read as JSON: {error}.", "mend it at that place.")


def _checked(documents: Mapping[str, Any], problems: list[Problem]) -> Bundle:
    clean = {key: exact(document) for key, document in documents.items()}
    for key in OPTIONAL:
        # A policy without the document and one with an empty one are the same version.
        if clean.get(key) in (None, {}):
            clean.pop(key, None)
    problems = [*problems, *problems_of(clean)]
    if problems:
        raise PolicyError(tuple(problems))
    return _bundle(clean)


def _hundredths(value: int | Decimal) -> int:
    return int(value * 100)


def _bundle(documents: Mapping[str, Any]) -> Bundle:
    permissions = documents["permissions"]
    community = community_of(documents.get("community", {}))
    ranks = tuple(
        _rank(position, row, permissions["ranks"][row["name"]], community)
        for position, row in enumerate(documents["ranks"]["ranks"])
    )
    ladder = tuple(rank for rank in ranks if not rank.is_punishment and not rank.ignored)
    return Bundle(
        version=_version(documents),
        ranks=ranks,
        ladder=ladder,
        by_name=MappingProxyType({rank.name: rank for rank in ranks}),
        levels=tuple(permissions["levels"]),
        ignored_roles=frozenset(documents["ranks"]["ignoredRoles"]),
        demotion=documents["ranks"]["demotion"],
        repropose_days=documents["ranks"]["reproposeDays"],
        rejoin=documents["ranks"].get("rejoin", "restore"),
        points=_points(documents["points"]),
        punishments=Punishments(**documents["punishments"]),
        documents=_plain(documents),
        steps=MappingProxyType({rank.name: after for rank, after in pairwise(ladder)}),
        second_above=_hundredths(permissions["secondPersonAbove"])
        if "secondPersonAbove" in permissions
        else SECOND_ABOVE,
        community=community,
    )


def _rank(
    position: int, row: Mapping[str, Any], allowed: Mapping[str, Any], community: Community
) -> RankRule:
    limit = allowed["adjustLimit"]
    return RankRule(
        name=row["name"],
        position=position,
        level=allowed["level"],
        role=row["role"],
        min_points=_hundredths(row["minPoints"]),
        min_time_days=row["minTimeDays"],
        required_recommendations=row["requiredRecommendations"],
        privileged=row["privileged"],
        is_punishment=row["isPunishment"],
        ignored=row["ignored"],
        can_earn=row["canEarn"],
        can_warn=allowed["canWarn"],
        can_adjust=allowed["canAdjust"],
        adjust_limit=None if limit is None else _hundredths(limit),
        can_ban=allowed["canBan"],
        can_grant_leave=community.leave is not None
        and allowed["level"] in community.leave.approvers,
        description=row.get("description", ""),
        colour=row.get("colour"),
    )


def _points(row: Mapping[str, Any]) -> PointsPolicy:
    events = {name: _kind(kind, row) for name, kind in row["events"].items()}
    return PointsPolicy(
        daily_cap=_hundredths(row["dailyCap"]),
        weekly_cap=_hundredths(row["weeklyCap"]),
        events=MappingProxyType(events),
        cooldowns=MappingProxyType(
            {name: kind.cooldown for name, kind in events.items() if kind.cooldown}
        ),
        counters=MappingProxyType(
            {name: kind.counter for name, kind in events.items() if kind.counter}
        ),
        multipliers=multipliers_of(row.get("multipliers", ())),
    )


def _kind(kind: Mapping[str, Any], row: Mapping[str, Any]) -> EventKind:
    by_level = {
        level: _hundredths(weight) for level, weight in kind.get("weightByLevel", {}).items()
    }
    return EventKind(
        weight=_hundredths(kind["weight"]) if "weight" in kind else None,
        weight_by_level=MappingProxyType(by_level),
        counter=kind.get("counter"),
        cooldown=row[kind["cooldown"]] if "cooldown" in kind else None,
        shortest=row[kind["shortest"]] if "shortest" in kind else None,
        recommends=kind.get("recommends", False),
    )


def _version(documents: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(_plain(documents)).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Convert Decimals to JSON numbers: int if whole, else the float with two decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
