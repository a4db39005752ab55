import pytest

from tests.roblox.emulator.conftest import ORDERED, UNIVERSE, Cloud

V1 = f"/ordered-data-stores/v1/universes/{UNIVERSE}/orderedDataStores/Index/scopes/global/entries"


@pytest.fixture
def filled(cloud: Cloud) -> Cloud:
    for number in range(25):
        cloud.ask("POST", ORDERED, {"value": number // 2}, params={"id": f"{1000 + number}"})
    return cloud


def test_pages_go_up_or_down_without_gaps_at_equal_values(filled: Cloud) -> None:
    for order, sign in ((None, 1), ("value desc", -1)):
        query = {"maxPageSize": 7} | ({"orderBy": order} if order else {})
        pages = filled.pages(ORDERED, "orderedDataStoreEntries", **query)
        found = [(entry["value"], entry["id"]) for page in pages for entry in page]
        assert len(found) == len(set(found)) == 25
        assert found == sorted(found, reverse=sign < 0)


def test_a_page_has_a_hundred_entries_at_most(cloud: Cloud) -> None:
    seed = {
        "universeId": UNIVERSE,
        "players": 150,
        "store": "Points",
        "index": "Index",
        "format": "legacy",
    }
    cloud.tell("seed", seed)
    assert [
        len(page) for page in cloud.pages(ORDERED, "orderedDataStoreEntries", maxPageSize=256)
    ] == [100, 50]


def test_values_are_filtered_between_bounds(filled: Cloud) -> None:
    def values(text: str) -> set[int]:
        found = filled.get(ORDERED, maxPageSize=100, filter=text).json()["orderedDataStoreEntries"]
        return {entry["value"] for entry in found}

    assert values("entry >= 3 && entry <= 5") == {3, 4, 5}
    assert values("entry >= 11") == {11, 12}
    assert values("entry <= 1") == {0, 1}
    for text in ("entry>=3", "entry > 3", "entry >=  3", "value >= 3"):
        assert filled.get(ORDERED, filter=text).status_code == 400
    assert filled.get(ORDERED, orderBy="id").status_code == 400


def test_what_exists_cannot_be_created(cloud: Cloud) -> None:
    assert cloud.ask("POST", ORDERED, {"value": 1}, params={"id": "a"}).status_code == 200
    assert cloud.ask("POST", ORDERED, {"value": 2}, params={"id": "a"}).status_code == 400
    assert cloud.ask("POST", ORDERED, {"value": 2}, params={"id": "a" * 64}).status_code == 400
    assert cloud.get(f"{ORDERED}/a").json()["value"] == 1


def test_an_update_needs_the_entry_unless_it_may_be_missing(cloud: Cloud) -> None:
    assert cloud.ask("PATCH", f"{ORDERED}/a", {"value": 1}).status_code == 404
    assert (
        cloud.ask("PATCH", f"{ORDERED}/a", {"value": 1.6}, params={"allowMissing": "true"}).json()[
            "value"
        ]
        == 2
    )
    assert cloud.ask("PATCH", f"{ORDERED}/a", {}).status_code == 400


def test_an_increment_creates_what_is_missing(cloud: Cloud) -> None:
    assert cloud.ask("POST", f"{ORDERED}/a:increment", {"amount": 5}).json()["value"] == 5
    assert cloud.ask("POST", f"{ORDERED}/a:increment", {"amount": -7}).json()["value"] == -2


def test_a_deletion_is_immediate(cloud: Cloud) -> None:
    cloud.ask("POST", ORDERED, {"value": 1}, params={"id": "a"})
    assert cloud.ask("DELETE", f"{ORDERED}/a").status_code == 200
    assert cloud.get(f"{ORDERED}/a").status_code == 404
    assert cloud.ask("DELETE", f"{ORDERED}/a").status_code == 404
    assert cloud.get(ORDERED).json()["orderedDataStoreEntries"] == []


def test_the_first_version_of_the_interface_lists_too(filled: Cloud) -> None:
    first = filled.get(V1, max_page_size=2, order_by="desc").json()
    assert [entry["value"] for entry in first["entries"]] == [12, 11]
    second = filled.get(
        V1, max_page_size=2, order_by="desc", page_token=first["nextPageToken"]
    ).json()
    assert [entry["value"] for entry in second["entries"]] == [11, 10]
    refused = filled.get(V1, filter="nonsense")
    assert (refused.status_code, set(refused.json())) == (400, {"code", "message"})
