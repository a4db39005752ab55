"""Games (legacyReaders) and `manage.py import` (readers) read any entry of an old script alike."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from players.imports import readers
from players.imports.readers import Unreadable
from tests.roblox.luau.machine import Machine, take

READ = """
local data = game:GetService("ServerScriptService").GRPS.server.data
local schema, readers = require(data.profile_schema), require(data.legacy_readers)
local name, entry = ...
local profile, defect = schema.takeOver(nil, 7, readers[name], entry)
local session = if profile then profile.sessions["0"] else nil
return if session then { session.total, session.kos, session.wos } else (defect or "no points")
"""
NAMES = {
    "auto": "auto",
    "number": "number",
    "text": "text",
    "table": "points",
    "profilestore": "profileStore",
    "datastore2": "dataStore2",
}

amounts = st.one_of(
    st.integers(-3, 10**6),
    st.sampled_from([10**11, 10**11 - 1, 10**12, 0.1 + 0.2, 12.345, 1e300, 99999999999.99, -0.0]),
    st.integers(0, 10**12).map(lambda whole: whole / 100),
    st.integers(0, 10**7).map(lambda whole: whole / 10),
)
texts = st.one_of(
    amounts.map(str),
    st.sampled_from(["", " 7 ", "+5", "5.", ".5", "0x10", "1e3", "nan", "inf", "1,250", "12.50"]),
    st.text("0123456789. +-", max_size=20),
)
figures = st.one_of(amounts, texts, st.booleans(), st.none())
fields = [
    "Points",
    "XP",
    "total_points",
    "Value",
    "Kills",
    "W O s",
    "ko",
    "Pets",
    "Name",
    "pötints",
]
tables = st.dictionaries(st.sampled_from(fields), figures, max_size=5)
nested = st.dictionaries(
    st.sampled_from(["Data", "leaderstats", "Stats", "Profile", "MetaData"]),
    st.one_of(tables, st.lists(figures, max_size=2), figures),
    max_size=3,
)
entries = st.one_of(
    figures, tables, nested, st.tuples(tables, nested).map(lambda both: both[0] | both[1])
)


@pytest.fixture(scope="module")
def game() -> Any:
    machine = Machine()
    read = machine.chunk(READ)
    return lambda name, entry: take(machine.call(read, NAMES[name], entry))


def without_nulls(value: Any) -> Any:
    """Return what a game gets of JSON: null is no field there."""
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(one) for name, one in value.items() if one is not None}


@given(st.sampled_from(sorted(NAMES)), entries)
@example("auto", {"points": None, "XP": 5})
@example("auto", {"points": "1,250", "value": 3})
@example("auto", {"Data": {"Pets": 1}, "Score": 5})
@example("auto", {"Stats": {"xp": 1}, "Data": {"XP": 2}})
@example("table", {"Points": 123456789.3 + 1e-8, "Kills": "3", "Wins": 2.5})
@example("table", {"Points": 5, "Kills": True})
def test_both_read_an_entry_alike(game: Any, name: str, entry: Any) -> None:
    try:
        found = readers.read(entry, name)
        ours = [found.points, found.kos, found.wos]
    except Unreadable as error:
        ours = str(error)
    theirs = game(name, without_nulls(entry))
    if isinstance(ours, str):
        assert isinstance(theirs, str), (ours, theirs)
    else:
        assert theirs == ours
