"""Lines of CSV that no spreadsheet reads as a formula."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.csv_stream import document, harmless, line, plain


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
        "'=1",
        "007",
        "12345678901234567890",
        "1E9",
    ],
)
def test_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["nia", "", "-12.50", "12", "0.5", "a=b", "it's", 5, Decimal("-1.25"), None, True]
)
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert harmless(value) == value


def test_ids_longer_than_a_spreadsheet_s_numbers_are_texts() -> None:
    assert harmless(9_007_199_254_740_993) == "'9007199254740993"
    assert harmless(999_999_999_999_999) == 999_999_999_999_999


def test_a_semicolon_begins_no_formula_where_it_separates() -> None:
    assert harmless('nia;=HYPERLINK("x")') == 'nia;\'=HYPERLINK("x")'
    assert harmless("two\n@lines") == "two\n'@lines"


def test_a_file_begins_with_a_byte_order_mark() -> None:
    assert "".join(document(["a"], [[1]])) == "\ufeffa\r\n1\r\n"


@given(st.text("'=+-@;\t\n\r 01Ee.\ufeff\u200b,\"＝é", max_size=8))
def test_a_value_reads_back_as_it_was(text: str) -> None:
    [read] = next(csv.reader(io.StringIO(line([text]), newline="")))
    assert plain(read) == text


def test_a_line_reads_back_as_it_was_written() -> None:
    written = line([1, "a,b", 'say "hi"', "two\nlines", "=x"])
    assert next(csv.reader(io.StringIO(written))) == ["1", "a,b", 'say "hi"', "two\nlines", "'=x"]
