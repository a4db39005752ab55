import datetime as dt
from typing import Any

import httpx
import pytest

from tests.roblox.emulator.conftest import KEY_OWNER, MEMBER, PLACE, UNIVERSE, Cloud

BANS = f"/cloud/v2/universes/{UNIVERSE}/user-restrictions"
PLACE_BANS = f"/cloud/v2/universes/{UNIVERSE}/places/{PLACE}/user-restrictions"
LOGS = BANS + ":listLogs"


def ban(
    cloud: Cloud, user: int = MEMBER, path: str = BANS, query: Any = None, **details: Any
) -> httpx.Response:
    body = {
        "gameJoinRestriction": {"active": True, "displayReason": "No.", "privateReason": "case 7"}
        | details
    }
    return cloud.ask(
        "PATCH",
        f"{path}/{user}",
        body,
        params={"updateMask": "game_join_restriction"} | (query or {}),
    )


def state(cloud: Cloud, path: str = BANS, user: int = MEMBER) -> dict[str, Any]:
    answer = cloud.get(f"{path}/{user}")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()["gameJoinRestriction"]
    return told


def test_who_was_never_banned_is_not_restricted(cloud: Cloud) -> None:
    assert state(cloud)["active"] is False
    assert cloud.get(BANS).json()["userRestrictions"] == []


def test_a_ban_without_a_duration_is_for_ever(cloud: Cloud) -> None:
    answer = ban(cloud)
    assert answer.status_code == 200
    assert answer.json()["path"] == f"universes/{UNIVERSE}/user-restrictions/{MEMBER}"
    told = state(cloud)
    assert (told["active"], told["displayReason"], told["privateReason"]) == (True, "No.", "case 7")
    assert "duration" not in told


def test_a_ban_ends_with_its_duration(cloud: Cloud) -> None:
    ban(cloud, duration="3s")
    told = state(cloud)
    assert (told["active"], told["duration"]) == (True, "3s")
    cloud.advance(3)
    assert state(cloud)["active"] is False


@pytest.mark.parametrize("duration", ["", "0s", "1.5s", "60", "315576000001s"])
def test_a_duration_has_whole_seconds_within_bounds(cloud: Cloud, duration: str) -> None:
    assert ban(cloud, duration=duration).status_code == 400


def test_reasons_have_limits(cloud: Cloud) -> None:
    assert ban(cloud, displayReason="a" * 401).status_code == 400
    assert ban(cloud, privateReason="a" * 1001).status_code == 400
    assert ban(cloud, displayReason="a" * 400, privateReason="a" * 1000).status_code == 200


def test_only_the_whole_restriction_can_be_updated(cloud: Cloud) -> None:
    assert ban(cloud, query={"updateMask": "game_join_restriction.active"}).status_code == 400
    assert cloud.ask("PATCH", f"{BANS}/{MEMBER}", {}).status_code == 400


def test_who_was_unbanned_is_still_listed(cloud: Cloud) -> None:
    ban(cloud)
    ban(cloud, active=False)
    assert state(cloud)["active"] is False
    assert [one["user"] for one in cloud.get(BANS).json()["userRestrictions"]] == [
        f"users/{MEMBER}"
    ]


def test_a_listing_has_pages(cloud: Cloud) -> None:
    for user in range(2000, 2025):
        ban(cloud, user)
    assert [len(page) for page in cloud.pages(BANS, "userRestrictions")] == [10, 10, 5]


def test_the_same_idempotency_key_changes_nothing_again(cloud: Cloud) -> None:
    now = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
    once = {"idempotencyKey.key": "k-1", "idempotencyKey.firstSent": now}
    first = ban(cloud, query=once)
    ban(cloud, active=False)
    again = ban(cloud, query=once)
    assert (again.status_code, again.content) == (200, first.content)
    assert state(cloud)["active"] is False
    assert len(cloud.get(LOGS).json()["logs"]) == 2
    assert ban(cloud, query=once | {"idempotencyKey.key": "k-2"}).status_code == 200
    assert state(cloud)["active"] is True


def test_an_idempotency_key_lives_a_day(cloud: Cloud) -> None:
    once = {"idempotencyKey.key": "k-1"}
    ban(cloud, query=once)
    ban(cloud, active=False)
    cloud.advance(86_400)
    ban(cloud, query=once)
    assert state(cloud)["active"] is True


def test_an_idempotency_key_that_is_too_old_is_refused(cloud: Cloud) -> None:
    old = {"idempotencyKey.key": "k-1", "idempotencyKey.firstSent": "2020-01-01T00:00:00Z"}
    assert ban(cloud, query=old).status_code == 400


def test_a_place_inherits_the_ban_of_its_universe(cloud: Cloud) -> None:
    ban(cloud)
    told = state(cloud, PLACE_BANS)
    assert (told["active"], told["inherited"]) == (True, True)
    ban(cloud, path=PLACE_BANS, active=False)
    told = state(cloud, PLACE_BANS)
    assert (told["active"], told["inherited"]) == (False, False)
    assert state(cloud)["active"] is True


def test_the_log_names_the_key_owner_or_the_game(cloud: Cloud) -> None:
    ban(cloud)
    cloud.act(
        "ban", universeId=UNIVERSE, userId=7, active=True, duration="86400s", displayReason="Out."
    )
    game, key = cloud.get(LOGS).json()["logs"]
    assert game["moderator"] == {"gameServerScript": {}}
    assert (game["user"], game["duration"], game["place"]) == ("users/7", "86400s", "")
    assert key["moderator"] == {"robloxUser": f"users/{KEY_OWNER}"}
    assert key["privateReason"] == "case 7"


def test_the_log_is_filtered_by_user_and_place(cloud: Cloud) -> None:
    ban(cloud)
    ban(cloud, path=PLACE_BANS)
    ban(cloud, 7)

    def found(text: str) -> list[str]:
        return [log["user"] + log["place"] for log in cloud.get(LOGS, filter=text).json()["logs"]]

    mine, place = f"users/{MEMBER}", f"places/{PLACE}"
    assert found(f"user == '{mine}'") == [mine + place, mine]
    assert found(f"user == '{mine}' && place == '{place}'") == [mine + place]
    assert found(f"\"user == '{mine}'\" && \"place == '{place}'\"") == [mine + place]
    assert cloud.get(LOGS, filter="user != 'users/1'").status_code == 400
    assert [len(page) for page in cloud.pages(LOGS, "logs", maxPageSize=2)] == [2, 1]


def test_a_user_is_updated_twice_a_minute_at_most(cloud: Cloud) -> None:
    cloud.tell("limits", {"restrictionUpdateUser": 2})
    assert [ban(cloud).status_code for _ in range(3)] == [200, 200, 429]
    refused = ban(cloud)
    assert int(refused.headers["retry-after"]) > 50
    assert ban(cloud, 7).status_code == 200
    cloud.advance(60)
    assert ban(cloud).status_code == 200
