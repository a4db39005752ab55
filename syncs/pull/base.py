"""The base of activities: an activity reads pages, and a page lands itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from syncs.models import SyncJob

Cursor = dict[str, Any]


class Calls(Protocol):
    """Makes calls to Roblox, many at a time, off the thread that uses the database."""

    def gather[T](self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make all calls and return the answers in order.

        Raises the first error, LeaseLost, Interrupted.
        """
        ...

    def going_on(self) -> bool:
        """Return False once the job is to stop, so that waiting calls give up."""
        ...


@dataclass(slots=True)
class PulledPage:
    """What was read. `land` writes it in the transaction of the `cursor`, None after the last page.

    `counts` are added to the job's counters, `lines` describe changes for people; `land` may add to
    both. With a `question` nothing was landed: a person must confirm first.
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
    """One kind of pull, created whenever a job is claimed. Its whole state is the cursor."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        self.job = job
        self.calls = calls

    @abstractmethod
    def page(self, cursor: Cursor) -> PulledPage:
        """Read the page at `cursor`. An empty cursor is the beginning."""
