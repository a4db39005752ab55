"""What an activity is: it makes one page after the other, and a page knows how to land."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from syncs.models import SyncJob

Cursor = dict[str, Any]


class Calls(Protocol):
    """Where an activity makes its calls to Roblox: off the thread that talks to the database, many
    at a time.
    """

    def gather[T](self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make all calls; their answers in order. Raises the first error of any, LeaseLost, and
        Interrupted.
        """
        ...

    def going_on(self) -> bool:
        """False once the job is to stop: calls that wait for their turn give up."""
        ...


@dataclass(slots=True)
class Page:
    """What was read. `land` writes it, in the transaction that also writes `cursor` (None: this was
    the last page).

    `counts` are added to the job's counters; `lines` say what changes, for people. `land` may add
    to both. `question`: nothing was landed, and a person must confirm first that the job may go on.
    """

    cursor: Cursor | None
    land: Callable[["Page"], None]
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    question: str = ""

    def count(self, **counts: int) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


class Activity(ABC):
    """One kind of pull. Made anew each time that a job is taken up; all it remembers is in the
    cursor.
    """

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        self.job = job
        self.calls = calls

    @abstractmethod
    def page(self, cursor: Cursor) -> Page:
        """Read the page at `cursor`; an empty one is the beginning."""
