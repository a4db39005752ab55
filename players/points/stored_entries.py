"""Players' entries in a data store, as values."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from players.models import LEGACY

EVERYTHING = 2**63 - 1  # `through` of an entry that has no separate sessions


class StoredSession(NamedTuple):
    """A session. `total` in hundredths; `saved_at` is None if the game does not store it.

    `active`: its active minutes by UTC day, without the days that GRPS confirmed.
    """

    sequence: int
    total: int
    kos: int = 0
    wos: int = 0
    saved_at: dt.datetime | None = None
    active: Mapping[dt.date, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One player's entry: sessions by number, and the sum of all folded ones up to `through`."""

    user_id: int
    username: str
    display_name: str
    sessions: Mapping[int, StoredSession]
    through: int
    folded: StoredSession | None

    @property
    def first_folded(self) -> int:
        """The first session that `folded` includes. A game that has sessions never folds LEGACY."""
        return LEGACY if self.through == EVERYTHING else LEGACY + 1

    @property
    def total(self) -> int:
        return sum(kept.total for kept in self.sessions.values()) + (
            self.folded.total if self.folded else 0
        )
