"""Parsing of entries of games' data stores, and the errors of entries that cannot be parsed."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.points.stored_entries import EVERYTHING, StoredSession
from syncs.pull.entry_parser import BrokenRecord, parse

SESSION = {"sequence": 7, "total": 1850, "kos": 2, "wos": 1, "savedAt": 1_700_000_000}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_a_simple_entry_is_one_total_beyond_all_sessions() -> None:
    stored = parse(
        7,
        {
            "points": 12.5,
            "kos": 3,
            "wos": 1,
            "rank": "Initiate",
            "username": "ann",
            "pets": ["dog"],
        },
    )
    assert (stored.user_id, stored.username, stored.total) == (7, "ann", 1250)
    assert (stored.through, stored.folded) == (EVERYTHING, StoredSession(0, 1250, 3, 1))


def test_an_entry_of_ours_has_its_sessions_and_what_is_folded() -> None:
    value = {
        "grps": 1,
        "userId": 7,
        "username": "ann",
        "sessions": {"41": SESSION},
        "folded": {"through": 3, "total": 500},
    }
    stored = parse(7, value)
    assert stored.sessions == {
        41: StoredSession(7, 1850, 2, 1, dt.datetime.fromtimestamp(1_700_000_000, dt.UTC))
    }
    assert (stored.through, stored.folded, stored.total) == (3, StoredSession(0, 500), 2350)


def test_an_empty_table_of_lua_is_no_session() -> None:
    assert parse(7, {"grps": 1, "sessions": []}).sessions == {}


def test_totals_that_no_sum_can_hold_end_no_pull() -> None:
    sessions = {str(epoch): {"sequence": 1, "total": 10**13} for epoch in range(1, 21)}
    with pytest.raises(BrokenRecord, match="all totals together"):
        parse(7, {"grps": 1, "sessions": sessions})


def test_a_profile_is_looked_into() -> None:
    assert parse(7, {"Data": {"points": 5}, "MetaData": {}}).total == 500


def test_the_dust_of_adding_floats_is_not_held_against_a_game() -> None:
    assert parse(7, {"points": 0.1 + 0.2}).total == 30


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "missing"),
        ([1], "a list"),
        ({}, "neither `points` nor `sessions`"),
        ({"points": "12"}, "points: is a text"),
        ({"points": True}, "points: is true or false"),
        ({"points": float("nan")}, "points: is out of all bounds"),
        ({"points": float("inf")}, "points: is out of all bounds"),
        ({"points": 1.005}, "at most two decimals"),
        ({"points": 1, "kos": -1}, "kos: must be a whole number from 0"),
        ({"points": 1, "username": "x" * 51}, "username: must be a text of at most 50"),
        ({"points": 1, "username": "a\0b"}, "without NUL"),
        ({"grps": 2, "sessions": {}}, "grps: version 2 is not known"),
        ({"grps": 1, "userId": 8, "sessions": {}}, "userId: 8 is not the user"),
        ({"sessions": {"-1": SESSION}}, "an epoch is a whole number"),
        (
            {"sessions": {"4": SESSION | {"sequence": 2**31}}},
            "sessions.4.sequence: must be a whole number",
        ),
        ({"sessions": {"4": SESSION | {"total": 1.5}}}, "sessions.4.total: must be a whole number"),
        (
            {"sessions": {"3": SESSION}, "folded": {"through": 3, "total": 1}},
            "sessions.3: is folded already",
        ),
        ({"sessions": {str(n): SESSION for n in range(2001)}}, "fold what is confirmed"),
    ],
)
def test_what_is_broken_is_named_with_its_field(value: Any, said: str) -> None:
    with pytest.raises(BrokenRecord, match=said.replace("`", ".")):
        parse(7, value)


@given(
    ANY_JSON
    | st.fixed_dictionaries({"points": ANY_JSON})
    | st.fixed_dictionaries({"sessions": ANY_JSON})
)
def test_whatever_a_store_holds_is_a_record_or_a_sentence(value: Any) -> None:
    try:
        total = parse(7, value).total
    except BrokenRecord:
        return
    assert isinstance(total, int)


def test_names_are_made_visible() -> None:
    entry = parse(7, {"points": 1, "username": "ni\u202ea\n1", "displayName": "\u200b\u3164"})
    assert (entry.username, entry.display_name) == ("nia 1", "")
