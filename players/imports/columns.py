"""Find the columns of a spreadsheet by their names, in any order and under many names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

IGNORED = re.compile(r"[\s_\-.:#()\ufeff\u200b]")
# Our names and those that other tools write, as they are without case, spaces and signs.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "userId": ("userid", "robloxid", "robloxuserid", "id", "uid", "playerid", "user"),
    "username": ("username", "robloxusername", "robloxname", "robloxuser", "name", "player", "roblox"),
    "points": ("points", "xp", "exp", "score", "totalpoints", "totalxp", "point", "total"),
    "rank": ("rank", "rankname", "role", "rolename", "title"),
    "rankSince": (
        "ranksince", "since", "rankdate", "dateofrank", "promoted", "promotedat", "promotedon",
        "lastpromotion", "lastpromoted", "lastrankup",
    ),
    "kos": ("kos", "ko", "kills", "eliminations"),
    "wos": ("wos", "wo", "wins"),
    "warnings": ("warnings", "warns", "warning", "strikes", "infractions"),
    "warnedAt": ("warnedat", "warningdate", "warndate", "strikedate"),
    "warningReason": ("warningreason", "warnreason", "strikereason"),
}  # fmt: skip
NAMES = tuple(ALIASES)
IDENTITY, CONTENT = NAMES[:2], ("points", "rank", "rankSince", "kos", "wos", "warnings")


class NoColumns(ValueError):
    """The header does not name who or what. The text says how to correct it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of the known columns, and the names of those that are not read."""

    places: Mapping[str, int]
    ignored: tuple[str, ...]

    def values(self, record: Sequence[str]) -> dict[str, str]:
        """Return the filled values of a record by our names."""
        found = {
            name: record[place].strip().removeprefix("'")
            for name, place in self.places.items()
            if place < len(record)
        }
        return {name: value for name, value in found.items() if value}


def plain(name: str) -> str:
    return IGNORED.sub("", name).lower()


def find(header: Sequence[str], given: Mapping[str, str]) -> Columns:
    """Find the columns. `given`: the header's name for each of ours, where it is not a usual one.

    Raises NoColumns.
    """
    keys = [plain(name) for name in header]
    places: dict[str, int] = {}
    for name, aliases in ALIASES.items():
        wanted = (plain(given[name]),) if name in given else aliases
        found = [place for alias in wanted for place, key in enumerate(keys) if key == alias]
        free = [place for place in found if place not in places.values()]
        if name in given and not free:
            raise NoColumns(f"There is no column {given[name]!r}. The header is: {_shown(header)}.")
        if free:
            places[name] = free[0]
    _check(places, header)
    unread = (title for place, title in enumerate(header) if place not in places.values())
    return Columns(places, tuple(title.strip()[:60] for title in unread if title.strip()))


def mapped(names: Mapping[str, object]) -> dict[str, str]:
    """Return our names for the names of an object, by the names that it has."""
    by_alias = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
    found: dict[str, str] = {}
    for name in names:
        ours = by_alias.get(plain(name))
        if ours is not None and ours not in found.values():
            found[name] = ours
    return found


def _check(places: Mapping[str, int], header: Sequence[str]) -> None:
    if not any(name in places for name in IDENTITY):
        raise NoColumns(
            "Name a column userId or username in the first line, or say which it is"
            f" (as username=Member). The header is: {_shown(header)}."
        )
    if not any(name in places for name in CONTENT):
        raise NoColumns(
            f"Nothing to import: name a column {', '.join(CONTENT[:-1])} or {CONTENT[-1]},"
            f" or say which it is (as points=Total). The header is: {_shown(header)}."
        )


def _shown(header: Sequence[str]) -> str:
    return ", ".join(name.strip() for name in header if name.strip())[:200] or "empty"
