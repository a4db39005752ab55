from tests.roblox.emulator.conftest import ENTRIES, ORDERED, UNIVERSE, Cloud

DEFAULTS = {
    "dataStoreRead": 300,
    "groupMemberships": 300,
    "restrictionUpdate": 10,
    "messaging": 5000,
    "users": 1000,
}


def test_the_figures_are_those_of_roblox_until_they_are_changed(cloud: Cloud) -> None:
    cloud.tell("reset")
    figures = cloud.look("limits")
    assert {name: figures[name] for name in DEFAULTS} == DEFAULTS
    cloud.tell("limits", {"dataStoreRead": 7, "messaging": None})
    figures = cloud.look("limits")
    assert (figures["dataStoreRead"], figures["messaging"], figures["users"]) == (7, None, 1000)


def test_every_answer_says_what_is_left(cloud: Cloud) -> None:
    cloud.tell("limits", {"dataStoreRead": 3})
    answers = [cloud.get(f"{ENTRIES}/a") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit"] == "3, 3;w=60"
    assert 1 <= int(answers[0].headers["x-ratelimit-reset"]) <= 60
    assert answers[3].json()["code"] == "RESOURCE_EXHAUSTED"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60


def test_classes_and_universes_are_counted_apart(cloud: Cloud) -> None:
    cloud.tell("universes", {"universeId": 5002, "rootPlaceId": 6002, "name": "Other"})
    cloud.tell("limits", {"dataStoreRead": 1, "dataStoreList": 1, "orderedList": 1})
    cloud.get(f"{ENTRIES}/a")
    assert cloud.get(f"{ENTRIES}/a").status_code == 429
    assert cloud.get(f"{ENTRIES}/a".replace(str(UNIVERSE), "5002")).status_code == 404
    assert cloud.get(ENTRIES).status_code == 200
    assert cloud.get(ORDERED).status_code == 200
    assert cloud.get(ORDERED).status_code == 429


def test_groups_are_counted_for_each_key_owner(cloud: Cloud) -> None:
    about = {"name": "", "scopes": ["*"]}
    cloud.tell("keys", about | {"key": "same", "ownerUserId": 9001})
    cloud.tell("keys", about | {"key": "other", "ownerUserId": 7})
    cloud.tell("limits", {"groupRoles": 1})
    path = "/cloud/v2/groups/7001/roles"
    assert [cloud.ask("GET", path, key=key).status_code for key in ("a-key", "same", "other")] == [
        200,
        429,
        200,
    ]


def test_a_limit_by_the_second_is_over_after_one(cloud: Cloud) -> None:
    cloud.tell("limits", {"restrictionGet": 2})
    path = f"/cloud/v2/universes/{UNIVERSE}/user-restrictions/1"
    statuses = [
        cloud.get(path).status_code for _ in range(10)
    ]  # on a slow machine the third call may be a second later
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    cloud.advance(1)
    assert cloud.get(path).status_code == 200


def test_data_stores_v1_has_its_own_budget(cloud: Cloud) -> None:
    cloud.tell("limits", {"dataStoreV1Read": 1})
    path = f"/datastores/v1/universes/{UNIVERSE}/standard-datastores"
    assert cloud.get(path).status_code == 200
    refused = cloud.get(path)
    assert (refused.status_code, refused.json()["error"]) == (429, "RESOURCE_EXHAUSTED")
    assert cloud.get(f"{ENTRIES}/a").status_code == 404


def test_a_refused_key_uses_nothing_up(cloud: Cloud) -> None:
    cloud.tell("limits", {"dataStoreRead": 1})
    for _ in range(3):
        assert cloud.ask("GET", f"{ENTRIES}/a", key="unknown").status_code == 401
    assert cloud.get(f"{ENTRIES}/a").status_code == 404
