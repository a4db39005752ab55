"""A part with missing rows gets one row for all of them, and then has no gap."""

from hypothesis import given
from hypothesis import strategies as st

from players.policy.counters import EMPTY, SessionRow, SessionTotal, close_gaps, merge

TOTALS = st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=12)


def _rows(totals: list[int]) -> list[SessionRow]:
    before = [0, *totals[:-1]]
    return [
        SessionRow(n, total - last, total)
        for n, (last, total) in enumerate(zip(before, totals, strict=True), start=1)
    ]


@given(TOTALS, st.data())
def test_a_closed_part_has_the_highest_total_and_no_gap(
    totals: list[int], data: st.DataObject
) -> None:
    rows = _rows(totals)
    came = data.draw(st.lists(st.sampled_from(rows), unique=True))
    saved = data.draw(st.integers(0, len(rows)))
    part = merge(None, came) if came else None
    closing = close_gaps(part, saved, totals[saved - 1] if saved else 0)
    highest = max([row.sequence for row in came] + [saved])
    after = closing.after if closing else (part or EMPTY)
    assert (after.sequence, after.total) == (highest, totals[highest - 1] if highest else 0)
    assert not after.gap
    assert after.awarded == after.total
    assert after.confirmed == highest
    if closing:
        assert closing.stands_for == highest - len(came)
        assert closing.row.sequence not in {row.sequence for row in came}


@given(TOTALS)
def test_a_whole_part_needs_no_row(totals: list[int]) -> None:
    whole = merge(None, _rows(totals))
    assert close_gaps(whole, len(totals), totals[-1]) is None
    assert close_gaps(whole, 0, 0) is None
    assert close_gaps(SessionTotal(*whole), len(totals) - 1, 5) is None
