import datetime as dt

import pytest

from players.policy.bundle import Bundle
from players.policy.warning_thresholds import (
    ThresholdSanction,
    sanction_for,
    suspension_ends,
    warning_expires,
)

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("warnings", "sanction"),
    [(0, "none"), (3, "none"), (4, "suspension"), (6, "suspension"), (7, "ban"), (70, "ban")],
)
def test_warnings_lead_to_the_sanction_of_their_number(
    bundle: Bundle, warnings: int, sanction: str
) -> None:
    assert sanction_for(warnings, bundle.punishments) is ThresholdSanction(sanction)


def test_a_suspension_ends_by_itself_and_warnings_last(bundle: Bundle) -> None:
    assert suspension_ends(START, bundle.punishments) == START + dt.timedelta(days=14)
    assert warning_expires(START, bundle.punishments) is None
