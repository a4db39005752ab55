"""What every kind of work has: who sees it, how much there is, and its items."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from players.models import Claim
from players.staff import Staff

MOST = 100  # where counting stops


@dataclass(slots=True)
class Item:
    """One thing to do. `acts`: title and address of up to two dialogs; `link` opens it whole."""

    kind: str
    key: str
    title: str
    sentence: str
    since: dt.datetime
    link: str
    tone: str = "notice"
    acts: Sequence[tuple[str, str]] = ()
    dialog: bool = False
    picks: bool = False
    claim: Claim | None = field(default=None)


class Kind(ABC):
    """A kind of work. `claimed`: whether a person takes its items before working on them."""

    name: ClassVar[str]
    title: ClassVar[str]
    right: ClassVar[str]
    claimed: ClassVar[bool] = False

    @abstractmethod
    def count(self, by: Staff, now: dt.datetime) -> int:
        """How much there is, up to MOST."""

    @abstractmethod
    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        """Up to `limit` items behind the key `after` (0: the first), the oldest first."""

    def seen_by(self, user: Any) -> bool:
        return bool(user.has_perm(self.right))
