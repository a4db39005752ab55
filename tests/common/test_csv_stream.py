"""Lines of CSV that no spreadsheet reads as a formula."""

import csv
import io
from decimal import Decimal

import pytest

from common.csv_stream import harmless, line


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\ufeff=1",
        "\u200b=1",
        "＝1",
        "＋1",
        "－1",
        "＠A1",
        '=cmd|" /C calc"!A0',
    ],
)
def test_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["nia", "", "-12.50", "12", "a=b", "it's", 5, Decimal("-1.25"), None]
)
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert harmless(value) == value


def test_a_line_reads_back_as_it_was_written() -> None:
    written = line([1, "a,b", 'say "hi"', "two\nlines", "=x"])
    assert next(csv.reader(io.StringIO(written))) == ["1", "a,b", 'say "hi"', "two\nlines", "'=x"]
