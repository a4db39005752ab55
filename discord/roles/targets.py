"""Compute the roles that a member should have from the desired state and the map of roles.

Only roles of the map are managed. Nobody's other roles are ever given or removed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol


class RoleMap(Protocol):
    """Ids of roles by rank and level, and of the one for everybody who is linked."""

    @property
    def ranks(self) -> Mapping[str, int]: ...
    @property
    def levels(self) -> Mapping[str, int]: ...
    @property
    def linked(self) -> int | None: ...
    @property
    def managed(self) -> frozenset[int]: ...


class Steps(NamedTuple):
    """The roles to give and to take, in a fixed order."""

    give: tuple[int, ...]
    take: tuple[int, ...]


def wanted(desired: Mapping[str, Any] | None, roles: RoleMap) -> frozenset[int]:
    """Return the managed roles for a desired state: {rank, level, banned, left}.

    None: the account is linked to nobody. An empty state: the person is no player yet. A banned
    person has no managed role. Somebody who left the group keeps the role of linked people.
    """
    if desired is None or desired.get("banned"):
        return frozenset()
    found = {roles.linked}
    if not desired.get("left"):
        found |= {
            roles.ranks.get(desired.get("rank", "")),
            roles.levels.get(desired.get("level", "")),
        }
    return frozenset(role for role in found if role is not None)


def steps(held: Iterable[int], target: frozenset[int], managed: frozenset[int]) -> Steps:
    """Return what brings a member's managed roles to the target."""
    there = frozenset(held)
    return Steps(tuple(sorted(target - there)), tuple(sorted((managed - target) & there)))
