"""Names and texts without characters that hide, blank or reorder what is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.visible_text import BIDI_CONTROLS, clean_name, clean_text, isolated

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Nia_1", "Nia_1"),
        ("  two   words ", "two words"),
        ("a\nb\r\nc\td\0e", "a b c d e"),
        ("a\u202eb\u2066c\u2069\u200f", "abc"),
        ("a\u2028b\u2029c\u3000d\u00a0e", "a b c d e"),
        ("\u200bN\ufeffi\u2060a\u00ad", "Nia"),
        ("e" + "\u0301" * 40, "é" + "\u0301" * 4),
        ("\u0301\u0301x", "x"),
        ("x\ud800y\u0378z\ue000", "xyz"),
        ("\U000e0041\U000e0042x", "x"),
        (FAMILY, FAMILY),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\u200dx\u200d\u200d y\u200d", "x y"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("שלום", "שלום"),
        ("e\u0301", "é"),
        ("x" * 60, "x" * 50),
    ],
)
def test_a_name_is_one_visible_line(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        "",
        " ",
        "\n\t",
        "\u200b\u200c\u200d",
        "\u3164\u115f\u2800",
        "\u202e\u2066",
        "\u0301",
        "\ud800",
    ],
)
def test_a_name_without_anything_visible_is_empty(sent: str) -> None:
    assert clean_name(sent) == ""
    assert clean_text(sent) == ""


def test_a_text_keeps_its_line_breaks() -> None:
    assert clean_text(" a\r\nb\u202e\r\n\n c\td ") == "a\nb\n\n c d"


@given(st.text(st.characters(categories=None), max_size=60))
def test_cleaning_twice_changes_nothing(sent: str) -> None:
    once = clean_name(sent)
    assert clean_name(once) == once
    assert len(once) <= 50
    assert not BIDI_CONTROLS.search(once)
    assert not any(unicodedata.category(one) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for one in once)
    once.encode()
    text = clean_text(sent)
    assert clean_text(text) == text


def test_only_names_with_another_direction_are_isolated() -> None:
    assert isolated("Nia") == "Nia"
    assert isolated("Zoë") == "Zoë"
    assert isolated("שלום") == "\u2068שלום\u2069"
    assert isolated("a\u202eb\u2066") == "ab"
