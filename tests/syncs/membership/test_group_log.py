"""The group's log is read every minute: people in new entries are read soon, each entry once."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import msgspec
from django.utils import timezone

from common.environment import BASE_DIR
from players.models import Player
from roblox import cloud
from syncs import tasks
from syncs.membership import group_log, reader
from syncs.models import Drift, GroupLog, MembershipRead, RolePin, SyncJob
from tests.conftest import database_url
from tests.console.people import owner_client
from tests.roblox_world import GROUP, KEY, OWNER_OF_GROUP, OWNER_OF_KEY, World, role_id

Pull = Callable[..., SyncJob]
CALLED = "groupAuditLog"


def rank_of(user_id: int) -> str:
    return Player.objects.get(user_id=user_id).rank.name


def follow() -> int:
    return group_log.step(cloud.group())


def wanted() -> set[int]:
    return set(
        MembershipRead.objects.filter(wanted_at__isnull=False).values_list("user_id", flat=True)
    )


def read() -> None:
    while reader.step():
        pass


def settled(pull: Pull, world: World, user_id: int, rank: str) -> None:
    world.join(user_id, rank)
    pull("members")
    assert rank_of(user_id) == rank


def test_a_change_between_two_readings_is_taken_exactly_once(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    follow()
    read()
    community.set_roles(1, "Shock Trooper I")
    assert follow() == 1
    assert wanted() == {1}
    read()
    assert rank_of(1) == "Shock Trooper I"
    assert (follow(), wanted()) == (0, set())


def test_the_task_of_every_minute_sees_a_change_and_has_it_read(
    community: World, pull: Pull
) -> None:
    settled(pull, community, 1, "Captain I")
    community.set_roles(1, "Shock Trooper I")
    assert tasks.follow_group() >= 1
    tasks.read_memberships()
    assert rank_of(1) == "Shock Trooper I"


def test_the_task_of_every_minute_sees_a_role_that_changed(community: World, pull: Pull) -> None:
    pull("members")
    community.put_role(role_id("Captain I"), 14, "Head Administrator")
    tasks.follow_group()
    assert "Head Administrator" in RolePin.objects.get(rank="Captain I").parked


def test_who_joins_leaves_or_is_removed_is_read(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    settled(pull, community, 2, "Captain I")
    community.act("leave", groupId=GROUP, userId=1)
    community.act("leave", groupId=GROUP, userId=2, actorUserId=OWNER_OF_GROUP)
    community.act("join", groupId=GROUP, userId=3)
    assert follow() == 3
    assert wanted() == {1, 2, 3}
    read()
    assert set(Player.objects.filter(user_id__in=[1, 2]).values_list("member", flat=True)) == {
        "left"
    }


def test_more_entries_than_a_page_are_all_taken(community: World) -> None:
    members = [{"userId": n, "username": f"citizen_{n}", "roles": []} for n in range(1000, 1230)]
    community.control("members", groupId=GROUP, members=members)
    for user_id in range(1000, 1230):
        community.set_roles(user_id, "Captain I")
    assert follow() == 230
    assert len(wanted()) == 230
    assert follow() == 0


def test_too_many_log_entries_read_the_whole_group(community: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(group_log, "PAGES", 1)
    members = [{"userId": n, "username": f"citizen_{n}", "roles": []} for n in range(1000, 1150)]
    community.control("members", groupId=GROUP, members=members)
    for user_id in range(1000, 1150):
        community.set_roles(user_id, "Captain I")
    follow()
    assert SyncJob.objects.get(activity="members").status == "queued"


def test_a_flood_of_changes_is_not_adopted_by_single_readings(
    community: World, pull: Pull, settings: Any
) -> None:
    for user_id in range(1, 7):
        community.join(user_id, "Captain I")
    pull("members")
    while tasks.follow_group():
        read()
    sync = msgspec.structs.replace(settings.INTEGRATIONS.sync, adopt_at_most=2)
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, sync=sync)
    for user_id in range(1, 7):
        community.set_roles(user_id, "Shock Trooper I")
    follow()
    read()
    assert [rank_of(user_id) for user_id in range(1, 7)].count("Shock Trooper I") == 2
    assert Drift.objects.filter(aspect="role", resolved_at=None).count() == 4
    kept = next(user_id for user_id in range(1, 7) if rank_of(user_id) == "Captain I")
    MembershipRead.objects.update(read_at=None)
    reader.read_now({kept})  # people who are about to act are outside the limit
    assert rank_of(kept) == "Shock Trooper I"


def test_an_entry_that_appears_late_is_still_taken(community: World, pull: Pull) -> None:
    """Its time is before that of an entry that was read already."""
    settled(pull, community, 1, "Captain I")
    settled(pull, community, 2, "Captain I")
    community.set_roles(1, "Shock Trooper I")
    community.set_roles(2, "Shock Trooper I")
    follow()
    row = GroupLog.objects.get()
    entries = cloud_log()
    late = next(group_log._mark(entry) for entry in entries if entry.target == 1)
    MembershipRead.objects.all().delete()
    GroupLog.objects.update(taken=[mark for mark in row.taken if mark != late])
    assert follow() == 1
    assert wanted() == {1}


def cloud_log() -> Any:
    from roblox.open_cloud import groups

    group = cloud.group()
    return groups.log(group.client, group.id)[0]


def test_a_killed_follower_repeats_nothing(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    follow()
    community.set_roles(1, "Shock Trooper I")
    community.faults({"kind": "slow", "operations": [CALLED], "seconds": 60})
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "OPEN_CLOUD_URL": community.url,
        "ROBLOX_GROUP_ID": str(GROUP),
        "ROBLOX_OPEN_CLOUD_API_KEY": KEY,
        "LOG_LEVEL": "ERROR",
    }
    code = "from syncs import tasks; tasks.follow_group()"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=BASE_DIR, env=environment
    )
    deadline = time.monotonic() + 120
    while (
        GroupLog.objects.get().lease == ""
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    community.faults()
    assert (follow(), wanted()) == (0, set())  # the dead process's lease is still valid
    GroupLog.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert follow() == 1
    assert wanted() == {1}
    assert follow() == 0


def test_two_followers_at_once_take_an_entry_once(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.set_roles(1, "Shock Trooper I")
    from tests.syncs.roles.test_roles import race

    assert sorted(str(one) for one in race(4, follow)) == ["0", "0", "0", "1"]


def test_without_the_scope_the_group_log_is_off(community: World) -> None:
    scopes = ["group:read", "group:write"]
    community.control(
        "keys", key=KEY, name="tests", ownerUserId=OWNER_OF_KEY, scopes=scopes, enabled=True
    )
    assert follow() == 0
    asked = community.calls()[CALLED]
    page = unescape(owner_client("olga").get("/admin/system/").content.decode())
    assert "the Open Cloud key lacks the scope legacy-group:manage" in page
    assert follow() == 0
    assert community.calls()[CALLED] == asked
    assert GroupLog.objects.get().retry_at > timezone.now() + dt.timedelta(minutes=59)
    community.control(
        "keys", key=KEY, name="tests", ownerUserId=OWNER_OF_KEY, scopes=["*"], enabled=True
    )
    GroupLog.objects.update(retry_at=timezone.now())
    follow()
    page = unescape(owner_client("dora").get("/admin/system/").content.decode())
    assert "lacks the scope" not in page
    assert "followed" in page


def test_it_is_switched_off_by_the_configuration(community: World, settings: Any) -> None:
    sync = msgspec.structs.replace(settings.INTEGRATIONS.sync, follow_group_log=False)
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, sync=sync)
    tasks.follow_group()
    assert CALLED not in community.calls()
    assert "groupRoleList" in community.calls()
