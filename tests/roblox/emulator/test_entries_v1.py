import base64
import hashlib

import httpx

from tests.roblox.emulator.conftest import UNIVERSE, Cloud

STORES = f"/datastores/v1/universes/{UNIVERSE}/standard-datastores"
LIST = STORES + "/datastore/entries"
ENTRY = LIST + "/entry"
ANNA = {"datastoreName": "Points", "entryKey": "anna"}


def put(
    cloud: Cloud, content: bytes, headers: dict[str, str] | None = None, **query: object
) -> httpx.Response:
    sent = {"content-type": "application/json"} | (headers or {})
    return cloud.ask("POST", ENTRY, content=content, params=ANNA | query, headers=sent)


def test_a_value_is_a_raw_body_with_headers(cloud: Cloud) -> None:
    sent = {"roblox-entry-userids": "[1,2]", "roblox-entry-attributes": '{"a":1}'}
    written = put(cloud, b'{"points": 1}', sent).json()
    read = cloud.get(ENTRY, **ANNA)
    assert read.content == b'{"points": 1}'
    assert (
        read.headers["content-md5"] == base64.b64encode(hashlib.md5(read.content).digest()).decode()
    )
    assert read.headers["roblox-entry-version"] == written["version"]
    assert read.headers["roblox-entry-userids"] == "[1,2]"
    assert read.headers["roblox-entry-attributes"] == '{"a":1}'
    assert written["contentLength"] == 13


def test_an_entry_is_the_same_in_both_versions_of_the_interface(cloud: Cloud) -> None:
    put(cloud, b"7")
    assert (
        cloud.get(f"/cloud/v2/universes/{UNIVERSE}/data-stores/Points/entries/anna").json()["value"]
        == 7
    )


def test_a_write_can_be_bound_to_a_version(cloud: Cloud) -> None:
    first = put(cloud, b"1").json()["version"]
    assert put(cloud, b"2", matchVersion=first).status_code == 200
    refused = put(cloud, b"3", matchVersion=first)
    assert (refused.status_code, refused.content) == (412, b"2")
    assert refused.headers["roblox-entry-version"] != first


def test_a_write_can_be_bound_to_absence(cloud: Cloud) -> None:
    assert put(cloud, b"1", exclusiveCreate="true").status_code == 200
    assert put(cloud, b"2", exclusiveCreate="true").status_code == 412
    assert put(cloud, b"2", exclusiveCreate="true", matchVersion="x").status_code == 400


def test_a_wrong_checksum_is_refused(cloud: Cloud) -> None:
    refused = put(cloud, b"1", {"content-md5": "wrong"})
    assert refused.status_code == 400
    assert refused.json()["errorDetails"][0]["errorDetailType"] == "DatastoreErrorInfo"


def test_a_deleted_entry_has_no_content(cloud: Cloud) -> None:
    put(cloud, b"1")
    assert cloud.ask("DELETE", ENTRY, params=ANNA).status_code == 204
    assert cloud.get(ENTRY, **ANNA).status_code == 204
    missing = cloud.get(ENTRY, datastoreName="Points", entryKey="ben")
    assert missing.status_code == 404
    assert missing.json()["error"] == "NOT_FOUND"
    assert missing.json()["errorDetails"][0]["datastoreErrorCode"] == "EntryNotFound"


def test_a_missing_parameter_is_refused_as_rfc_9110_has_it(cloud: Cloud) -> None:
    refused = cloud.get(ENTRY, datastoreName="Points")
    assert refused.status_code == 400
    assert set(refused.json()) == {"errors", "title", "status"}
    assert "entryKey" in refused.json()["errors"]


def test_whole_numbers_are_incremented(cloud: Cloud) -> None:
    answer = cloud.ask("POST", ENTRY + "/increment", params=ANNA | {"incrementBy": 3})
    assert (answer.status_code, answer.content) == (200, b"3")
    assert cloud.ask("POST", ENTRY + "/increment", params=ANNA).content == b"4"
    put(cloud, b'"text"')
    assert cloud.ask("POST", ENTRY + "/increment", params=ANNA).status_code == 400


def test_keys_are_listed_by_prefix_and_scope(cloud: Cloud) -> None:
    for number in range(20):
        cloud.act("setEntry", universeId=UNIVERSE, store="Points", key=f"k{number:02}", value=1)
    cloud.act("setEntry", universeId=UNIVERSE, store="Points", key="x", scope="other", value=1)
    first = cloud.get(LIST, datastoreName="Points").json()
    assert len(first["keys"]) == 16
    second = cloud.get(LIST, datastoreName="Points", cursor=first["nextPageCursor"]).json()
    assert len(second["keys"]) == 4
    assert second["nextPageCursor"] == ""
    assert len(cloud.get(LIST, datastoreName="Points", prefix="k1").json()["keys"]) == 10
    everywhere = cloud.get(LIST, datastoreName="Points", allScopes="true", limit=100).json()["keys"]
    assert everywhere[-1] == {"scope": "other", "key": "other/x"}


def test_versions_are_listed_and_read(cloud: Cloud) -> None:
    cloud.tell("options", {"keepEveryRevision": 1})
    first = put(cloud, b"1").json()["version"]
    put(cloud, b"22")
    versions = cloud.get(ENTRY + "/versions", **ANNA, sortOrder="Descending").json()["versions"]
    assert [one["contentLength"] for one in versions] == [2, 1]
    assert cloud.get(ENTRY + "/versions/version", **ANNA, versionId=first).content == b"1"


def test_stores_are_listed(cloud: Cloud) -> None:
    put(cloud, b"1")
    assert [one["name"] for one in cloud.get(STORES).json()["datastores"]] == ["Points"]


def test_a_key_without_the_scope_is_refused(cloud: Cloud) -> None:
    grant = {"scope": "universe-datastores.objects:read", "universeIds": [UNIVERSE]}
    cloud.tell("keys", {"key": "reader", "name": "", "ownerUserId": 1, "scopes": [grant]})
    refused = cloud.ask("DELETE", ENTRY, params=ANNA, key="reader")
    assert (refused.status_code, refused.json()["error"]) == (403, "INSUFFICIENT_SCOPE")
