"""Requests as three other people's clients make them.

They are those of rblx-open-cloud 2.3 (PyPI), openblox 1.0.62 and noblox.js 9.0 (npm), which were run
against the emulator without changes.
"""

import datetime as dt

import pytest

from tests.roblox.emulator.conftest import API_KEY, ENTRIES, GROUP, UNIVERSE, Cloud

ORDERED_V1 = (
    f"/ordered-data-stores/v1/universes/{UNIVERSE}/orderedDataStores/Board/scopes/global/entries"
)
STORE_V1 = f"/datastores/v1/universes/{UNIVERSE}/standard-datastores/datastore/entries"
NAME = {"datastoreName": "Lab"}


def test_noblox_asks_for_all_scopes_in_another_case(cloud: Cloud) -> None:
    for scope in ("global", "s2"):
        asked = NAME | {"scope": scope, "entryKey": "a"}
        headers = {"content-type": "application/json"}
        written = cloud.ask(
            "POST", f"{STORE_V1}/entry", params=asked, content=b"5", headers=headers
        )
        assert written.status_code == 200

    def keys(scope: str, everywhere: str) -> list[str]:
        """Ask without the comparison with Roblox's files, which write the name in lower case."""
        asked = NAME | {"scope": scope, "AllScopes": everywhere}
        found = cloud.http.get(STORE_V1, params=asked, headers={"x-api-key": API_KEY})
        return [one["key"] for one in found.json()["keys"]]

    assert keys("true", "true") == ["global/a", "s2/a"]
    assert keys("s2", "false") == ["a"]


def test_an_ordered_store_of_v1_can_be_written(cloud: Cloud) -> None:
    """As rblx-open-cloud does: booleans with a capital, and errors are distinguished by their words."""

    def update(value: int, allow: str) -> tuple[int, object]:
        found = cloud.ask(
            "PATCH", f"{ORDERED_V1}/p", {"value": value}, params={"allow_missing": allow}
        )
        return found.status_code, found.json().get("value")

    assert update(1, "False") == (404, None)
    assert update(10, "True") == (200, 10)
    again = cloud.ask("POST", ORDERED_V1, {"value": 5}, params={"id": "p"})
    assert (again.status_code, again.json()["message"]) == (400, "Entry already exists.")
    assert cloud.ask("POST", ORDERED_V1, {"value": 5}, params={"id": "q"}).json()["value"] == 5
    assert cloud.ask("POST", f"{ORDERED_V1}/p:increment", {"amount": 5}).json()["value"] == 15
    assert cloud.ask("GET", f"{ORDERED_V1}/p").json()["value"] == 15
    listed = cloud.ask("GET", ORDERED_V1, params={"order_by": "desc", "filter": "entry <= 9"})
    assert [one["id"] for one in listed.json()["entries"]] == ["q"]
    assert cloud.ask("DELETE", f"{ORDERED_V1}/p").status_code == 200
    gone = cloud.ask("GET", f"{ORDERED_V1}/p")
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")


def test_a_tombstone_has_every_field(cloud: Cloud) -> None:
    """rblx-open-cloud reads `value` and `attributes` of a deleted entry too."""
    cloud.ask("POST", ENTRIES, {"value": 1}, params={"id": "gone"})
    assert cloud.ask("DELETE", f"{ENTRIES}/gone").status_code == 200
    read = cloud.ask("GET", f"{ENTRIES}/gone@latest").json()
    assert (read["state"], read["value"], read["users"], read["attributes"]) == (
        "DELETED", None, [], {},
    )  # fmt: skip


@pytest.mark.parametrize("order", [0, 1])
def test_bounds_of_revisions_stand_in_any_order(cloud: Cloud, order: int) -> None:
    """openblox writes the upper bound first, rblx-open-cloud the lower one."""
    cloud.ask("POST", ENTRIES, {"value": 1}, params={"id": "a"})
    now = dt.datetime.now(dt.UTC)
    bounds = [
        f"revision_create_time >= {(now - dt.timedelta(hours=1)).isoformat()}",
        f"revision_create_time <= {(now + dt.timedelta(hours=1)).isoformat()}",
    ]
    text = " && ".join(bounds[::-1] if order else bounds)
    found = cloud.ask("GET", f"{ENTRIES}/a:listRevisions", params={"filter": text})
    assert len(found.json()["dataStoreEntries"]) == 1
    early = f"revision_create_time <= {(now - dt.timedelta(hours=1)).isoformat()}"
    none = cloud.ask("GET", f"{ENTRIES}/a:listRevisions", params={"filter": early})
    assert none.json().get("dataStoreEntries", []) == []


def test_a_role_has_all_thirty_permissions(cloud: Cloud) -> None:
    roles = cloud.ask("GET", f"/cloud/v2/groups/{GROUP}/roles", params={"maxPageSize": 20}).json()
    guest = roles["groupRoles"][0]
    assert (guest["rank"], len(guest["permissions"])) == (0, 30)
