"""Find the rank that a file means: by its name, a name given for it, or its role's number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from players.policy.bundle import Bundle, RankRule


@dataclass(slots=True)
class RankNames:
    """The ranks of the policy by the names in a file. `given`: our name for theirs."""

    bundle: Bundle
    given: Mapping[str, str] = field(default_factory=dict)
    _by_name: dict[str, RankRule] = field(init=False)

    def __post_init__(self) -> None:
        self._by_name = {str(rank.role): rank for rank in self.bundle.ranks}
        self._by_name |= {_plain(rank.name): rank for rank in self.bundle.ranks}
        for theirs, ours in self.given.items():
            rank = self._by_name.get(_plain(ours))
            if rank is not None:
                self._by_name[_plain(theirs)] = rank

    def find(self, name: str) -> RankRule | None:
        """Return the rank, None for an unknown or empty name."""
        return self._by_name.get(_plain(name)) if name else None

    @property
    def hint(self) -> str:
        """What to do about an unknown name."""
        names = ", ".join(rank.name for rank in self.bundle.ranks[:40])
        return f"say which one it is (as --rank 'Old name=New name'), or use one of {names}"


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
