"""Leaderboards are exact in every order, and hide whom they must."""

from decimal import Decimal

import pytest

from players.models import Player
from players.public import lists, periods
from players.public.lists import ListQuery
from tests.players.public.conftest import LARGEST, days_ago, earn, get, make, pages, period, rank


def shown(path: str) -> list[tuple[int, int, bool]]:
    return [(one["userId"], one["position"], one["tied"]) for one in pages(path, "players")]


def expected(players: list[Player], amount: str = "points") -> list[tuple[int, int, bool]]:
    """Positions counted in Python, of players in the order of the list."""
    values = [getattr(player, amount) for player in players]
    return [
        (player.user_id, 1 + sum(other > value for other in values), values.count(value) > 1)
        for player, value in zip(players, values, strict=True)
    ]


@pytest.mark.parametrize("limit", [1, 7, 59, 60, 100])
def test_points_have_exact_positions_on_pages_of_any_size(crowd: list[Player], limit: int) -> None:
    assert shown(f"/leaderboard/top?limit={limit}") == expected(crowd)


@pytest.mark.parametrize("by", ["kos", "wos"])
def test_counts_are_listed_from_the_highest_without_those_of_nothing(
    crowd: list[Player], by: str
) -> None:
    some = [player for player in crowd if getattr(player, by)]
    some.sort(key=lambda player: (getattr(player, by), player.pk), reverse=True)
    assert shown(f"/leaderboard/top?by={by}&limit=7") == expected(some, by)


@pytest.mark.parametrize("by", ["points", "kos"])
def test_a_list_of_one_rank_keeps_the_positions_of_the_whole_list(
    crowd: list[Player], by: str
) -> None:
    whole = {user_id: place for user_id, place, _ in shown(f"/leaderboard/top?by={by}&limit=100")}
    holders = {player.user_id for player in crowd if player.rank.name == "Shock Trooper I"}
    listed = shown(f"/leaderboard/top?by={by}&rank=shock-trooper-i&limit=5")
    assert [(user_id, place) for user_id, place, _ in listed] == [
        (user_id, place) for user_id, place in whole.items() if user_id in holders
    ]


def test_the_first_thousand_of_a_list_by_counts(crowd: list[Player]) -> None:
    first = rank("Initiate")
    moment = crowd[0].rank_since
    Player.objects.bulk_create(
        Player(
            user_id=10_000 + number,
            username=f"many_{number}",
            rank=first,
            rank_since=moment,
            named_at=moment,
            kos=100,
        )
        for number in range(1_050)
    )
    lines = lists.leaderboard(ListQuery(101, by="kos"))
    assert {(line.position, line.tied) for line in lines} == {(1, True)}
    last = lines[-1]
    for _ in range(20):
        more = lists.leaderboard(ListQuery(101, (last.amount, last.id), "kos"))
        if not more:
            break
        lines += more
        last = more[-1]
    assert len(lines) == 1_000
    assert len({line.user_id for line in lines}) == 1_000
    assert lines[-1].tied


def test_total_counts_the_listed_players_of_the_list(crowd: list[Player]) -> None:
    assert get("/leaderboard/top")["total"] == 60
    assert get("/leaderboard/top?by=kos")["total"] is None


def test_change_and_spark(crowd: list[Player]) -> None:
    line = next(one for one in get("/leaderboard/top?limit=100")["players"] if one["userId"] == 30)
    assert line["change"] == 30 - line["position"]
    assert line["spark"] == [0] * (13 - 30 % 14) + [30] + [0] * (30 % 14)
    assert line["userIdString"] == "30"
    make(77, 1)
    new = next(one for one in get("/leaderboard/top?limit=100")["players"] if one["userId"] == 77)
    assert new["change"] is None
    assert new["spark"] == [0] * 14


def test_points_of_an_experience_that_does_not_count_are_in_no_spark(crowd: list[Player]) -> None:
    earn(crowd[0], days_ago(0), 999, origin="apart", counted=False)
    assert 999 not in get("/leaderboard/top?limit=1")["players"][0]["spark"]


def test_ids_near_the_largest_are_exact_as_text(crowd: list[Player]) -> None:
    lines = get("/leaderboard/top?limit=100")["players"]
    assert {str(LARGEST - 1), str(LARGEST - 2), str(LARGEST - 3)} <= {
        line["userIdString"] for line in lines
    }
    assert get(f"/leaderboard/around/{LARGEST - 1}")["players"]


@pytest.mark.parametrize("after", ["999999999999.99:1", "0:1", "0.00:999999999999999999", "5:0"])
def test_a_made_up_cursor_begins_where_it_says(crowd: list[Player], after: str) -> None:
    amount, _, row = after.partition(":")
    place = (Decimal(amount), int(row))
    rest = [user for user in crowd if (user.points, user.pk) < place]
    assert [one[0] for one in shown(f"/leaderboard/top?limit=100&after={after}")] == [
        player.user_id for player in rest
    ] or not rest


@pytest.mark.parametrize(
    "query",
    ["after=-1:1", "after=1", "by=banned", "period=2026-W4", "period=day", "rank=A'", "limit=101"],
)
def test_what_is_no_parameter_is_refused(crowd: list[Player], query: str) -> None:
    get(f"/leaderboard/top?{query}", status=400)


def test_unknown_ranks_and_periods_are_named(crowd: list[Player]) -> None:
    assert "2020-W01" in get("/leaderboard/top?period=2020-W01", status=404)["detail"]
    assert "warlord" in get("/leaderboard/top?rank=warlord", status=404)["detail"]
    get("/leaderboard/top?rank=suspended", status=404)


@pytest.mark.parametrize("closed", [True, False])
def test_a_period_is_listed_by_what_was_earned_in_it(crowd: list[Player], closed: bool) -> None:
    period("2026-W40", "week", closed=closed)
    some = [player for player in crowd if player.pk % 13]
    some.sort(key=lambda player: (player.pk % 13, player.pk), reverse=True)
    values = [player.pk % 13 for player in some]
    assert shown("/leaderboard/top?period=2026-W40&limit=7") == [
        (player.user_id, 1 + sum(other > value for other in values), values.count(value) > 1)
        for player, value in zip(some, values, strict=True)
    ]
    line = get("/leaderboard/top?period=2026-W40&limit=1")["players"][0]
    assert (line["amount"], line["change"]) == (12, None)
    assert line["points"] != line["amount"]


def test_the_positions_of_a_closed_period_stay(crowd: list[Player]) -> None:
    period("2026-W40", "week", closed=True)
    before = shown("/leaderboard/top?period=2026-W40&limit=100")
    gone = before[0][0]
    Player.objects.filter(user_id=gone).update(listed=False)
    after = shown("/leaderboard/top?period=2026-W40&limit=100")
    assert [one[:2] for one in after] == [one[:2] for one in before if one[0] != gone]


def test_open_periods_exist_before_anybody_earns(crowd: list[Player]) -> None:
    for kind in periods.KINDS:
        body = get(f"/leaderboard/top?period={kind}")
        assert body["players"] == []
        assert body["period"]["kind"] == kind
        assert body["period"]["closedAt"] is None
        again = get(f"/leaderboard/top?period={body['period']['key']}")
        assert again["period"] == body["period"]


def test_periods_are_paged_from_the_newest(crowd: list[Player]) -> None:
    keys = ["2025-W52", "2026-W01", "2026-W09", "2026-W10"]
    for key in keys:
        period(key, "week", closed=True)
    period("2026-03", "month", closed=True)
    found = pages("/periods?kind=week&limit=3", "periods")
    assert [one["key"] for one in found] == keys[::-1]


@pytest.mark.parametrize("place", [0, 1, 30, 58, 59])
def test_around_shows_the_neighbours(crowd: list[Player], place: int) -> None:
    lines = get(f"/leaderboard/around/{crowd[place].user_id}?span=3")["players"]
    assert [(one["userId"], one["position"], one["tied"]) for one in lines] == expected(crowd)[
        max(0, place - 3) : place + 4
    ]


def test_hidden_players_have_no_neighbours(crowd: list[Player]) -> None:
    for user_id in (101, 4_242):
        get(f"/leaderboard/around/{user_id}", status=404)


def test_records_name_no_hidden_player(crowd: list[Player]) -> None:
    body = get("/leaderboard/records?limit=3")
    assert [one["amount"] for one in body["bestDay"]] == [60, 59, 58]
    assert {one["amount"] for one in body["bestWeek"]} == {6}
    assert {one["days"] for one in body["longestStreak"]} == {8}
    assert [one["kos"] for one in body["kos"]] == [19, 19, 19]
