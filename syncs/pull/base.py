"""Base class of activities, which read pages and store them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from syncs.models import SyncJob

Cursor = dict[str, Any]


class Calls(Protocol):
    """Calls to Roblox, many at a time, outside the thread that uses the database."""

    def gather[T](self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make all calls and return the answers in order.

        Raises the first error of a call, LeaseLost, Interrupted.
        """
        ...

    def going_on(self) -> bool:
        """Return False when the job should stop, so that waiting calls give up."""
        ...


@dataclass(slots=True)
class PulledPage:
    """The result of reading a page. `land` stores it in the transaction that stores `cursor`.

    `cursor` is None after the last page. `counts` are added to the job's counters. `lines` describe
    changes for people. `land` may add to both. With a `question` nothing was stored: a person must
    confirm first.
    """

    cursor: Cursor | None
    land: Callable[["PulledPage"], None]
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    question: str = ""

    def count(self, **counts: int) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


class Activity(ABC):
    """One kind of pull. It is created each time a job is claimed; the cursor is its whole state."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        self.job = job
        self.calls = calls

    @abstractmethod
    def page(self, cursor: Cursor) -> PulledPage:
        """Read the page at `cursor`. An empty cursor means the first page."""
