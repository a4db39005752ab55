import pytest

from tests.roblox.emulator.conftest import ENTRIES, UNIVERSE, Cloud

ALL_SCOPES = f"/cloud/v2/universes/{UNIVERSE}/data-stores/Points/scopes/-/entries"


@pytest.fixture(autouse=True)
def _entries(cloud: Cloud) -> None:
    for number in range(25):
        act = {
            "universeId": UNIVERSE,
            "store": "Points",
            "key": f"player:{number:02}",
            "value": number,
        }
        cloud.act("setEntry", **act)
    cloud.act(
        "setEntry", universeId=UNIVERSE, store="Points", key="meta", scope="other", value={"x": 1}
    )


def ids(cloud: Cloud, path: str = ENTRIES, **query: object) -> list[str]:
    pages = cloud.pages(path, "dataStoreEntries", maxPageSize=256, **query)
    return [entry["id"] for page in pages for entry in page]


def test_only_path_and_id_are_answered(cloud: Cloud) -> None:
    first = cloud.get(ENTRIES).json()["dataStoreEntries"][0]
    path = f"universes/{UNIVERSE}/data-stores/Points/entries/player:00"
    assert first == {"path": path, "id": "player:00"}


def test_a_page_has_ten_entries_unless_told(cloud: Cloud) -> None:
    pages = cloud.pages(ENTRIES, "dataStoreEntries")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert len({entry["id"] for page in pages for entry in page}) == 25


def test_a_page_has_256_entries_at_most(cloud: Cloud) -> None:
    cloud.tell(
        "seed", {"universeId": UNIVERSE, "players": 300, "store": "Many", "format": "legacy"}
    )
    path = ENTRIES.replace("Points", "Many")
    assert [len(page) for page in cloud.pages(path, "dataStoreEntries", maxPageSize=1000)] == [
        256,
        44,
    ]


def test_a_token_belongs_to_its_parameters(cloud: Cloud) -> None:
    token = cloud.get(ENTRIES, maxPageSize=5).json()["nextPageToken"]
    assert cloud.get(ENTRIES, maxPageSize=5, pageToken=token).status_code == 200
    for other in ({"maxPageSize": 6}, {"maxPageSize": 5, "showDeleted": "true"}, {}):
        refused = cloud.get(ENTRIES, pageToken=token, **other)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_ARGUMENT")
    assert cloud.get(ENTRIES, maxPageSize=5, pageToken="nonsense").status_code == 400


def test_ids_are_filtered_by_how_they_start(cloud: Cloud) -> None:
    assert ids(cloud, filter='id.startsWith("player:1")') == [
        f"player:{number}" for number in range(10, 20)
    ]


@pytest.mark.parametrize(
    "text", ['id == "x"', "id.startsWith('x')", 'id.endsWith("x")', "nonsense"]
)
def test_no_other_filter_is_known(cloud: Cloud, text: str) -> None:
    assert cloud.get(ENTRIES, filter=text).status_code == 400


def test_deleted_entries_are_listed_on_demand(cloud: Cloud) -> None:
    cloud.ask("DELETE", f"{ENTRIES}/player:03")
    assert "player:03" not in ids(cloud)
    assert "player:03" in ids(cloud, showDeleted="true")


def test_all_scopes_are_listed_with_a_dash(cloud: Cloud) -> None:
    pages = cloud.pages(ALL_SCOPES, "dataStoreEntries", maxPageSize=7)
    found = [entry for page in pages for entry in page]
    assert len(found) == 26
    assert found[-1]["path"].endswith("/scopes/other/entries/meta")


def test_the_page_size_is_a_number(cloud: Cloud) -> None:
    assert cloud.get(ENTRIES, maxPageSize="many").status_code == 400
    assert cloud.get(ENTRIES, maxPageSize=-1).status_code == 400


def test_a_listing_may_lag_behind(cloud: Cloud) -> None:
    cloud.advance(3)
    cloud.tell("options", {"listingDelaySeconds": 3})
    cloud.act("setEntry", universeId=UNIVERSE, store="Points", key="new", value=1)
    cloud.act("removeEntry", universeId=UNIVERSE, store="Points", key="player:00")
    assert cloud.get(f"{ENTRIES}/new").status_code == 200
    seen = ids(cloud)
    assert "new" not in seen
    assert "player:00" in seen
    cloud.advance(3)
    seen = ids(cloud)
    assert "new" in seen
    assert "player:00" not in seen
