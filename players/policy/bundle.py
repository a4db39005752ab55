"""The policy bundle: four JSON documents, checked as a whole, as one immutable value with a
version.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema

from common import strict_json
from common.canonical_json import canonical

SCHEMA_FOLDER = Path(__file__).resolve().parent.parent.parent / "config"
FILES = {
    "ranks": "policy.ranks.json",
    "points": "policy.points.json",
    "punishments": "policy.punishments.json",
    "permissions": "permissions.json",
}
HUNDREDTH = Decimal("0.01")
# RecursionError: nested too deep. ArithmeticError: an exponent beyond what a Decimal holds.
UNREADABLE = (ValueError, RecursionError, ArithmeticError)
SECOND_ABOVE = (
    1_000_00  # hundredths that one person adjusts by alone, where the policy says nothing else
)
# points; no schema allows more, and a float of JSON is exact to two decimals up to there
LARGEST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect: in which file, at which path, what is wrong, and how to mend it."""

    file: str
    path: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message} Fix: {self.fix}"


class PolicyError(Exception):
    """The documents are not a valid bundle; `problems` lists every defect that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank. `position` is its place in the file: who stands higher acts on who stands lower."""

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


@dataclass(frozen=True, slots=True)
class Punishments:
    """Thresholds in active warnings; lengths in days."""

    trial_threshold: int
    trial_days: int
    severe_threshold: int
    warning_days: int | None


@dataclass(frozen=True)
class Bundle:
    """A valid policy. `documents` is its JSON form, which parses to the same bundle and version.

    `second_above`: an adjustment of more hundredths at once needs a second person, whoever makes
    it.
    """

    version: str
    ranks: tuple[Rank, ...]
    ladder: tuple[Rank, ...]
    by_name: Mapping[str, Rank]
    levels: tuple[str, ...]
    ignored_roles: frozenset[str]
    demotion: str
    repropose_days: int
    rejoin: str
    points: PointsPolicy
    punishments: Punishments
    documents: Mapping[str, Any]
    steps: Mapping[str, Rank]
    second_above: int = SECOND_ABOVE

    @property
    def first(self) -> Rank:
        return self.ladder[0]

    @property
    def suspended(self) -> Rank:
        return next(rank for rank in self.ranks if rank.is_punishment)

    def next_after(self, rank: Rank) -> Rank | None:
        """The next rank of the ladder; None at its top and for ranks that are not on it."""
        return self.steps.get(rank.name)

    def below(self, rank: Rank) -> Rank | None:
        """The rank of the ladder before this one; None at its foot and for ranks that are not on
        it.
        """
        if rank not in self.ladder or rank == self.first:
            return None
        return self.ladder[self.ladder.index(rank) - 1]


def load_bundle(folder: Path) -> Bundle:
    """Read and check the four files of `folder`. Raises PolicyError with every defect of all of
    them.
    """
    documents: dict[str, Any] = {}
    problems = []
    for key, name in FILES.items():
        try:
            documents[key] = strict_json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            problems.append(Problem(name, "$", "the file is missing.", f"put it into {folder}."))
        except UNREADABLE as error:
            problems.append(_unreadable(name, error))
    return _checked(documents, problems)


def read_bundle(texts: Mapping[str, str]) -> Bundle:
    """Check the documents as JSON texts (by the keys of FILES). Raises PolicyError with every
    defect of all of them.
    """
    documents: dict[str, Any] = {}
    problems = []
    for key, name in FILES.items():
        try:
            documents[key] = strict_json.loads(texts.get(key, ""))
        except UNREADABLE as error:
            problems.append(_unreadable(name, error))
    return _checked(documents, problems)


def parse_bundle(documents: Mapping[str, Any]) -> Bundle:
    """Check the documents (by the keys of FILES) and make the bundle. Raises PolicyError with every
    defect.
    """
    return _checked({key: documents.get(key) for key in FILES}, [])


def _unreadable(name: str, error: Exception) -> Problem:
    return Problem(name, "$", f"it cannot be read as JSON: {error}.", "mend it at that place.")


def _checked(documents: Mapping[str, Any], problems: list[Problem]) -> Bundle:
    """The bundle; whatever rests on a document with a defect is left unchecked, all else is not."""
    clean = {key: _exact(document) for key, document in documents.items()}
    sound = set()
    for key, document in clean.items():
        found = [*_schema_problems(FILES[key], document)]
        problems = [*problems, *found]
        if not found:
            sound.add(key)
    for needed, check in CHECKS:
        if needed <= sound:
            problems = [*problems, *check(clean)]
    if problems:
        raise PolicyError(tuple(problems))
    return _bundle(clean)


class _Number(Decimal):
    """An exact number that shows itself to the reader of a defect as JSON has it."""

    def __repr__(self) -> str:
        return str(self)


def _exact(value: Any) -> Any:
    """The same JSON with every number exact, whole ones as int, and without the `$schema` of
    editors.
    """
    if isinstance(value, float | Decimal):
        return _number(Decimal(str(value)))
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items() if key != "$schema"}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return float(value)  # not a number to the schemas
    # Beyond LARGEST the schemas refuse it; as an int, 1e999999 alone would take the machine's
    # memory.
    if value.copy_abs() <= LARGEST and value == value.to_integral_value():
        return int(value)
    return _Number(value)


@cache
def _validator(file: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(
        (SCHEMA_FOLDER / file.replace(".json", ".schema.json")).read_text(encoding="utf-8")
    )
    # Decimal is a number here: JSON's own floats would not be exact.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: isinstance(value, int | Decimal) and not isinstance(value, bool)
    )
    exact = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]
    validator: jsonschema.Draft202012Validator = exact(schema)
    return validator


def _schema_problems(file: str, document: Any) -> Iterator[Problem]:
    for error in sorted(_validator(file).iter_errors(document), key=lambda found: found.json_path):
        yield Problem(file, _path(error.absolute_path), f"{error.message}.", _fix(file, error))
    for path, value in _numbers((), document):
        if value.copy_abs() <= LARGEST and value != value.quantize(HUNDREDTH):
            yield Problem(
                file,
                _path(path),
                f"{value} is not exact in hundredths.",
                "use at most two decimals.",
            )


def _path(parts: Iterable[str | int]) -> str:
    """`ranks[3].minPoints`; `$` for the whole document."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "$"


def _fix(file: str, error: jsonschema.ValidationError) -> str:
    keyword = error.validator
    expected: Any = error.validator_value
    schema: Any = error.schema
    if keyword in ("minimum", "maximum"):
        low, high = (schema.get(bound, "any") for bound in ("minimum", "maximum"))
        return f"use a number from {low} to {high}."
    if keyword == "type":
        return f"give it the type {' or '.join([expected] if isinstance(expected, str) else expected)}."
    if keyword == "required":
        return "add it."
    if keyword == "additionalProperties":
        return "take it out, or mend its spelling."
    if keyword == "enum":
        return f"use one of {', '.join(map(str, expected))}."
    return f"see {file.replace('.json', '.schema.json')}."


def _numbers(
    path: tuple[str | int, ...], value: Any
) -> Iterator[tuple[tuple[str | int, ...], Decimal]]:
    if isinstance(value, Decimal):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers((*path, index), item)


def _on_ladder(rank: Mapping[str, Any]) -> bool:
    return not rank["isPunishment"] and not rank["ignored"]


def _repeats(documents: Mapping[str, Any]) -> Iterator[Problem]:
    for attribute in ("name", "role"):
        seen: dict[Any, int] = {}
        for index, rank in enumerate(documents["ranks"]["ranks"]):
            first = seen.setdefault(rank[attribute], index)
            if first != index:
                message = f"{rank[attribute]!r} stands at ranks[{first}] already."
                fix = f"give each rank its own {attribute}."
                yield Problem(FILES["ranks"], f"ranks[{index}].{attribute}", message, fix)


def _ladder_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    file, ranks = FILES["ranks"], documents["ranks"]["ranks"]
    ladder = [(index, rank) for index, rank in enumerate(ranks) if _on_ladder(rank)]
    if not any(rank["isPunishment"] for rank in ranks):
        yield Problem(
            file, "ranks", "no rank has isPunishment.", "name the rank that the suspended hold."
        )
    if not ladder:
        yield Problem(
            file,
            "ranks",
            "no rank is on the ladder.",
            "add one that is neither punishment nor ignored.",
        )
        return
    index, first = ladder[0]
    if first["minPoints"] != 0 or first["privileged"]:
        fix = "let the first rank of the ladder start at 0 and not be privileged."
        yield Problem(file, f"ranks[{index}]", "new players start here, but it asks for more.", fix)
    for (_, below), (index, rank) in pairwise(ladder):
        if rank["minPoints"] <= below["minPoints"]:
            message = f"{rank['minPoints']} is not above {below['minPoints']}, which {below['name']} asks for."
            yield Problem(
                file, f"ranks[{index}].minPoints", message, "let the points rise along the ladder."
            )


def _level_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    permissions = documents["permissions"]
    for name, row in permissions["ranks"].items():
        if row["level"] not in permissions["levels"]:
            message = f"{row['level']!r} is not one of the levels."
            fix = f"use one of {', '.join(permissions['levels'])}."
            yield Problem(FILES["permissions"], f"ranks.{name}.level", message, fix)


def _permission_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    file, permissions = FILES["permissions"], documents["permissions"]["ranks"]
    names = {rank["name"] for rank in documents["ranks"]["ranks"]}
    for name in sorted(names - permissions.keys()):
        yield Problem(
            file, "ranks", f"{name} is missing.", "say its level and what its holders may do."
        )
    for name in permissions:
        if name not in names:
            fix = f"take it out, or add the rank to {FILES['ranks']}."
            yield Problem(file, f"ranks.{name}", "there is no such rank.", fix)


def _points_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    file, points = FILES["points"], documents["points"]
    if points["dailyCap"] > points["weeklyCap"]:
        message = f"{points['dailyCap']} is above the weekly cap of {points['weeklyCap']}."
        yield Problem(file, "dailyCap", message, "let a day's cap fit into a week's.")
    for name, kind in points["events"].items():
        if kind.get("recommends") and "weightByLevel" not in kind:
            fix = "say by weightByLevel whose recommendation counts."
            yield Problem(
                file, f"events.{name}", "a recommendation needs an entitled officer.", fix
            )


def _weight_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    levels = documents["permissions"]["levels"]
    for name, kind in documents["points"]["events"].items():
        for level in kind.get("weightByLevel", {}):
            if level not in levels:
                path, fix = (
                    f"events.{name}.weightByLevel.{level}",
                    f"use one of {', '.join(levels)}.",
                )
                yield Problem(FILES["points"], path, "there is no such level.", fix)


def _threshold_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    punishments = documents["punishments"]
    if punishments["trial_threshold"] >= punishments["severe_threshold"]:
        message = f"{punishments['trial_threshold']} is not below severe_threshold {punishments['severe_threshold']}."
        yield Problem(FILES["punishments"], "trial_threshold", message, "suspend before you ban.")


# What each check reads: it runs where these documents keep to their schemas.
CHECKS: tuple[tuple[set[str], Callable[[Mapping[str, Any]], Iterator[Problem]]], ...] = (
    ({"ranks"}, _repeats),
    ({"ranks"}, _ladder_problems),
    ({"permissions"}, _level_problems),
    ({"permissions", "ranks"}, _permission_problems),
    ({"points"}, _points_problems),
    ({"points", "permissions"}, _weight_problems),
    ({"punishments"}, _threshold_problems),
)


def _hundredths(value: int | Decimal) -> int:
    return int(value * 100)


def _bundle(documents: Mapping[str, Any]) -> Bundle:
    permissions = documents["permissions"]
    ranks = tuple(
        _rank(position, row, permissions["ranks"][row["name"]])
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
    )


def _rank(position: int, row: Mapping[str, Any], allowed: Mapping[str, Any]) -> Rank:
    limit = allowed["adjustLimit"]
    return Rank(
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
    """JSON's own numbers again: whole ones as int, the rest as the float that prints with two
    decimals.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
