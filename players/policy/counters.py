"""A player's points as a sum of parts, each with one writer: how deliveries merge, whatever their
order.
"""

from collections.abc import Iterable
from typing import NamedTuple

type SessionKey = tuple[int, int]  # the player's id, the session


class SessionRow(NamedTuple):
    """One operation on a part: its sequence, what it awarded, and the part's total after it
    (hundredths).
    """

    sequence: int
    awarded: int
    total: int


class SessionTotal(NamedTuple):
    """What is known of a part: the highest sequence, its total, how many rows, their sum, how far
    no gap.
    """

    sequence: int
    total: int
    rows: int
    awarded: int
    confirmed: int

    @property
    def gap(self) -> bool:
        return self.rows < self.sequence


EMPTY = SessionTotal(0, 0, 0, 0, 0)


def merge(
    part: SessionTotal | None, rows: Iterable[SessionRow], beyond: Iterable[int] = ()
) -> SessionTotal:
    """Take in rows that the part has not seen. `beyond`: the sequences seen earlier that lie behind
    its gap.

    The total of the highest sequence wins, so order does not matter; the caller sees to it that a
    row comes once.
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
    return SessionTotal(sequence, total, seen, awarded, confirmed)


class GapClosure(NamedTuple):
    """The one row that makes a part whole: where it stands, for how many rows, and the part after
    it.
    """

    row: SessionRow
    stands_for: int
    after: SessionTotal


def close_gaps(part: SessionTotal | None, sequence: int, total: int) -> GapClosure | None:
    """Close every gap of a part, given what the data store says of it; None when nothing is
    missing.

    The higher sequence wins here too. The row stands at the store's sequence when that is ahead,
    else in the first gap.
    """
    known = part or EMPTY
    at = known.confirmed + 1
    if sequence > known.sequence:
        at = sequence
    else:
        sequence, total = known.sequence, known.total
    missing = sequence - known.rows
    if missing == 0:
        return None
    row = SessionRow(at, total - known.awarded, total)
    return GapClosure(row, missing, SessionTotal(sequence, total, sequence, total, sequence))
