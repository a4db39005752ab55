"""The emulator agrees with Roblox's OpenAPI files. Skipped without them (OPEN_CLOUD_SPEC)."""

import re
from pathlib import Path

import pytest

from roblox.emulator.endpoints import ENDPOINTS, Endpoint
from tests.roblox.emulator import contract
from tests.roblox.emulator.conftest import ENTRIES, Cloud, spec_or_skip

# Their scope is needed only for a part of the response, or only for a new store.
PARTLY = {
    "groupRoleList",
    "groupRoleGet",
    "userGet",
    "dataStoreV1EntrySet",
    "dataStoreV1EntryIncrement",
}
IN_PROSE_ONLY = {"headshotFind", "headshotGet", "keyIntrospect", "userFind", "usernameFind"}


@pytest.fixture(scope="module")
def spec() -> Path:
    return spec_or_skip()


def paths(endpoint: Endpoint) -> list[str]:
    """Return the paths of an endpoint, with and without its optional parts."""
    filled = re.sub(r"\{\w+\}", "1", endpoint.pattern)
    return sorted({re.sub(r"[\[\]]", "", filled), re.sub(r"\[[^\]]*\]", "", filled)})


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_endpoint_has_the_path_method_and_scopes_of_roblox(
    spec: Path, endpoint: Endpoint
) -> None:
    for path in paths(endpoint):
        found = contract.find(endpoint.method, path)
        if endpoint.name in IN_PROSE_ONLY:
            assert found is None
            continue
        assert found is not None, f"{endpoint.method} {path} is not in Roblox's files"
        if endpoint.name not in PARTLY:
            assert found.scopes == set(endpoint.scopes)


def test_an_answer_with_an_unknown_member_is_noticed(spec: Path) -> None:
    good = {
        "dataStoreEntries": [{"path": "universes/1/data-stores/a/entries/b", "id": "b"}],
        "nextPageToken": "x",
    }
    assert contract.check_exchange("GET", ENTRIES, None, 200, good)
    with pytest.raises(AssertionError, match="pageToken"):
        contract.check_exchange("GET", ENTRIES, None, 200, good | {"pageToken": "x"})


def test_a_wrong_query_or_body_is_noticed(spec: Path) -> None:
    with pytest.raises(AssertionError, match="limit"):
        contract.check_exchange("GET", f"{ENTRIES}?limit=3", None, 200, {})
    with pytest.raises(AssertionError, match="users"):
        contract.check_exchange("PATCH", f"{ENTRIES}/a", {"value": 1, "users": "users/1"}, 200, {})
    with pytest.raises(AssertionError, match="createTime"):
        contract.check_exchange("GET", f"{ENTRIES}/a", None, 200, {"createTime": "yesterday"})
    with pytest.raises(AssertionError, match="is not in Roblox's files"):
        contract.check_exchange("GET", "/cloud/v2/universes/1/nothing", None, 200, {})


def test_a_refusal_in_an_unknown_form_is_noticed(spec: Path) -> None:
    assert contract.check_exchange(
        "GET", ENTRIES, None, 404, {"code": "NOT_FOUND", "message": "", "details": []}
    )
    with pytest.raises(AssertionError, match="no form"):
        contract.check_exchange("GET", ENTRIES, None, 404, {"error": "NOT_FOUND"})


def test_the_emulator_is_compared_in_every_other_test(spec: Path, cloud: Cloud) -> None:
    with pytest.raises(AssertionError, match="invented"):
        cloud.get(ENTRIES, invented=1)
