"""Positions are exact, pages have no gaps, and derived data can be rebuilt and verified."""

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from players import leaderboard
from players.api import join_state
from players.models import LeaderboardBucket, Player
from tests.players.conftest import Game
from tests.shared_clock import clock_at

public = Client()


@pytest.fixture
def crowd(game: Game) -> list[Player]:
    """Create 300 players, many with equal points, with a third of the changes folded."""
    dice = random.Random(5)
    for start in (0, 100, 200):
        amounts = [
            dice.choice([0, 1, 5, 5.25, 64, 64.01, 4096, dice.randrange(10_000)])
            for _ in range(100)
        ]
        game.send(
            *[
                game.event(start + n + 1, type="training", awarded=0, total=amount)
                for n, amount in enumerate(amounts)
            ]
        )
        if start == 0:
            leaderboard.fold()
    return list(Player.objects.order_by("-points", "-id"))


def true_position(player: Player) -> int:
    return Player.objects.filter(points__gt=player.points, listed=True).count() + 1


def get(path: str) -> dict[str, Any]:
    """GET an address that no other test requested, since the cache outlives a test's database."""
    answer = public.get(f"{path}{'&' if '?' in path else '?'}fresh={uuid.uuid4().hex}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_every_position_is_exact(crowd: list[Player]) -> None:
    for player in crowd[::17]:
        assert leaderboard.position(player.points) == true_position(player)


def test_pages_join_without_gap_or_overlap(crowd: list[Player]) -> None:
    seen, after = [], ""
    while True:
        page = get(f"/leaderboard/top?limit=37{after}")
        seen += [(line["userId"], line["position"]) for line in page["players"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [(player.user_id, true_position(player)) for player in crowd]


@pytest.mark.parametrize("place", [0, 1, 150, 298, 299])
def test_around_shows_the_neighbours(crowd: list[Player], place: int) -> None:
    lines = get(f"/leaderboard/around/{crowd[place].user_id}?span=3")["players"]
    expected = crowd[max(0, place - 3) : place + 4]
    assert [(line["userId"], line["position"]) for line in lines] == [
        (player.user_id, true_position(player)) for player in expected
    ]


def test_the_counts_are_verified_and_rebuilt(crowd: list[Player]) -> None:
    while leaderboard.fold():
        pass
    assert leaderboard.verify() == 0
    LeaderboardBucket.objects.filter(level=0)[:1].get()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE leaderboard_buckets SET count = count + 1 WHERE level = 2")
    assert leaderboard.verify() > 0
    leaderboard.rebuild()
    assert leaderboard.verify() == 0
    assert leaderboard.total() == 300


def test_moves_between_folds_leave_no_empty_bucket(game: Game) -> None:
    for sequence, total in enumerate((5, 9000, 0, 12.34), start=1):
        game.send(game.event(1, sequence, awarded=0, total=total))
        leaderboard.fold()
    assert leaderboard.verify() == 0
    assert LeaderboardBucket.objects.count() == leaderboard.LEVELS
    assert get("/players/1")["position"] == 1


def test_records_are_by_count_and_name_nobody_with_none(game: Game) -> None:
    for user_id, kos in ((1, 3), (2, 0), (3, 9), (4, 3)):
        if kos:
            game.send(game.event(user_id, type="ko", magnitude=kos, awarded=0, total=0))
        else:
            game.send(game.event(user_id))
    lines = get("/leaderboard/records")
    assert [(line["userId"], line["position"], line["kos"]) for line in lines["kos"]] == [
        (3, 1, 9),
        (4, 2, 3),
        (1, 2, 3),
    ]
    assert lines["wos"] == []


def test_a_player_shows_nothing_disciplinary(
    stands: Callable[..., Player],
) -> None:
    player = stands(20)
    shown = get("/players/1")
    assert shown["nextRank"]["name"] == "Shock Trooper I"
    assert shown["nextRank"]["missing"] == {"points": 30, "days": 1, "recommendations": 0}
    Player.objects.filter(pk=player.pk).update(
        former_rank=player.rank, former_rank_since=player.rank_since, rank_id=_rank("Suspended")
    )
    suspended = get("/players/1")
    assert (suspended["rank"], "sanction" in suspended) == ("Initiate", False)
    assert "Suspended" not in str(get("/leaderboard/top"))


def _rank(name: str) -> int:
    from players.models import Rank

    return int(Rank.objects.get(name=name).pk)


def test_history_pages_from_the_newest(game: Game) -> None:
    game.send(*[game.event(1, n) for n in range(1, 8)])
    first = get("/players/1/history?limit=4")
    rest = get(f"/players/1/history?limit=4&after={first['next']}")
    assert len(first["entries"]) == 4
    assert len(rest["entries"]) == 3
    assert rest["next"] is None
    assert first["entries"][0]["experience"] == "nexus"


def test_search_finds_a_beginning_in_any_case(game: Game) -> None:
    for user_id, name in (
        (1, "Anna"),
        (2, "anneliese"),
        (3, "Bernd"),
        (4, "ANNA"),
        (5, "an%na"),
        (6, "Ünal"),
    ):
        game.send(game.event(user_id, username=name))
    assert [found["userId"] for found in get("/players?search=ann")["players"]] == [1, 4, 2]
    assert [found["userId"] for found in get("/players?search=AN%25")["players"]] == [5]
    assert [found["userId"] for found in get("/players?search=%C3%9Cn")["players"]] == [6]
    page = get("/players?search=an&limit=2")
    rest = get(f"/players?search=an&limit=2&after={page['next']}")
    assert [found["userId"] for found in page["players"] + rest["players"]] == [5, 1, 4, 2]


def test_a_game_search_needs_a_key(game: Game) -> None:
    for user_id, name in ((1, "Anna"), (2, "anneliese"), (3, "Anno"), (4, "Bernd")):
        game.send(game.event(user_id, username=name))
    Player.objects.filter(user_id=2).update(banned=True)
    Player.objects.filter(user_id=3).update(
        former_rank_id=_rank("Initiate"), rank_id=_rank("Suspended")
    )
    found = game.client.get("/roblox/players?search=ann").json()["players"]
    shown = [(one["userId"], one["rank"], one["sanction"]) for one in found]
    assert shown == [(1, "Initiate", None), (2, "Initiate", "ban"), (3, "Initiate", "suspension")]
    assert public.get("/roblox/players?search=ann").status_code == 401
    assert game.client.get("/roblox/players?search=").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/leaderboard/top?limit=0",
        "/leaderboard/top?limit=101",
        "/leaderboard/top?limit=x",
        "/leaderboard/top?limit=٣",
        "/leaderboard/top?after=x",
        "/leaderboard/top?after=1:99999999999999999999",
        "/leaderboard/around/1?span=51",
        "/players",
        "/players?search=",
        "/players?search=%00",
        "/players?search=a&after=a",
        "/players/1/history?after=1",
    ],
)
def test_a_bad_parameter_is_named(bootstrapped: None, path: str) -> None:
    answer = public.get(path)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] in {"limit", "after", "span", "search"}


@pytest.mark.parametrize(
    "path", ["/players/404", "/players/9999999999999999999999", "/leaderboard/around/404"]
)
def test_nobody_is_a_problem_document(bootstrapped: None, path: str) -> None:
    answer = public.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_game_server_learns_what_it_needs_on_join(
    game: Game, stands: Callable[..., Player]
) -> None:
    stands(20)
    game.send(game.event(1, 3, total=50))
    joined = game.client.get("/roblox/players/1").json()
    assert joined["sessions"] == [{"session": 1, "sequence": 3, "total": 50, "confirmed": 1}]
    assert (joined["known"], joined["sanction"]) == (True, None)
    assert (joined["elsewhere"], joined["ban"]) == (0, None)
    game.send(game.event(1, 1, session=4, awarded=15, total=15))
    later = game.client.get("/roblox/players/1?after=1").json()
    assert [part["session"] for part in later["sessions"]] == [4]
    assert later["points"] == 65
    assert game.client.get("/roblox/players/1?after=first").json()["errors"][0]["field"] == "after"
    stranger = game.client.get("/roblox/players/777").json()
    assert (stranger["known"], stranger["rank"], stranger["sessions"]) == (False, "Initiate", [])


def test_many_joins_at_once_answer_like_one(
    game: Game, stands: Callable[..., Player], django_assert_num_queries: Any
) -> None:
    for user_id in (1, 2, 3):
        game.send(game.event(user_id, 3, session=41, total=5 * user_id))
        game.send(game.event(user_id, 1, session=42, awarded=1, total=1))
    asked = {3: 0, 777: -1, 1: 41, 2: 9007199254740992}
    told = [
        f"{user_id}:{after}" if after >= 0 else str(user_id) for user_id, after in asked.items()
    ]
    with clock_at(timezone.now()):
        answer = game.client.get(f"/roblox/joins?players={','.join(told)}")
        assert answer.status_code == 200
        found = answer.json()["players"]
        for one, (user_id, after) in zip(found, asked.items(), strict=True):
            alone = game.client.get(f"/roblox/players/{user_id}?after={after}").json()
            assert one == alone
    assert [[part["session"] for part in one["sessions"]] for one in found] == [
        [41, 42],
        [],
        [42],
        [],
    ]
    join_state.load({1: 0}, "nexus")
    with CaptureQueriesContext(connection) as one_player:
        join_state.load({1: 0}, "nexus")
    with django_assert_num_queries(len(one_player)):
        join_state.load(dict.fromkeys(range(1, 51), 0), "nexus")


@pytest.mark.parametrize(
    "players",
    [
        "",
        "0",
        "1,",
        "1:",
        "x",
        "1:-1",
        ",".join(map(str, range(1, 52))),
        "1 ,2",
        "1:99999999999999999999",
    ],
)
def test_a_list_of_players_that_is_none_is_refused_by_name(game: Game, players: str) -> None:
    answer = game.client.get("/roblox/joins", {"players": players})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "players")


def test_games_fetch_the_policy_once(game: Game) -> None:
    first = game.client.get("/roblox/policy")
    initiate = first.json()["ranks"]["ranks"][1]
    assert initiate["name"] == "Initiate"
    assert "description" not in initiate, "modules published before it refuse unknown fields"
    again = game.client.get("/roblox/policy", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
