"""Check a policy's documents by their JSON schemas and by rules beyond the schemas."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema

from players.policy import community, multipliers

SCHEMA_FOLDER = Path(__file__).resolve().parent.parent.parent / "config"
FILES = {
    "ranks": "policy.ranks.json",
    "points": "policy.points.json",
    "punishments": "policy.punishments.json",
    "permissions": "permissions.json",
    "community": "policy.community.json",
}
OPTIONAL = frozenset({"community"})  # missing or empty: everything in it is off
HUNDREDTH = Decimal("0.01")
# points; no schema allows more, and up to here a JSON float is exact to two decimals
LARGEST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect: its file and path, what is wrong, and how to fix it."""

    file: str
    path: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message} Fix: {self.fix}"


class PolicyError(Exception):
    """The documents are not a valid bundle. `problems` lists every defect found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def problems_of(documents: Mapping[str, Any]) -> list[Problem]:
    """Return every defect of exact documents.

    Checks that need a document with a schema defect are skipped.
    """
    problems: list[Problem] = []
    sound = set()
    for key, document in documents.items():
        found = [*_schema_problems(FILES[key], document)]
        problems += found
        if not found:
            sound.add(key)
    for needed, check in CHECKS:
        if needed <= sound:
            problems += check(documents)
    return problems


class _Number(Decimal):
    """An exact number that error messages show as in the JSON."""

    def __repr__(self) -> str:
        return str(self)


def exact(value: Any) -> Any:
    """Return the JSON with exact numbers, whole ones as int, without the editors' `$schema`."""
    if isinstance(value, float | Decimal):
        return _number(Decimal(str(value)))
    if isinstance(value, Mapping):
        return {key: exact(item) for key, item in value.items() if key != "$schema"}
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    return value


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return float(value)  # not a number to the schemas
    # The schemas refuse numbers beyond LARGEST. Converted to an int, 1e999999 alone would use all
    # memory.
    if value.copy_abs() <= LARGEST and value == value.to_integral_value():
        return int(value)
    return _Number(value)


@cache
def _validator(file: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(
        (SCHEMA_FOLDER / file.replace(".json", ".schema.json")).read_text(encoding="utf-8")
    )
    # Decimal counts as a number here, since JSON's own floats would not be exact.
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
    """Format a path as `ranks[3].minPoints`, or `$` for the whole document."""
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


def _multiplier_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    for defect in multipliers.defects(documents["points"]):
        yield Problem(FILES["points"], *defect)


def _community_problems(documents: Mapping[str, Any]) -> Iterator[Problem]:
    for defect in community.defects(documents):
        yield Problem(FILES["community"], *defect)


# Each check with the documents that it reads. It runs only if they match their schemas.
CHECKS: tuple[tuple[set[str], Callable[[Mapping[str, Any]], Iterator[Problem]]], ...] = (
    ({"ranks"}, _repeats),
    ({"ranks"}, _ladder_problems),
    ({"permissions"}, _level_problems),
    ({"permissions", "ranks"}, _permission_problems),
    ({"points"}, _points_problems),
    ({"points", "permissions"}, _weight_problems),
    ({"punishments"}, _threshold_problems),
    ({"points"}, _multiplier_problems),
    ({"community", "ranks", "points", "permissions"}, _community_problems),
)
