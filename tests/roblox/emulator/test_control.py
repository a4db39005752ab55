import datetime as dt
from typing import Any

import pytest

from tests.roblox.emulator.conftest import ENTRIES, GROUP, MEMBER, ORDERED, UNIVERSE, Cloud

SEED = {"universeId": UNIVERSE, "players": 200, "store": "Points", "index": "Index", "seed": 3}


def seeded(cloud: Cloud, user: int = 1000) -> tuple[Any, int]:
    entry = cloud.get(f"{ENTRIES}/player:{user}").json()["value"]
    return entry, cloud.get(f"{ORDERED}/{user}").json()["value"]


def total(value: Any) -> int:
    if "grps" not in value:
        return round(value["points"] * 100)
    sessions = sum(session["total"] for session in value["sessions"].values())
    return int(sessions + value.get("folded", {}).get("total", 0))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("keys", {"key": "k"}),
        (
            "keys",
            {
                "key": "k",
                "name": "",
                "ownerUserId": 1,
                "scopes": ["*"],
                "expirationTimeUtc": "soon",
            },
        ),
        ("universes", {"universeId": "many"}),
        (
            "groups",
            {
                "groupId": 1,
                "name": "g",
                "ownerUserId": 1,
                "roles": [{"id": 1, "rank": 2, "displayName": "x"}],
            },
        ),
        ("members", {"groupId": 4242, "members": [{"userId": 1}]}),
        ("members", {"groupId": GROUP, "members": [{"userId": 1, "roles": [1]}]}),
        ("seed", {"universeId": 1, "players": 5, "store": "S", "format": "other"}),
        (
            "seed",
            {"universeId": 1, "players": 5, "store": "S", "format": "grps", "keyFormat": "player"},
        ),
        ("act", {"act": "dance"}),
        ("act", {"act": "setRoles", "groupId": GROUP, "userId": 4242, "roles": []}),
        ("act", {"act": "removeEntry", "universeId": 1, "store": "S", "key": "nobody"}),
        ("limits", {"nothing": 1}),
        ("faults", {"faults": [{"kind": "plague"}]}),
        ("faults", {"faults": [{"kind": "500", "operations": ["nothing"]}]}),
        ("options", {"nothing": 1}),
        ("reset", []),
        ("clock", {"advance": -1}),
        ("clock", {"advance": "soon"}),
    ],
)
def test_malformed_input_is_refused_with_a_sentence(cloud: Cloud, path: str, body: Any) -> None:
    answer = cloud.http.post(f"/_emulator/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_the_clock_advances_until_a_reset(cloud: Cloud) -> None:
    before = cloud.now()
    cloud.advance(3600)
    assert cloud.now() - before >= dt.timedelta(hours=1)
    cloud.tell("reset")
    assert cloud.now() - before < dt.timedelta(hours=1)


def test_an_unknown_control_does_not_exist(cloud: Cloud) -> None:
    assert cloud.http.post("/_emulator/nothing", json={}).status_code == 404


def test_a_reset_leaves_nothing(cloud: Cloud) -> None:
    cloud.tell("reset")
    assert cloud.get(ENTRIES).status_code == 401
    assert cloud.look("calls")["total"] == 1


@pytest.mark.parametrize("form", ["legacy", "grps"])
def test_seeded_entries_and_their_index_agree(cloud: Cloud, form: str) -> None:
    assert cloud.tell("seed", SEED | {"format": form}) == {"players": 200}
    for user in range(1000, 1200):
        value, index = seeded(cloud, user)
        assert total(value) == index
        assert value["username"] == f"citizen_{user}"


def test_the_legacy_format_has_two_decimals_at_most(cloud: Cloud) -> None:
    cloud.tell("seed", SEED | {"format": "legacy"})
    value, _ = seeded(cloud)
    assert set(value) == {"points", "kos", "wos", "rank", "username"}
    assert round(value["points"], 2) == value["points"]


def test_the_grps_format_holds_sessions_and_folded_sums(cloud: Cloud) -> None:
    cloud.tell("seed", SEED | {"format": "grps"})
    values = [seeded(cloud, user)[0] for user in range(1000, 1010)]
    session = {"sequence", "total", "kos", "wos", "savedAt"}
    assert all(set(one) == session for value in values for one in value["sessions"].values())
    assert {bool(value.get("folded")) for value in values} == {True, False}
    assert all(value["userId"] == 1000 + place for place, value in enumerate(values))


def test_the_same_seed_writes_the_same(cloud: Cloud) -> None:
    cloud.tell("seed", SEED | {"format": "grps"})
    first = seeded(cloud)
    cloud.tell("seed", SEED | {"format": "grps", "seed": 4})
    assert seeded(cloud) != first
    cloud.tell("seed", SEED | {"format": "grps"})
    assert seeded(cloud) == first


@pytest.mark.parametrize("form", ["legacy", "grps"])
def test_a_share_of_the_players_goes_on_earning(cloud: Cloud, form: str) -> None:
    cloud.tell("seed", SEED | {"format": form})
    before = {user: seeded(cloud, user) for user in range(1000, 1200)}
    changed = cloud.tell("seed", SEED | {"format": form, "changeFraction": 0.05})["changed"]
    assert len(changed) == 10
    for user, (value, index) in before.items():
        now, index_now = seeded(cloud, user)
        assert (index_now > index) is (user in changed)
        assert (now != value) is (user in changed)
        assert total(now) == index_now


def test_a_seed_without_an_index_writes_none(cloud: Cloud) -> None:
    cloud.tell("seed", SEED | {"format": "legacy", "index": None})
    assert cloud.get(ORDERED).json()["orderedDataStoreEntries"] == []


def test_keys_follow_their_format_and_scope(cloud: Cloud) -> None:
    cloud.tell(
        "seed",
        SEED | {"format": "legacy", "keyFormat": "u_{userId}", "scope": "v2", "firstUserId": 50},
    )
    path = f"/cloud/v2/universes/{UNIVERSE}/data-stores/Points/scopes/v2/entries/u_50"
    assert cloud.get(path).json()["value"]["username"] == "citizen_50"


def test_a_game_server_writes_an_ordered_store_by_itself(cloud: Cloud) -> None:
    cloud.act("setOrdered", universeId=UNIVERSE, store="Index", id=str(MEMBER), value=1250)
    assert cloud.get(f"{ORDERED}/{MEMBER}").json()["value"] == 1250


def test_a_game_server_says_whose_an_entry_is(cloud: Cloud) -> None:
    entry = {"universeId": UNIVERSE, "store": "Points", "scope": "global", "key": "player:1000"}
    cloud.act("setEntry", **entry, value={"points": 1}, users=[1000])
    found = cloud.get(
        f"/cloud/v2/universes/{UNIVERSE}/data-stores/Points/scopes/global/entries/player:1000"
    ).json()
    assert found["users"] == ["users/1000"]


def test_a_game_server_writes_without_limits(cloud: Cloud) -> None:
    cloud.tell("limits", {"dataStoreWrite": 0})
    index = {"store": "Index", "id": MEMBER, "value": 1250}
    entry = {"universeId": UNIVERSE, "store": "Points", "scope": "global", "key": "player:1000"}
    cloud.act("setEntry", **entry, value={"points": 12.5}, index=index)
    assert seeded(cloud) == ({"points": 12.5}, 1250)
    assert cloud.look("entry", **entry) == {"points": 12.5}
    cloud.act("removeEntry", **entry, index={"store": "Index", "id": MEMBER})
    assert cloud.http.get("/_emulator/entry", params=entry).status_code == 404
    assert cloud.get(f"{ORDERED}/{MEMBER}").status_code == 404
