import datetime as dt

import pytest

from common.parsing import is_row_id, keyset_cursor, parse_keyset_cursor, whole_number

MOMENT = dt.datetime(2026, 11, 30, 12, 0, 0, 123_456, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("00000000000000000001", None),
        ("9" * 5_000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("1_000", None),
        ("1.0", None),
        ("²", None),
        ("١٢", None),
    ],
)
def test_only_ascii_digits_within_64_bits_are_a_number(text: str, number: int | None) -> None:
    assert whole_number(text) == number
    assert is_row_id(text) is (number is not None)


def test_a_number_is_at_most_what_the_caller_allows() -> None:
    assert whole_number("999", most=999) == 999
    assert whole_number("1000", most=999) is None
    assert whole_number("998", most=997) is None


def test_a_cursor_reads_back_to_the_microsecond() -> None:
    assert parse_keyset_cursor(keyset_cursor(MOMENT, 2**53)) == (MOMENT, 2**53)


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "1.1.1", "-1.1", "1,1", "1.x", "1.1 ", "9" * 17 + ".1", "١.1"]
)
def test_any_other_text_is_no_cursor(text: str) -> None:
    assert parse_keyset_cursor(text) is None
