import datetime as dt

import pytest

from tests.roblox.emulator.conftest import ENTRIES, KEY_OWNER, MEMBER, UNIVERSE, Cloud

INVALID = {"errors": [{"code": 0, "message": "Invalid API Key"}]}
READ = "universe-datastores.objects:read"


def introspect(cloud: Cloud, key: str) -> dict[str, object]:
    answer = cloud.ask("POST", "/api-keys/v1/introspect", {"apiKey": key}, key=None)
    assert answer.status_code == 200
    told: dict[str, object] = answer.json()
    return told


@pytest.mark.parametrize("key", [None, "", "unknown"])
def test_a_missing_or_unknown_key_is_refused_by_the_gateway(cloud: Cloud, key: str | None) -> None:
    refused = cloud.ask("GET", ENTRIES, key=key)
    assert (refused.status_code, refused.json()) == (401, INVALID)


def test_a_key_that_vanished_is_unknown(cloud: Cloud) -> None:
    assert cloud.http.delete("/_emulator/keys/a-key").status_code == 200
    assert cloud.get(ENTRIES).status_code == 401


def test_a_disabled_or_expired_key_is_refused(cloud: Cloud) -> None:
    about = {"name": "", "ownerUserId": 1, "scopes": ["*"]}
    cloud.tell("keys", about | {"key": "off", "enabled": False})
    cloud.tell("keys", about | {"key": "old", "expirationTimeUtc": "2020-01-01T00:00:00Z"})
    cloud.tell("keys", about | {"key": "new", "expirationTimeUtc": "2120-01-01T00:00:00Z"})
    statuses = [cloud.ask("GET", ENTRIES, key=key).status_code for key in ("off", "old", "new")]
    assert statuses == [401, 401, 200]
    assert introspect(cloud, "off")["enabled"] is False
    assert introspect(cloud, "old")["expired"] is True


def test_a_key_expires(cloud: Cloud) -> None:
    end = cloud.now() + dt.timedelta(hours=1)
    about = {"key": "k", "name": "", "ownerUserId": 1, "scopes": ["*"]}
    cloud.tell("keys", about | {"expirationTimeUtc": end.isoformat()})
    assert cloud.ask("GET", ENTRIES, key="k").status_code == 200
    cloud.advance(3600)
    assert cloud.ask("GET", ENTRIES, key="k").status_code == 401


def test_a_scope_holds_for_its_universes(cloud: Cloud) -> None:
    cloud.tell("universes", {"universeId": 5002, "rootPlaceId": 6002, "name": "Other"})
    grants = [{"scope": READ, "universeIds": [UNIVERSE]}]
    cloud.tell("keys", {"key": "reader", "name": "Reader", "ownerUserId": 1, "scopes": grants})
    cloud.act("setEntry", universeId=UNIVERSE, store="Points", key="a", value=1)
    other = ENTRIES.replace(str(UNIVERSE), "5002")
    assert cloud.ask("GET", f"{ENTRIES}/a", key="reader").status_code == 200
    for method, path in (("GET", f"{other}/a"), ("GET", ENTRIES), ("DELETE", f"{ENTRIES}/a")):
        refused = cloud.ask(method, path, key="reader")
        assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")


def test_a_key_tells_what_it_is(cloud: Cloud) -> None:
    grants = [
        {"scope": READ, "universeIds": ["5001"]},
        {"scope": "group:write", "universeIds": ["*"]},
    ]
    cloud.tell("keys", {"key": "k", "name": "Reader", "ownerUserId": 7, "scopes": grants})
    assert introspect(cloud, "k") == {
        "name": "Reader",
        "authorizedUserId": 7,
        "scopes": [
            {
                "name": "universe-datastores.objects",
                "operations": ["read"],
                "universeIds": ["5001"],
            },
            {"name": "group", "operations": ["write"], "universeIds": ["*"]},
        ],
        "enabled": True,
        "expired": False,
        "expirationTimeUtc": None,
    }
    assert cloud.ask("POST", "/api-keys/v1/introspect", {"apiKey": "unknown"}).status_code == 401


def test_an_unknown_universe_is_not_found(cloud: Cloud) -> None:
    assert cloud.get(ENTRIES.replace(str(UNIVERSE), "4242")).json()["code"] == "NOT_FOUND"


def test_unknown_paths_and_methods_are_refused_by_the_gateway(cloud: Cloud) -> None:
    unknown = cloud.http.get("/cloud/v2/nothing")
    assert (unknown.status_code, set(unknown.json())) == (404, {"errors"})
    assert cloud.http.put(ENTRIES).status_code == 405


def test_a_user_is_found_by_id(cloud: Cloud) -> None:
    user = cloud.get(f"/cloud/v2/users/{MEMBER}").json()
    assert (user["id"], user["name"], user["path"]) == (str(MEMBER), "Anna", f"users/{MEMBER}")
    assert cloud.get("/cloud/v2/users/4242").status_code == 404


def test_users_are_found_by_names_without_a_key(cloud: Cloud) -> None:
    cloud.tell(
        "seed",
        {
            "universeId": UNIVERSE,
            "players": 5,
            "store": "S",
            "format": "legacy",
            "firstUserId": 3000,
        },
    )
    names = {
        "usernames": ["anna", "RANKER", "nobody", "citizen_3004", "citizen_3005"],
        "excludeBannedUsers": False,
    }
    found = cloud.ask("POST", "/v1/usernames/users", names, key=None).json()["data"]
    assert [(one["requestedUsername"], one["id"]) for one in found] == [
        ("anna", MEMBER),
        ("RANKER", KEY_OWNER),
        ("citizen_3004", 3004),
    ]
    too_many = cloud.ask("POST", "/v1/usernames/users", {"usernames": ["a"] * 101}, key=None)
    assert (too_many.status_code, set(too_many.json())) == (400, {"errors"})


def test_headshots_are_drawn_for_known_users(cloud: Cloud) -> None:
    asked = f"/v1/users/avatar-headshot?userIds={MEMBER},999999999&size=150x150&format=Png"
    (found,) = cloud.ask("GET", asked, key=None).json()["data"]
    assert (found["targetId"], found["state"]) == (MEMBER, "Completed")
    picture = cloud.http.get(found["imageUrl"])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert cloud.http.get("/headshots/999999999").status_code == 404
    too_many = ",".join(map(str, range(1, 102)))
    refused = cloud.ask("GET", f"/v1/users/avatar-headshot?userIds={too_many}", key=None)
    assert refused.status_code == 400
