from typing import Any

import pytest

from tests.roblox.emulator.conftest import ENTRIES, UNIVERSE, Cloud

STORES = f"/cloud/v2/universes/{UNIVERSE}/data-stores"


@pytest.fixture
def within_an_hour(cloud: Cloud) -> None:
    """Advance the clock to the start of an hour and a day."""
    cloud.advance(86_400 - cloud.now().timestamp() % 86_400)


@pytest.fixture
def entry(cloud: Cloud) -> dict[str, Any]:
    body = {"value": {"points": 1}, "users": ["users/1"], "attributes": {"kind": "player"}}
    answer = cloud.ask("POST", ENTRIES, body, params={"id": "anna"})
    assert answer.status_code == 200
    created: dict[str, Any] = answer.json()
    return created


def test_an_entry_is_read_as_it_was_created(cloud: Cloud, entry: dict[str, Any]) -> None:
    read = cloud.get(f"{ENTRIES}/anna").json()
    assert read == entry
    assert read["path"] == f"universes/{UNIVERSE}/data-stores/Points/entries/anna"
    assert (read["value"], read["users"], read["attributes"]) == (
        {"points": 1},
        ["users/1"],
        {"kind": "player"},
    )
    assert read["state"] == "ACTIVE"


def test_the_scope_of_a_path_without_one_is_global(cloud: Cloud, entry: dict[str, Any]) -> None:
    read = cloud.get(f"{STORES}/Points/scopes/global/entries/anna").json()
    assert read["value"] == entry["value"]
    assert read["path"] == f"universes/{UNIVERSE}/data-stores/Points/scopes/global/entries/anna"
    assert cloud.get(f"{STORES}/Points/scopes/other/entries/anna").status_code == 404


def test_what_exists_cannot_be_created(cloud: Cloud, entry: dict[str, Any]) -> None:
    answer = cloud.ask("POST", ENTRIES, {"value": 2}, params={"id": "anna"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_ARGUMENT"
    assert cloud.get(f"{ENTRIES}/anna").json()["value"] == {"points": 1}


def test_an_update_clears_what_it_does_not_send(cloud: Cloud, entry: dict[str, Any]) -> None:
    cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 2})
    read = cloud.get(f"{ENTRIES}/anna").json()
    assert (read["value"], read["users"], read["attributes"]) == (2, [], {})
    assert read["createTime"] == entry["createTime"]
    assert read["revisionId"] != entry["revisionId"]


def test_an_update_needs_the_entry_unless_it_may_be_missing(cloud: Cloud) -> None:
    assert cloud.ask("PATCH", f"{ENTRIES}/ben", {"value": 2}).status_code == 404
    assert (
        cloud.ask(
            "PATCH", f"{ENTRIES}/ben", {"value": 2}, params={"allowMissing": "true"}
        ).status_code
        == 200
    )
    assert cloud.get(f"{ENTRIES}/ben").json()["value"] == 2


def test_an_update_with_a_former_etag_is_aborted(cloud: Cloud, entry: dict[str, Any]) -> None:
    assert (
        cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 2, "etag": entry["etag"]}).status_code
        == 200
    )
    late = cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 3, "etag": entry["etag"]})
    assert late.status_code == 409
    assert late.json()["code"] == "ABORTED"
    assert cloud.get(f"{ENTRIES}/anna").json()["value"] == 2


def test_a_value_is_needed(cloud: Cloud, entry: dict[str, Any]) -> None:
    assert cloud.ask("PATCH", f"{ENTRIES}/anna", {"users": []}).status_code == 400
    assert cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": None}).status_code == 400


def test_a_value_has_at_most_4194304_characters(cloud: Cloud, entry: dict[str, Any]) -> None:
    assert cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": "a" * 4_194_302}).status_code == 200
    assert cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": "a" * 4_194_303}).status_code == 400


@pytest.mark.parametrize(("length", "status"), [(50, 200), (51, 400)])
def test_an_id_has_at_most_50_characters(cloud: Cloud, length: int, status: int) -> None:
    assert (
        cloud.ask("POST", ENTRIES, {"value": 1}, params={"id": "a" * length}).status_code == status
    )


def test_the_attributes_have_limits(cloud: Cloud, entry: dict[str, Any]) -> None:
    for attributes in ({"a" * 51: 1}, {"a": "b" * 251}, {"a": "b" * 200, "c": "d" * 200}):
        assert (
            cloud.ask(
                "PATCH", f"{ENTRIES}/anna", {"value": 1, "attributes": attributes}
            ).status_code
            == 400
        )


def test_a_body_needs_its_content_type(cloud: Cloud, entry: dict[str, Any]) -> None:
    answer = cloud.ask("PATCH", f"{ENTRIES}/anna", content=b'{"value":1}')
    assert answer.status_code == 400


def test_only_whole_numbers_are_incremented(cloud: Cloud, entry: dict[str, Any]) -> None:
    assert cloud.ask("POST", f"{ENTRIES}/anna:increment", {"amount": 1}).status_code == 400
    cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 1.5})
    assert cloud.ask("POST", f"{ENTRIES}/anna:increment", {"amount": 1}).status_code == 400
    cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 5})
    assert cloud.ask("POST", f"{ENTRIES}/anna:increment", {"amount": 0.5}).status_code == 400
    assert cloud.ask("POST", f"{ENTRIES}/anna:increment", {"amount": -2}).json()["value"] == 3


def test_an_increment_creates_and_clears_attributes(
    cloud: Cloud,
) -> None:
    assert (
        cloud.ask("POST", f"{ENTRIES}/new:increment", {"amount": 4, "users": ["users/7"]}).json()[
            "value"
        ]
        == 4
    )
    later = cloud.ask("POST", f"{ENTRIES}/new:increment", {}).json()
    assert (later["value"], later["users"]) == (5, [])


def test_a_deleted_entry_says_so_and_is_gone_for_writers(
    cloud: Cloud, entry: dict[str, Any]
) -> None:
    assert cloud.ask("DELETE", f"{ENTRIES}/anna").status_code == 200
    read = cloud.get(f"{ENTRIES}/anna")
    assert (read.status_code, read.json()["state"]) == (200, "DELETED")
    assert read.json()["value"] is None
    assert cloud.ask("DELETE", f"{ENTRIES}/anna").status_code == 404
    assert cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 2}).status_code == 404
    assert (
        cloud.ask("POST", ENTRIES, {"value": 2}, params={"id": "anna"}).json()["state"] == "ACTIVE"
    )


def test_what_never_was_is_not_found(cloud: Cloud) -> None:
    answer = cloud.get(f"{ENTRIES}/nobody")
    assert answer.status_code == 404
    assert answer.json() == {
        "code": "NOT_FOUND",
        "message": "The entry was not found.",
        "details": [],
    }


def test_an_id_with_an_at_sign_needs_latest(cloud: Cloud) -> None:
    cloud.ask("POST", ENTRIES, {"value": 1}, params={"id": "a@b"})
    assert cloud.get(f"{ENTRIES}/a@b@latest").json()["id"] == "a@b"
    assert cloud.get(f"{ENTRIES}/a@b").status_code in (400, 404)


def test_further_writes_within_an_hour_keep_no_revision(
    within_an_hour: None, cloud: Cloud, entry: dict[str, Any]
) -> None:
    cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 2})
    listed = cloud.get(f"{ENTRIES}/anna:listRevisions").json()["dataStoreEntries"]
    assert len(listed) == 1
    assert cloud.get(f"{ENTRIES}/anna@{entry['revisionId']}").status_code == 404
    cloud.advance(3600)
    cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": 3})
    assert len(cloud.get(f"{ENTRIES}/anna:listRevisions").json()["dataStoreEntries"]) == 2


def test_a_deletion_keeps_the_value_as_a_revision(cloud: Cloud, entry: dict[str, Any]) -> None:
    cloud.ask("DELETE", f"{ENTRIES}/anna")
    states = [
        one["state"]
        for one in cloud.get(f"{ENTRIES}/anna:listRevisions").json()["dataStoreEntries"]
    ]
    assert states == ["DELETED", "ACTIVE"]
    assert cloud.get(f"{ENTRIES}/anna@{entry['revisionId']}").json()["value"] == {"points": 1}


def test_revisions_are_listed_and_read_by_id_and_by_time(
    cloud: Cloud, entry: dict[str, Any]
) -> None:
    cloud.tell("options", {"keepEveryRevision": 1})
    for value in range(2, 6):
        cloud.advance(1)
        cloud.ask("PATCH", f"{ENTRIES}/anna", {"value": value})
    pages = cloud.pages(f"{ENTRIES}/anna:listRevisions", "dataStoreEntries", maxPageSize=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    second = pages[1][0]
    assert cloud.get(f"{ENTRIES}/anna@{second['revisionId']}").json()["value"] == 3
    assert cloud.get(f"{ENTRIES}/anna@latest:{second['revisionCreateTime']}").json()["value"] == 3
    assert cloud.get(f"{ENTRIES}/anna@latest").json()["value"] == 5
    since = f"revision_create_time >= {second['revisionCreateTime']}"
    listed = cloud.get(f"{ENTRIES}/anna:listRevisions", filter=since).json()["dataStoreEntries"]
    assert len(listed) == 3


def test_stores_are_listed_from_their_first_write(cloud: Cloud, entry: dict[str, Any]) -> None:
    cloud.ask("POST", f"{STORES}/Other/entries", {"value": 1}, params={"id": "x"})
    assert [store["id"] for store in cloud.get(STORES).json()["dataStores"]] == ["Other", "Points"]
    assert [len(page) for page in cloud.pages(STORES, "dataStores", maxPageSize=1)] == [1, 1]


def test_one_snapshot_is_taken_on_a_day(within_an_hour: None, cloud: Cloud) -> None:
    first = cloud.ask("POST", f"{STORES}:snapshot", {}).json()
    second = cloud.ask("POST", f"{STORES}:snapshot", {}).json()
    assert (first["newSnapshotTaken"], second["newSnapshotTaken"]) == (True, False)
    assert first["latestSnapshotTime"] == second["latestSnapshotTime"]
    cloud.advance(86_400)
    assert cloud.ask("POST", f"{STORES}:snapshot", {}).json()["newSnapshotTaken"] is True
