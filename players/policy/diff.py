"""Compare two policies: the value of each differing rule in both, as readable texts."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from players.policy.bundle import Bundle
from players.policy.validation import FILES


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """One rule that differs. `part` is a key of FILES; `kind` is added, removed, moved or changed.

    `what` is the rank or the type of event, or empty for a rule that belongs to neither. `before`
    and `after` are texts.
    """

    part: str
    kind: str
    what: str
    field: str = ""
    before: str = ""
    after: str = ""


def compare(before: Bundle, after: Bundle) -> list[RuleDifference]:
    """Return the differences between two policies, by part."""
    return [
        *_ranks(before, after),
        *_rows("ranks", _by_name(before), _by_name(after)),
        *_plain(
            "ranks",
            _without(before.documents["ranks"], "ranks"),
            _without(after.documents["ranks"], "ranks"),
        ),
        *_rows(
            "permissions",
            before.documents["permissions"]["ranks"],
            after.documents["permissions"]["ranks"],
        ),
        *_plain(
            "permissions",
            _without(before.documents["permissions"], "ranks"),
            _without(after.documents["permissions"], "ranks"),
        ),
        *_entries(
            "points", before.documents["points"]["events"], after.documents["points"]["events"]
        ),
        *_plain(
            "points",
            _without(before.documents["points"], "events", "multipliers"),
            _without(after.documents["points"], "events", "multipliers"),
        ),
        *_entries("points", _multipliers(before), _multipliers(after)),
        *_plain("punishments", before.documents["punishments"], after.documents["punishments"]),
        *_entries("community", sections(before), sections(after)),
    ]


def lines(before: Bundle, after: Bundle) -> dict[str, list[str]]:
    """Return the unified diff of each document's JSON, by file, with three lines of context.

    Equal documents are left out.
    """
    found = {}
    for part, name in FILES.items():
        old, new = (
            _text(bundle.documents.get(part, {})).splitlines() for bundle in (before, after)
        )
        if told := list(difflib.unified_diff(old, new, "before", "after", lineterm="")):
            found[name] = told
    return found


def _ranks(before: Bundle, after: Bundle) -> list[RuleDifference]:
    """List ranks that were added, removed, or moved among those in both policies."""
    old, new = [rank.name for rank in before.ranks], [rank.name for rank in after.ranks]
    found = [
        RuleDifference("ranks", "added", name, after=_place(new, name))
        for name in new
        if name not in old
    ]
    found += [
        RuleDifference("ranks", "removed", name, before=_place(old, name))
        for name in old
        if name not in new
    ]
    stayed, stays = [name for name in old if name in new], [name for name in new if name in old]
    for name in stays:
        if (left := _place(stayed, name)) != (right := _place(stays, name)):
            found.append(RuleDifference("ranks", "moved", name, before=left, after=right))
    return found


def _place(names: list[str], name: str) -> str:
    place = names.index(name)
    return f"above {names[place - 1]}" if place else "lowest"


def _by_name(bundle: Bundle) -> dict[str, Mapping[str, Any]]:
    return {row["name"]: _without(row, "name") for row in bundle.documents["ranks"]["ranks"]}


def _multipliers(bundle: Bundle) -> dict[str, Mapping[str, Any]]:
    rows = bundle.documents["points"].get("multipliers", ())
    return {f"multiplier {row['name']}": _without(row, "name") for row in rows}


def sections(bundle: Bundle) -> dict[str, Mapping[str, Any]]:
    """Return the rules of the community document by what they are for."""
    document = bundle.documents.get("community", {})
    kinds = document.get("hostedEvents", {}).get("kinds", {})
    return {
        **{f"hosted event {name}": kind for name, kind in kinds.items()},
        **{f"quota {row['name']}": _without(row, "name") for row in document.get("quotas", ())},
        **_without(document, "hostedEvents", "quotas"),
    }


def _rows(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[RuleDifference]:
    """List fields that differ in rows of both policies."""
    return [
        difference
        for name in new
        if name in old
        for difference in _plain(part, old[name], new[name], what=name)
    ]


def _entries(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[RuleDifference]:
    """List added and removed rows, and fields that differ in rows of both policies."""
    came = [
        RuleDifference(part, "added", name, after=short(new[name]))
        for name in new
        if name not in old
    ]
    went = [
        RuleDifference(part, "removed", name, before=short(old[name]))
        for name in old
        if name not in new
    ]
    return [*came, *went, *_rows(part, old, new)]


def _plain(
    part: str, old: Mapping[str, Any], new: Mapping[str, Any], what: str = ""
) -> list[RuleDifference]:
    names = [*old, *(name for name in new if name not in old)]
    return [
        RuleDifference(part, "changed", what, name, _field(old, name), _field(new, name))
        for name in names
        if old.get(name) != new.get(name) or (name in old) != (name in new)
    ]


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _field(row: Mapping[str, Any], name: str) -> str:
    return short(row[name]) if name in row else ""


def short(value: Any) -> str:
    """Return a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
