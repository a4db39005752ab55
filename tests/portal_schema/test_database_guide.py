"""docs/database.md names every table, and the roles it describes read what it says."""

import re
from collections import Counter

import psycopg
import pytest
from django.db import connection

from common.environment import BASE_DIR
from grps_site.ops import portal_role
from tests.portal_schema.conftest import Database

GUIDE = (BASE_DIR / "docs" / "database.md").read_text(encoding="utf-8")
TABLES = GUIDE.split("## Tables\n")[1].split("\n## ")[0]
LINE = re.compile(r"^\| (`.*?`) \| (yes|no) \|", re.M)


def named(contract: str) -> list[str]:
    lines = [names for names, kept in LINE.findall(TABLES) if kept == contract]
    return [name for line in lines for name in re.findall(r"`(\w+)`", line)]


def test_every_table_is_named_once(db: None) -> None:
    names = Counter(named("yes") + named("no"))
    assert [name for name, times in names.items() if times > 1] == []
    assert set(names) == set(connection.introspection.table_names())


def test_every_view_and_function_of_the_portal_is_named() -> None:
    for name in (*portal_role.VIEWS, *portal_role.FUNCTIONS):
        assert f"portal.{name}" in GUIDE


def test_analysts_are_granted_the_tables_of_the_contract() -> None:
    granted = re.search(r"GRANT SELECT ON ([\w,\s]+) TO analyst", GUIDE)
    assert granted
    assert re.findall(r"\w+", granted[1]) == named("yes")


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM ledger", "TRUNCATE audits CASCADE", "UPDATE seals SET root = ''"],
)
def test_append_only_tables_refuse_with_their_own_code(db: None, statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(Exception, match="append-only") as caught:
        cursor.execute(statement)
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.sqlstate == "GRPS1"


def test_points_are_computed_and_never_empty(portal: Database) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_generated = 'ALWAYS'"
        )
        assert cursor.fetchall() == [("players", "points", "NO")]
