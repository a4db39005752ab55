from typing import Any

import pytest

from tests.roblox.emulator.conftest import UNIVERSE, Cloud

PUBLISH = f"/cloud/v2/universes/{UNIVERSE}:publishMessage"
TOPIC = f"/messaging-service/v1/universes/{UNIVERSE}/topics/news"
ITEMS = f"/cloud/v2/universes/{UNIVERSE}/memory-store/queues/orders/items"


def test_messages_are_kept_for_the_test_to_see(cloud: Cloud) -> None:
    assert cloud.ask("POST", PUBLISH, {"topic": "ranks", "message": "hello"}).status_code == 200
    assert cloud.ask("POST", TOPIC, {"message": "old"}).status_code == 200
    seen = cloud.look("messages", universeId=UNIVERSE)
    assert [(one["topic"], one["message"]) for one in seen] == [("ranks", "hello"), ("news", "old")]
    assert seen[0]["at"].endswith("Z")
    later = cloud.look("messages", universeId=UNIVERSE, after=seen[0]["id"])
    assert [one["message"] for one in later] == ["old"]


@pytest.mark.parametrize(
    ("topic", "message"), [("t" * 81, "m"), ("", "m"), ("t", "m" * 1025), ("t", "")]
)
def test_topics_and_messages_have_limits(cloud: Cloud, topic: str, message: str) -> None:
    assert cloud.ask("POST", PUBLISH, {"topic": topic, "message": message}).status_code == 400
    assert cloud.ask("POST", PUBLISH, {"topic": "t" * 80, "message": "m" * 1024}).status_code == 200


def test_an_empty_message_is_refused_as_rfc_9110_has_it(cloud: Cloud) -> None:
    refused = cloud.ask("POST", TOPIC, {})
    assert (refused.status_code, set(refused.json())) == (400, {"errors", "title", "status"})


def add(cloud: Cloud, data: Any, **more: Any) -> None:
    assert cloud.ask("POST", ITEMS, {"data": data, "ttl": "60s"} | more).status_code == 200


def test_what_is_read_stays_until_it_is_discarded(cloud: Cloud) -> None:
    add(cloud, "one")
    add(cloud, "two")
    read_id, _ = read(cloud, count=1)
    assert cloud.look("items", universeId=UNIVERSE, queue="orders") == {"items": 2}
    assert cloud.ask("POST", ITEMS + ":discard", {"readId": read_id}).status_code == 200
    assert cloud.look("items", universeId=UNIVERSE, queue="orders") == {"items": 1}


def read(cloud: Cloud, **query: Any) -> tuple[str, list[Any]]:
    body = cloud.get(ITEMS + ":read", **query).json()
    return body["readId"], [item["data"] for item in body["items"]]


def test_items_come_by_priority_and_then_by_age(cloud: Cloud) -> None:
    add(cloud, "first")
    add(cloud, {"n": 2})
    add(cloud, "urgent", priority=5)
    assert read(cloud, count=10)[1] == ["urgent", "first", {"n": 2}]


def test_one_item_is_read_unless_told(cloud: Cloud) -> None:
    add(cloud, 1)
    add(cloud, 2)
    assert read(cloud)[1] == [1]
    assert read(cloud)[1] == [2]
    assert read(cloud)[1] == []


def test_what_is_not_discarded_comes_back_after_its_window(cloud: Cloud) -> None:
    add(cloud, "kept")
    add(cloud, "done")
    late, _ = read(cloud, invisibilityWindow="3s")
    done, items = read(cloud)
    assert items == ["done"]
    assert cloud.ask("POST", ITEMS + ":discard", {"readId": done}).status_code == 200
    assert read(cloud)[1] == []
    cloud.advance(3)
    assert cloud.ask("POST", ITEMS + ":discard", {"readId": late}).status_code == 200
    assert read(cloud, count=10)[1] == ["kept"]


def test_all_or_nothing_reads_nothing_where_items_are_missing(cloud: Cloud) -> None:
    add(cloud, 1)
    refused = cloud.get(ITEMS + ":read", count=2, allOrNothing="true")
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    assert read(cloud)[1] == [1]


def test_items_expire(cloud: Cloud) -> None:
    add(cloud, 1, ttl="1s")
    cloud.advance(1)
    assert read(cloud)[1] == []


def test_items_have_limits(cloud: Cloud) -> None:
    assert cloud.ask("POST", ITEMS, {"data": "a" * 32_767}).status_code == 400
    assert cloud.ask("POST", ITEMS, {"data": 1, "ttl": "3888001s"}).status_code == 400
    assert cloud.ask("POST", ITEMS, {"ttl": "1s"}).status_code == 400
    assert cloud.get(ITEMS + ":read", invisibilityWindow="0s").status_code == 400


def test_a_game_server_puts_items_into_a_queue_too(cloud: Cloud) -> None:
    cloud.act("enqueue", universeId=UNIVERSE, queue="orders", data={"from": "game"}, priority=1)
    assert read(cloud)[1] == [{"from": "game"}]


def test_every_item_that_is_read_costs_a_unit(cloud: Cloud) -> None:
    for number in range(4):
        add(cloud, number)
    cloud.tell("limits", {"queueUnits": 5})
    answer = cloud.get(ITEMS + ":read", count=4)
    assert answer.status_code == 200
    assert [cloud.get(ITEMS + ":read").status_code for _ in range(2)] == [200, 429]
