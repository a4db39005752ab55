"""The interface of a kind of work: the right to see it, the number of items, and the items."""

import datetime as dt
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db.models import QuerySet, Value

from audits.actions import Action
from players.models import Claim
from players.moderation.actors import Staff

MOST = 100  # upper limit of counting


@dataclass(slots=True)
class Item:
    """One item of work. `acts`: title and URL of up to two dialogs. `link`: its page.

    `decides`: its dialogs decide on it, so the next one is opened after it.
    """

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
    decides: bool = False
    claim: Claim | None = field(default=None)


def approve_or_reject(address: str) -> tuple[tuple[str, str], ...]:
    """Return the two dialogs of a decision, each with reasons of its own."""
    return ("Approve", f"{address}?verb=approve"), ("Reject", f"{address}?verb=reject")


class WorkKind(ABC):
    """A kind of work.

    `claimed`: people take its items before working on them. `action`: the action of the audit
    events that leave the queue when they are marked as seen.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    right: ClassVar[str]
    claimed: ClassVar[bool] = False
    action: ClassVar[Action | None] = None

    @abstractmethod
    def waiting(self, by: Staff, now: dt.datetime) -> Sequence[QuerySet[Any]]:
        """Return querysets in which each row is one item that somebody sees.

        `beside` counts items without a row.
        """

    def beside(self, now: dt.datetime) -> int:
        """Return the number of items that are not rows."""
        return 0

    @abstractmethod
    def items(self, by: Staff, now: dt.datetime, after: int, limit: int) -> list[Item]:
        """Return up to `limit` items after the key `after` (0: from the start), oldest first."""

    def seen_by(self, user: Any) -> bool:
        return bool(user.has_perm(self.right))


def counts(kinds: Sequence[WorkKind], by: Staff, now: dt.datetime) -> dict[str, int]:
    """Return the number of items of each kind, up to MOST, in one query."""
    parts = [
        rows.order_by().annotate(queue=Value(kind.name)).values_list("queue")[:MOST]
        for kind in kinds
        for rows in kind.waiting(by, now)
    ]
    found = Counter(name for (name,) in (parts[0].union(*parts[1:], all=True) if parts else ()))
    return {kind.name: found[kind.name] + kind.beside(now) for kind in kinds}
