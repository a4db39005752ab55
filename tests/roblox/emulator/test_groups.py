import base64

import httpx
import pytest

from tests.roblox.emulator.conftest import (
    API_KEY,
    GROUP,
    KEY_OWNER,
    MEMBER,
    OWNER,
    RANKS,
    Cloud,
    role,
)

PATH = f"/cloud/v2/groups/{GROUP}"
MEMBERSHIPS = PATH + "/memberships"
LOG = f"/legacy-groups/v1/groups/{GROUP}/audit-log"


def change(
    cloud: Cloud, action: str, rank: int, member: object = MEMBER, key: str = API_KEY
) -> httpx.Response:
    body = {"role": f"groups/{GROUP}/roles/{role(rank)}"}
    return cloud.ask("POST", f"{MEMBERSHIPS}/{member}:{action}Role", body, key=key)


def ranks(cloud: Cloud, user: int = MEMBER) -> list[int]:
    member = cloud.get(MEMBERSHIPS, filter=f"user == 'users/{user}'").json()["groupMemberships"][0]
    assert member["role"] == member["roles"][0]
    return [int(path.rpartition("/")[2]) - 70_000 for path in member["roles"]]


def test_a_member_holds_the_base_role_and_others(cloud: Cloud) -> None:
    member = cloud.get(MEMBERSHIPS, filter=f"user == 'users/{MEMBER}'").json()["groupMemberships"][
        0
    ]
    assert member["user"] == f"users/{MEMBER}"
    assert member["path"].endswith(base64.urlsafe_b64encode(b"1000").decode().rstrip("="))
    assert ranks(cloud) == [4, 3, 1]


def test_a_role_is_added_to_those_held(cloud: Cloud) -> None:
    changed = change(cloud, "assign", 10)
    assert changed.status_code == 200
    assert changed.json()["role"] == f"groups/{GROUP}/roles/{role(10)}"
    assert ranks(cloud) == [10, 4, 3, 1]


def test_a_demotion_is_not_done_until_the_higher_role_is_gone(cloud: Cloud) -> None:
    change(cloud, "assign", 10)
    change(cloud, "assign", 4)
    assert ranks(cloud)[0] == 10
    change(cloud, "unassign", 10)
    assert ranks(cloud) == [4, 3, 1]


@pytest.mark.parametrize("member", [MEMBER, base64.urlsafe_b64encode(b"1000").decode().rstrip("=")])
def test_a_member_is_named_by_user_id_or_membership_id(cloud: Cloud, member: object) -> None:
    assert change(cloud, "assign", 10, member).status_code == 200


def test_what_is_already_so_changes_nothing(cloud: Cloud) -> None:
    before = cloud.get(MEMBERSHIPS, filter=f"user == 'users/{MEMBER}'").json()
    assert change(cloud, "assign", 4).status_code == 200
    assert change(cloud, "unassign", 10).status_code == 200
    assert cloud.get(MEMBERSHIPS, filter=f"user == 'users/{MEMBER}'").json() == before
    assert cloud.get(LOG).json()["data"] == []


def test_nobody_reaches_as_high_as_themselves(cloud: Cloud) -> None:
    assert change(cloud, "assign", 20).status_code == 403
    assert change(cloud, "assign", 27).json()["code"] == "PERMISSION_DENIED"
    cloud.act("setRoles", groupId=GROUP, userId=MEMBER, roles=[role(20)])
    assert change(cloud, "assign", 4).status_code == 403
    assert change(cloud, "unassign", 20).status_code == 403
    assert ranks(cloud) == [20, 1]


def test_nobody_changes_their_own_roles(cloud: Cloud) -> None:
    assert change(cloud, "assign", 4, KEY_OWNER).status_code == 403


def test_who_is_no_member_changes_nobody(cloud: Cloud) -> None:
    cloud.tell("keys", {"key": "stranger", "name": "", "ownerUserId": 5, "scopes": ["*"]})
    assert change(cloud, "assign", 4, key="stranger").status_code == 403


def test_the_guest_and_owner_roles_cannot_be_assigned(cloud: Cloud) -> None:
    for rank in (0, 255):
        assert change(cloud, "assign", rank).json()["code"] == "INVALID_ARGUMENT"


def test_the_base_role_stays(cloud: Cloud) -> None:
    assert change(cloud, "unassign", 1).status_code == 400
    assert change(cloud, "assign", 1).status_code == 200


def test_unknown_members_groups_and_roles_are_refused(cloud: Cloud) -> None:
    assert change(cloud, "assign", 4, 4242).status_code == 404
    assert change(cloud, "assign", 99).status_code == 400
    assert cloud.get("/cloud/v2/groups/4242/memberships").status_code == 404
    assert cloud.get("/cloud/v2/groups/4242").status_code == 404
    answer = cloud.ask("POST", f"{MEMBERSHIPS}/{MEMBER}:assignRole", {"role": "nonsense"})
    assert answer.status_code == 400


def test_the_deprecated_call_leaves_one_role(cloud: Cloud) -> None:
    body = {"role": f"groups/{GROUP}/roles/{role(10)}"}
    assert cloud.ask("PATCH", f"{MEMBERSHIPS}/{MEMBER}", body).status_code == 200
    assert ranks(cloud) == [10, 1]


def test_members_are_listed_in_pages_and_by_role(cloud: Cloud) -> None:
    people = [
        {"userId": 2000 + number, "username": f"p{number}", "roles": [role(4)]}
        for number in range(150)
    ]
    cloud.tell("members", {"groupId": GROUP, "members": people})
    pages = cloud.pages(MEMBERSHIPS, "groupMemberships", maxPageSize=500)
    assert [len(page) for page in pages] == [100, 53]
    text = f"role == 'groups/{GROUP}/roles/{role(4)}'"
    pages = cloud.pages(MEMBERSHIPS, "groupMemberships", maxPageSize=100, filter=text)
    assert [len(page) for page in pages] == [100, 51]
    assert cloud.get(MEMBERSHIPS, filter="rank > 3").status_code == 400


def test_fifty_users_are_read_across_groups(cloud: Cloud) -> None:
    def found(users: range | list[int]) -> httpx.Response:
        text = f"user in [{', '.join(f"'users/{user}'" for user in users)}]"
        return cloud.get("/cloud/v2/groups/-/memberships", filter=text, maxPageSize=100)

    users = [one["user"] for one in found([MEMBER, 4242, OWNER]).json()["groupMemberships"]]
    assert users == [f"users/{OWNER}", f"users/{MEMBER}"]
    assert found(range(50)).status_code == 200
    assert found(range(51)).status_code == 400
    assert cloud.get("/cloud/v2/groups/-/memberships").status_code == 400


def test_roles_are_listed_by_rank_with_their_members_counted(cloud: Cloud) -> None:
    roles = cloud.get(PATH + "/roles", maxPageSize=100).json()["groupRoles"]
    assert [one["rank"] for one in roles] == [0, *RANKS]
    counts = {one["rank"]: one.get("memberCount") for one in roles}
    assert (counts[0], counts[1], counts[4], counts[27]) == (None, 3, 1, 0)
    assert cloud.get(f"{PATH}/roles/{role(4)}").json()["displayName"] == "Trooper"
    assert cloud.get(f"{PATH}/roles/1").status_code == 404


def test_a_page_has_twenty_roles_at_most(cloud: Cloud) -> None:
    roles = [{"id": 1 + rank, "rank": rank, "displayName": f"{rank}"} for rank in range(1, 40)]
    cloud.tell("groups", {"groupId": 8, "name": "Many", "ownerUserId": 1, "roles": roles})
    pages = cloud.pages("/cloud/v2/groups/8/roles", "groupRoles", maxPageSize=100)
    assert [len(page) for page in pages] == [20, 20, 1]


def test_permissions_of_roles_need_their_scope(cloud: Cloud) -> None:
    cloud.tell("keys", {"key": "plain", "name": "", "ownerUserId": KEY_OWNER, "scopes": []})
    for key, seen in ((API_KEY, True), ("plain", False)):
        assert (
            "permissions" in cloud.ask("GET", f"{PATH}/roles/{role(20)}", key=key).json()
        ) is seen


def test_a_group_tells_its_owner_and_size(cloud: Cloud) -> None:
    group = cloud.get(PATH).json()
    assert (group["owner"], group["memberCount"], group["displayName"]) == (
        f"users/{OWNER}",
        3,
        "A group",
    )


def test_changes_by_key_and_by_hand_are_in_the_audit_log(cloud: Cloud) -> None:
    change(cloud, "assign", 10)
    cloud.advance(1)
    cloud.act("setRoles", groupId=GROUP, userId=MEMBER, roles=[role(4)])
    log = cloud.get(LOG, actionType="ChangeRank", limit=10, sortOrder="Desc").json()["data"]
    assert [item["actor"]["user"]["userId"] for item in log] == [OWNER, KEY_OWNER]
    assert log[0]["description"]["OldRoleSetId"] == role(10)
    assert log[1]["description"]["NewRoleSetId"] == role(10)
    assert log[1]["description"]["TargetId"] == MEMBER
    assert log[1]["description"]["TargetName"] == "Anna"
    assert len(cloud.get(LOG, userId=OWNER).json()["data"]) == 1


def test_the_audit_log_has_pages_of_set_sizes(cloud: Cloud) -> None:
    for number in range(12):
        cloud.act("setRoles", groupId=GROUP, userId=MEMBER, roles=[role(4 if number % 2 else 10)])
    first = cloud.get(LOG, limit=10).json()
    second = cloud.get(LOG, limit=10, cursor=first["nextPageCursor"]).json()
    assert (len(first["data"]), len(second["data"]), second["nextPageCursor"]) == (10, 2, None)
    refused = cloud.get(LOG, limit=11)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == 0


def test_who_left_is_no_member(cloud: Cloud) -> None:
    assert cloud.http.delete(f"/_emulator/members/{GROUP}/{MEMBER}").status_code == 200
    text = f"user == 'users/{MEMBER}'"
    assert cloud.get(MEMBERSHIPS, filter=text).json()["groupMemberships"] == []
    assert change(cloud, "assign", 4).status_code == 404
    assert cloud.http.delete(f"/_emulator/members/{GROUP}/{MEMBER}").status_code == 404


def test_who_joins_leaves_and_is_removed_is_in_the_audit_log(cloud: Cloud) -> None:
    cloud.act("join", groupId=GROUP, userId=42)
    cloud.act("leave", groupId=GROUP, userId=42)
    cloud.act("leave", groupId=GROUP, userId=MEMBER, actorUserId=OWNER)
    log = cloud.get(LOG, limit=10).json()["data"]
    assert [item["actionType"] for item in log] == ["Join Group", "Leave Group", "Remove Member"]
    assert [item["actor"]["user"]["userId"] for item in log] == [42, 42, OWNER]
    assert [item["description"].get("TargetId") for item in log] == [None, None, MEMBER]


def test_a_role_changes_its_number_name_and_permissions(cloud: Cloud) -> None:
    cloud.tell("keys", {"key": "owner", "name": "", "ownerUserId": OWNER, "scopes": ["group:read"]})
    body = {"id": role(4), "rank": 10, "displayName": "Sergeant", "permissions": ["banMembers"]}
    cloud.act("putRole", groupId=GROUP, role=body)
    found = cloud.ask("GET", f"{PATH}/roles/{role(4)}", key="owner").json()
    assert (found["displayName"], found["rank"], found["memberCount"]) == ("Sergeant", 10, 1)
    assert [name for name, granted in found["permissions"].items() if granted] == ["banMembers"]
    roles = cloud.get(PATH + "/roles", maxPageSize=20).json()["groupRoles"]
    assert [one["rank"] for one in roles].count(10) == 2
    cloud.act("removeRole", groupId=GROUP, roleId=role(4))
    assert cloud.get(f"{PATH}/roles/{role(4)}").status_code == 404
    assert ranks(cloud) == [3, 1]
