"""Merge the rows of a player's sessions in any order. Each session has one writer."""

from collections.abc import Iterable
from typing import NamedTuple

type SessionKey = tuple[int, int]  # the player's id, the session


class SessionRow(NamedTuple):
    """One row of a session: its sequence, its award, and the session's total after it.

    Amounts in hundredths.
    """

    sequence: int
    awarded: int
    total: int


class SessionTotal(NamedTuple):
    """The stored state of a session, in hundredths.

    `sequence` is the highest one and `total` belongs to it. `rows` is the number of rows, `awarded`
    the sum of their awards. Up to `confirmed` no row is missing.
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
    """Merge new rows into a session. `beyond`: the sequences stored earlier, past its gap.

    The total of the highest sequence wins, so order does not matter. The caller must pass each row
    only once.
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
    """The one row that closes every gap of a session.

    `stands_for`: the number of missing rows that it replaces. `after`: the session after it.
    """

    row: SessionRow
    stands_for: int
    after: SessionTotal


def close_gaps(part: SessionTotal | None, sequence: int, total: int) -> GapClosure | None:
    """Close every gap of a session by the data store's sequence and total, or return None.

    None means that no row is missing. The higher sequence wins here too. The new row gets the
    store's sequence if that is higher, else the first missing one.
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
