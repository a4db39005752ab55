"""A player's points as a sum of parts, each with one writer: how deliveries merge, whatever their order."""

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One operation on a part: its sequence, what it awarded, and the part's total after it (hundredths)."""

    sequence: int
    awarded: int
    total: int


class Part(NamedTuple):
    """What is known of a part: the highest sequence, its total, how many rows, their sum, how far no gap."""

    sequence: int
    total: int
    rows: int
    awarded: int
    confirmed: int

    @property
    def gap(self) -> bool:
        return self.rows < self.sequence


EMPTY = Part(0, 0, 0, 0, 0)


def merge(part: Part | None, rows: Iterable[Row], beyond: Iterable[int] = ()) -> Part:
    """Take in rows that the part has not seen. `beyond`: the sequences seen earlier that lie behind its gap.

    The total of the highest sequence wins, so order does not matter; the caller sees to it that a row comes once.
    """
    sequence, total, seen, awarded, confirmed = part or EMPTY
    known = set(beyond)
    for row in rows:
        seen += 1
        awarded += row.awarded
        known.add(row.sequence)
        if row.sequence > sequence:
            sequence, total = row.sequence, row.total
    while confirmed + 1 in known:
        confirmed += 1
    return Part(sequence, total, seen, awarded, confirmed)


def balance(parts: Iterable[Part], adjusted: int) -> int:
    """The points shown and ranked by: never below 0."""
    return max(0, sum(part.total for part in parts) + adjusted)
