"""Games hear what keeps a player from ranks, over HTTP."""

from django.utils import timezone

from players.ranks import locks
from tests.players.conftest import Game
from tests.players.ranks.test_locks import WEEK, Stands, command


def state(game: Game, user_id: int = 1) -> list[dict[str, object]]:
    found: list[dict[str, object]] = game.client.get(f"/roblox/players/{user_id}").json()["locks"]
    return found


def test_games_hear_of_locks_without_their_reason(game: Game, stands: Stands) -> None:
    stands(60, days=1)
    assert state(game) == state(game, 987654) == []
    end = (timezone.now() + WEEK).replace(microsecond=0)
    locks.deny_rank(1, "Captain I", command("sold the plans"))
    locks.lock_promotions(1, end, command("sold the plans"))
    assert state(game) == [
        {"rank": None, "until": f"{end:%Y-%m-%dT%H:%M:%SZ}"},
        {"rank": "Captain I", "until": None},
    ]
    answer = game.client.get("/roblox/joins?players=1:0,2:0")
    assert b"sold the plans" not in answer.content
    assert [one["locks"] for one in answer.json()["players"]] == [state(game), []]
    locks.unlock_promotions(1, command())
    assert state(game) == [{"rank": "Captain I", "until": None}]
