"""The portal's role reads in the database what the API answers, field by field."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from psycopg.rows import dict_row

from players.models import Player
from tests.players.public.conftest import crowd, decide, get, period, rank  # noqa: F401
from tests.portal_schema.conftest import Database

TIMES = {"asOf", "userIdString"}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def plain(value: Any) -> Any:
    """Return a value of the database as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def rows(portal: Database, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with portal.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query, parameters)
        return [{camel(name): plain(value) for name, value in row.items()} for row in cursor]


def told(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an API answer that a row of the database has, as it has them."""
    kept = {name: value for name, value in found.items() if name in wanted}
    for name, value in kept.items():
        if isinstance(wanted[name], dt.datetime):
            kept[name] = dt.datetime.fromisoformat(value)
    return kept


def same(answer: list[dict[str, Any]], found: list[dict[str, Any]], *but: str) -> None:
    assert len(answer) == len(found) > 0
    for one, row in zip(answer, found, strict=True):
        row["lastSyncedAt"] = row.pop("syncedAt", None)
        wanted = {name: value for name, value in row.items() if name in one and name not in but}
        assert set(one) - set(wanted) <= {*TIMES, *but}
        assert told(one, wanted) == wanted


@pytest.fixture
def everybody(portal: Database, crowd: list[Player]) -> list[Player]:  # noqa: F811
    for player in crowd[:6]:
        decide(player, "promotion", "Initiate", "Shock Trooper I")
        Player.objects.filter(pk=player.pk).update(rank=rank("Shock Trooper I"))
    suspended = crowd[4]
    Player.objects.filter(pk=suspended.pk).update(
        rank=rank("Suspended"),
        former_rank=rank("Shock Trooper I"),
        former_rank_since=suspended.rank_since,
    )
    Player.objects.filter(pk=crowd[9].pk).update(banned=True)
    period("2026-W40", "week", closed=True)
    period("2026-09", "month", closed=False)
    return list(Player.objects.filter(listed=True).order_by("-points", "-id"))


@pytest.mark.parametrize("by", ["points", "kos", "wos"])
@pytest.mark.parametrize("slug", [None, "shock-trooper-i"])
def test_leaderboards(portal: Database, everybody: list[Player], by: str, slug: str | None) -> None:
    answer = get(f"/leaderboard/top?limit=20&by={by}" + (f"&rank={slug}" if slug else ""))
    query = "SELECT * FROM portal.leaderboard(20, NULL, NULL, %s, %s)"
    same(answer["players"], rows(portal, query, by, slug))
    total = rows(portal, "SELECT portal.list_total(%s, NULL, NULL, %s) AS total", by, slug)
    assert answer["total"] == total[0]["total"]


@pytest.mark.parametrize(("kind", "key"), [("week", "2026-W40"), ("month", "2026-09")])
@pytest.mark.parametrize("slug", [None, "shock-trooper-i"])
def test_periods(
    portal: Database, everybody: list[Player], kind: str, key: str, slug: str | None
) -> None:
    answer = get(f"/leaderboard/top?limit=20&period={key}" + (f"&rank={slug}" if slug else ""))
    query = "SELECT * FROM portal.period_leaderboard(%s, %s, 20, NULL, NULL, 'points', %s)"
    same(answer["players"], rows(portal, query, kind, key, slug))
    (found,) = rows(portal, "SELECT * FROM portal.period(%s, %s)", kind, key)
    assert told(answer["period"], found) == found


def test_the_second_page_continues_the_first_of_the_other_way(
    portal: Database, everybody: list[Player]
) -> None:
    (*_, last) = portal.execute("SELECT amount, id FROM portal.leaderboard(7)").fetchall()
    answer = get(f"/leaderboard/top?limit=7&after={last[0]}:{last[1]}")
    same(answer["players"], rows(portal, "SELECT * FROM portal.leaderboard(7, %s, %s)", *last))


def test_every_player(portal: Database, everybody: list[Player]) -> None:
    for player in everybody:
        answer = get(f"/players/{player.user_id}")
        (found,) = rows(portal, "SELECT * FROM portal.player(%s)", player.user_id)
        found["lastSyncedAt"] = found.pop("syncedAt")
        found["streak"] = {"current": found["streak"], "longest": found.pop("longestStreak")}
        for best, name, unit in (("bestDay", "day", "Points"), ("bestWeek", "week", "Points")):
            amount = found.pop(f"{best}{unit}")
            if found[best] is not None:
                found[best] = {name: found[best], "amount": amount}
        wanted = {name: value for name, value in found.items() if name not in {"id", "asOf"}}
        assert set(answer) == {*wanted, "asOf", "nextRank", "userIdString"}
        assert told(answer, wanted) == wanted
        (seen,) = rows(portal, "SELECT * FROM portal.players WHERE user_id = %s", player.user_id)
        seen["lastSyncedAt"] = seen.pop("syncedAt")
        assert told(answer, seen) == seen


def test_days_history_promotions_and_neighbours(portal: Database, everybody: list[Player]) -> None:
    for player in everybody[::7]:
        user_id = player.user_id
        days = rows(portal, "SELECT * FROM portal.series(%s, 40)", user_id)
        same(get(f"/players/{user_id}/series?days=40")["days"], days)
        around = rows(portal, "SELECT * FROM portal.around(%s, 3)", user_id)
        same(get(f"/leaderboard/around/{user_id}?span=3")["players"], around)
        seen = rows(portal, "SELECT * FROM portal.daily WHERE user_id = %s ORDER BY day", user_id)
        earned = [(one["day"], one["awarded"]) for one in seen if one["awarded"]]
        assert earned == [(one["day"], one["awarded"]) for one in days if one["awarded"]]
    latest = rows(portal, "SELECT * FROM portal.latest_promotions(50)")
    for one in latest:
        one["id"] = str(one["id"])
    same(get("/promotions?limit=50")["promotions"], latest, "player")
    assert len(latest) == 6
    own = rows(portal, "SELECT * FROM portal.promotions")
    assert {str(one["id"]) for one in own} == {one["id"] for one in latest}


def test_search_records_periods_ranks_and_figures(
    portal: Database, everybody: list[Player]
) -> None:
    for text in ("player_1", "shown", "30", "zzz"):
        answer = get(f"/players?search={text}&limit=100")
        found = rows(portal, "SELECT * FROM portal.search(%s, 100)", text)
        assert [one["userId"] for one in answer["players"]] == [one["userId"] for one in found]
        assert [one["matchedText"] for one in answer["players"]] == [
            one["matchedText"] for one in found
        ]
        if not found:
            near = rows(portal, "SELECT * FROM portal.suggestions(%s)", text)
            assert answer["suggestions"] == [one["suggestions"] for one in near]
    records = get("/leaderboard/records")
    best = rows(portal, "SELECT * FROM portal.records('best_day', 5)")
    assert [(one["player"]["userId"], one["amount"], one["day"]) for one in records["bestDay"]] == [
        (one["userId"], one["amount"], one["day"]) for one in best
    ]
    same(
        get("/periods?kind=week")["periods"],
        rows(portal, "SELECT * FROM portal.periods WHERE kind = 'week'"),
    )
    ranks = get("/ranks")["ranks"]
    same(ranks, rows(portal, "SELECT * FROM portal.ranks ORDER BY retired, position"))
    (figures,) = rows(portal, "SELECT * FROM portal.stats")
    stats = get("/stats")
    assert {name: stats[name] for name in figures if name != "asOf"} == {
        name: value for name, value in figures.items() if name != "asOf"
    }


def test_nobody_hidden_is_found_in_any_way(portal: Database, everybody: list[Player]) -> None:
    queries = [
        "SELECT user_id FROM portal.players",
        "SELECT user_id FROM portal.daily",
        "SELECT user_id FROM portal.ledger",
        "SELECT user_id FROM portal.promotions",
        "SELECT user_id FROM portal.leaderboard(100)",
        "SELECT user_id FROM portal.leaderboard(100, NULL, NULL, 'kos')",
        "SELECT user_id FROM portal.period_leaderboard('week', '2026-W40', 100)",
        "SELECT user_id FROM portal.period_leaderboard('month', '2026-09', 100)",
        "SELECT user_id FROM portal.search('player', 100)",
        "SELECT user_id FROM portal.records('best_day', 50)",
        "SELECT user_id FROM portal.records('best_week', 50)",
        "SELECT user_id FROM portal.records('longest_streak', 50)",
        "SELECT user_id FROM portal.records('fastest', 50)",
        "SELECT user_id FROM portal.latest_promotions(100)",
        *(f"SELECT user_id FROM portal.player({hidden})" for hidden in range(101, 106)),
        *(f"SELECT user_id FROM portal.around({hidden}, 50)" for hidden in range(101, 106)),
        *(
            f"SELECT {hidden} AS user_id FROM portal.series({hidden}, 5)"
            for hidden in range(101, 106)
        ),
        "SELECT portal.still_listed(ARRAY[101, 102, 103, 104, 105]) AS user_id",
    ]
    for query in queries:
        found = {row[0] for row in portal.execute(query).fetchall()}
        assert not found & set(range(101, 106)), query


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM portal.promotions WHERE user_id = 4",
        "SELECT * FROM portal.ledger WHERE user_id = 4",
        "SELECT * FROM portal.player(4)",
        "SELECT * FROM portal.latest_promotions(5)",
    ],
)
def test_no_plan_counts_the_rows_that_are_hidden_of_a_player(
    portal: Database, everybody: list[Player], query: str
) -> None:
    player = Player.objects.get(user_id=4)
    for _ in range(3):
        decide(player, "demotion", "Shock Trooper I", "Initiate")
    plan = "\n".join(row[0] for row in portal.execute(f"EXPLAIN (ANALYZE, VERBOSE) {query}"))
    assert "decisions" not in plan
    assert "public.ledger" not in plan


def test_limits_are_held_in_the_functions(portal: Database, everybody: list[Player]) -> None:
    for query, most in (
        ("SELECT * FROM portal.leaderboard(1000000)", 101),
        ("SELECT * FROM portal.leaderboard(-5)", 1),
        ("SELECT * FROM portal.leaderboard(NULL)", 25),
        ("SELECT * FROM portal.around(4, 1000000)", 101),
        ("SELECT * FROM portal.series(4, 1000000)", 366),
        ("SELECT * FROM portal.search('player', 1000000)", 101),
        ("SELECT * FROM portal.history(4, 1000000)", 201),
        ("SELECT * FROM portal.records('best_day', 1000000)", 50),
        ("SELECT * FROM portal.leaderboard(5, NULL, NULL, 'banned')", 0),
        ("SELECT * FROM portal.leaderboard(5, NULL, NULL, 'points', 'suspended')", 0),
        ("SELECT * FROM portal.period_leaderboard('week', '2026-W40', 5, NULL, NULL, 'x')", 0),
        ("SELECT * FROM portal.period('day', '1; DROP TABLE players')", 0),
        ("SELECT * FROM portal.search('player', 5, 'nonsense')", 0),
        ("SELECT * FROM portal.search(NULL)", 0),
    ):
        assert len(portal.execute(query).fetchall()) <= most, query
    many = list(range(1, 5_000))
    found = portal.execute("SELECT portal.still_listed(%s::bigint[])", [many]).fetchall()
    assert 0 < len(found) <= 1_000


def test_an_erased_player_is_gone_at_once(portal: Database, everybody: list[Player]) -> None:
    gone = everybody[0].user_id
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE players SET listed = false, erased_at = now() WHERE user_id = %s", [gone]
        )
    assert (
        portal.execute("SELECT portal.still_listed(ARRAY[%s]::bigint[])", [gone]).fetchall() == []
    )
    assert rows(portal, "SELECT * FROM portal.player(%s)", gone) == []
