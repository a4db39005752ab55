"""Ranks are linked to roles of the group by id: pinned, followed, and parked after a change."""

import copy
import threading
from collections.abc import Callable
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from audits.record import Actor
from common.database_clock import database_time
from common.errors import NotAllowed, Refused
from players.active_policy import activate
from players.models import Approval, Player, PolicyVersion
from players.moderation import approvals
from players.moderation.actors import Staff, at_the_shell
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.ranks import decisions
from roblox import cloud
from syncs import drift
from syncs.models import Drift, Mirror, RolePin, SyncJob
from syncs.push import runner
from syncs.roles import pin_requests, pins
from tests.conftest import TESTER
from tests.console.people import client_with_role, owner_client
from tests.roblox_world import EVENT_HOST, ROLES, World, role_id

Pull = Callable[..., SyncJob]
Make = Callable[..., Player]
OWNER = Staff(TESTER, rank=None, bypasses_second_person=True)
CAPTAIN, TROOPER = role_id("Captain I"), role_id("Shock Trooper I")
HEAD = 71_000  # a role that somebody creates on Roblox


def rank_of(user_id: int) -> str:
    return Player.objects.get(user_id=user_id).rank.name


def pin_of(rank: str) -> RolePin:
    return RolePin.objects.get(rank=rank)


def settled(pull: Pull, world: World, user_id: int, rank: str) -> None:
    world.join(user_id, rank)
    pull("members")
    assert rank_of(user_id) == rank


def give(user_id: int, rank: str) -> Mirror:
    """Set a rank by hand in GRPS, and write it to Roblox."""
    decisions.set_rank(user_id, rank, Command(by=OWNER, reason="deserved", now=timezone.now()))
    write()
    return Mirror.objects.get(player__user_id=user_id, aspect="role")


def write() -> None:
    while runner.step():
        pass


def shell(*arguments: str) -> str:
    out = StringIO()
    call_command("sync", *arguments, stdout=out)
    return out.getvalue()


def seen(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_the_first_contact_pins_each_role(community: World, pull: Pull) -> None:
    pull("members")
    pin = pin_of("Captain I")
    assert (pin.role_id, pin.name, pin.number, pin.parked) == (CAPTAIN, "Captain I", 14, "")
    assert pin_of("Captain II").role_id is None
    assert not RolePin.objects.exclude(parked="").exists()
    assert AuditEvent.objects.filter(action="role.pinned").count() == 1


def test_a_push_is_a_first_contact_too(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    assert give(1, "Captain I").status == "confirmed"
    assert pin_of("Captain I").role_id == CAPTAIN


def test_what_only_looks_pins_nothing(
    community: World, pull: Pull, player: Make, settings: Any
) -> None:
    player(1)
    community.join(1)
    settings.ROBLOX_WRITES = False
    decisions.set_rank(1, "Captain I", Command(by=OWNER, reason="deserved", now=timezone.now()))
    assert f"assign role Captain I (rank 14, id {CAPTAIN})" in shell("mirrors")
    pull("members", dry_run=True)
    assert not RolePin.objects.exists()


def test_two_swapped_numbers_promote_nobody(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(TROOPER, 14, "Shock Trooper I")
    community.put_role(CAPTAIN, 4, "Captain I")
    job = pull("members")
    assert (rank_of(1), job.counters.get("adopted", 0)) == ("Shock Trooper I", 0)
    assert give(1, "Captain I").status == "confirmed"
    assert community.roles(1) == {CAPTAIN}


def test_a_role_that_takes_a_number_over_is_given_to_nobody(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(CAPTAIN, 15, "Captain I")
    community.put_role(HEAD, 14, "Head Administrator", ["banMembers"])
    assert give(1, "Captain I").status == "confirmed"
    assert community.roles(1) == {CAPTAIN}


def test_a_reused_role_number_is_given_to_nobody(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.remove_role(CAPTAIN)
    community.put_role(HEAD, 14, "Head Administrator", ["banMembers"])
    mirror = give(1, "Captain I")
    assert (mirror.status, community.roles(1)) == ("parked", {TROOPER})
    assert "does not exist any more" in mirror.reason
    assert HEAD not in RolePin.objects.values_list("role_id", flat=True)


def test_a_role_with_a_new_number_is_pinned_only_by_its_name(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(HEAD, 15, "Head Administrator", ["banMembers"])
    mirror = give(1, "Captain II")
    assert (mirror.status, community.roles(1)) == ("parked", {CAPTAIN})
    assert "Head Administrator" in pin_of("Captain II").parked
    community.put_role(HEAD, 15, "captain ii", [])
    pull("policy-drift")
    write()
    assert community.roles(1) == {HEAD}


def test_a_number_that_two_roles_have_parks_that_rank_alone(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    settled(pull, community, 2, "Shock Trooper I")
    community.put_role(HEAD, 14, "Head Administrator")
    mirror = give(1, "Captain I")
    assert (mirror.status, community.roles(1)) == ("parked", {TROOPER})
    assert "have the same number 14" in mirror.reason
    assert list(RolePin.objects.exclude(parked="").values_list("rank", flat=True)) == ["Captain I"]
    assert give(2, "Volt Specialist I").status == "confirmed"


def test_of_two_roles_with_one_number_none_is_pinned(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    community.put_role(HEAD, 14, "Head Administrator")
    assert give(1, "Captain I").status == "parked"
    assert community.roles(1) == set()
    assert pin_of("Captain I").role_id is None


def test_a_parked_rank_comes_free_when_the_group_is_as_it_was(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(HEAD, 14, "Head Administrator")
    assert give(1, "Captain I").status == "parked"
    community.put_role(HEAD, 16, "Head Administrator")
    pull("policy-drift")
    write()
    assert community.roles(1) == {CAPTAIN}
    assert AuditEvent.objects.filter(action="role.released").count() == 1


def test_a_changed_name_parks_without_permissions_to_read(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    mirror = give(1, "Captain I")
    assert (mirror.status, community.roles(1)) == ("parked", {TROOPER})
    assert "permissions cannot be read" in mirror.reason


@pytest.mark.parametrize("name_first", [True, False])
def test_a_changed_name_with_more_permissions_parks(
    community: World, pull: Pull, name_first: bool
) -> None:
    community.own_the_group_with_the_key()
    community.put_role(CAPTAIN, 14, "Captain I", ["viewForums"])
    settled(pull, community, 1, "Shock Trooper I")
    if name_first:
        community.put_role(CAPTAIN, 14, "Head Administrator", ["viewForums"])
    else:
        community.put_role(CAPTAIN, 14, "Captain I", ["viewForums", "banMembers"])
    pull("members")
    assert pin_of("Captain I").parked == ""
    community.put_role(CAPTAIN, 14, "Head Administrator", ["viewForums", "banMembers"])
    assert give(1, "Captain I").status == "parked"
    assert "has more permissions: banMembers" in pin_of("Captain I").parked


def test_a_changed_name_without_more_permissions_is_followed(community: World, pull: Pull) -> None:
    community.own_the_group_with_the_key()
    community.put_role(CAPTAIN, 14, "Captain I", ["viewForums", "createPosts"])
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(CAPTAIN, 14, "Captain of the First", ["viewForums"])
    assert give(1, "Captain I").status == "confirmed"
    assert community.roles(1) == {CAPTAIN}


def test_nobody_is_adopted_to_or_from_a_parked_rank(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    settled(pull, community, 2, "Shock Trooper I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    community.set_roles(2, "Captain I")
    job = pull("members")
    assert (rank_of(1), rank_of(2)) == ("Captain I", "Shock Trooper I")
    assert (job.counters["parked"], job.counters.get("adopted", 0)) == (2, 0)
    assert not Drift.objects.filter(aspect="role").exists()


def test_a_deleted_role_demotes_nobody(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.remove_role(CAPTAIN)
    job = pull("members")
    assert (rank_of(1), job.counters.get("adopted", 0)) == ("Captain I", 0)


def test_a_demotion_by_hand_from_a_parked_rank_is_seen(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    community.set_roles(1, "Shock Trooper I")
    pull("members")
    assert rank_of(1) == "Shock Trooper I"


@pytest.mark.parametrize("settle", [drift.adopt, drift.push])
def test_no_difference_is_settled_towards_a_parked_rank(
    community: World, pull: Pull, settings: Any, settle: Callable[..., Drift]
) -> None:
    ours, theirs = (
        ("Shock Trooper II", "Captain I")
        if settle is drift.adopt
        else ("Captain I", "Shock Trooper II")
    )
    settled(pull, community, 1, "Shock Trooper I")
    settings.ROBLOX_WRITES = False
    decisions.set_rank(1, ours, Command(by=OWNER, reason="deserved", now=timezone.now()))
    community.set_roles(1, theirs)
    pull("members")
    row = Drift.objects.get(aspect="role", resolved_at=None)
    community.put_role(CAPTAIN, 14, "Head Administrator")
    pull("policy-drift")
    with pytest.raises(Refused, match="pin it anew first"):
        settle(row.pk, Command(by=OWNER, reason="as it should be", now=timezone.now()))
    row.refresh_from_db()
    assert (row.resolved_at, rank_of(1)) == (None, ours)


def test_a_role_of_a_parked_rank_is_not_taken_and_that_is_said(
    community: World, pull: Pull
) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    mirror = give(1, "Shock Trooper I")
    assert community.roles(1) == {CAPTAIN, TROOPER}
    assert (mirror.status, "They keep the role of Captain I" in mirror.reason) == ("parked", True)


def test_only_pinned_roles_are_taken_by_id(community: World, pull: Pull) -> None:
    """A role with a policy's number that is not pinned belongs to somebody else."""
    settled(pull, community, 1, "Shock Trooper I")
    community.put_role(CAPTAIN, 15, "Captain I")
    community.put_role(HEAD, 14, "Head Administrator")
    community.act("setRoles", groupId=7001, userId=1, roles=[TROOPER, HEAD, EVENT_HOST])
    give(1, "Shock Trooper II")
    assert community.roles(1) == {role_id("Shock Trooper II"), HEAD, EVENT_HOST}


def test_a_policy_with_another_number_pins_nothing(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    documents = copy.deepcopy(PolicyVersion.objects.get(is_active=True).documents)
    next(rank for rank in documents["ranks"]["ranks"] if rank["name"] == "Captain I")["role"] = 16
    activate(parse_bundle(documents), actor=TESTER, reason="another number")
    community.put_role(HEAD, 16, "Head Administrator")
    mirror = give(1, "Captain I")
    assert (mirror.status, community.roles(1)) == ("parked", {TROOPER})
    assert "The policy names the number 16 by now" in mirror.reason
    community.put_role(HEAD, 18, "Head Administrator")
    community.put_role(CAPTAIN, 16, "Captain I")
    pull("policy-drift")
    write()
    assert community.roles(1) == {CAPTAIN}


def test_an_empty_list_of_roles_parks_nothing(community: World, pull: Pull) -> None:
    pull("members")
    for role in pins.contact(cloud.group()).roles:
        community.remove_role(role)
    job = pull("policy-drift")
    assert (job.status, job.error) == ("queued", "Roblox names no role of the group.")
    assert not RolePin.objects.exclude(parked="").exists()


def race(count: int, act: Callable[[], object]) -> list[object]:
    """Run an act `count` times at once over separate connections. Returns the results."""
    barrier, outcomes = threading.Barrier(count), list[object]()

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(act())
        except Refused as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_contacts_at_once_pin_each_rank_once(community: World) -> None:
    assert len(race(6, lambda: pins.contact(cloud.group()))) == 6
    assert AuditEvent.objects.filter(action="role.pinned").count() == 1
    assert RolePin.objects.filter(rank="Captain I").count() == 1


def test_a_late_answer_releases_nothing(community: World, pull: Pull) -> None:
    """An answer that was requested before the newest one is ignored."""
    pull("members")
    before = database_time()
    old = list(pins.contact(cloud.group(), keep=False).roles.values())
    community.put_role(CAPTAIN, 14, "Head Administrator")
    pins.contact(cloud.group())
    pins.land(7001, old, before)
    assert pin_of("Captain I").parked != ""


def test_a_parked_rank_waits_in_the_queue_with_who_is_affected(
    community: World, pull: Pull
) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    pull("policy-drift")
    owner = owner_client("olga")
    text = seen(owner, "/admin/?kind=roles")
    pin = pin_of("Captain I")
    assert "The role of Captain I is parked" in text
    assert f"/admin/sync/roles/{pin.pk}/anew/" in text
    shown = seen(owner, f"/admin/sync/roles/{pin.pk}/")
    assert "1 player holds" in shown
    assert "citizen_1" in shown
    assert "Head Administrator" in shown
    assert "Head Administrator" in seen(owner, "/admin/sync/roles/")


def test_a_rank_is_pinned_anew_by_two_people(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.remove_role(CAPTAIN)
    community.put_role(HEAD, 14, "Captain First Class")
    pull("policy-drift")
    pin = pin_of("Captain I")
    olga, dora = owner_client("olga"), owner_client("dora")
    olga.post(f"/admin/sync/roles/{pin.pk}/anew/", {"role": HEAD, "reason": "it was made anew"})
    approval = Approval.objects.get(act="role.pin")
    olga.post(f"/admin/approvals/{approval.pk}/", {"verb": "approve", "words": "mine"})
    assert pin_of("Captain I").role_id == CAPTAIN
    dora.post(
        f"/admin/approvals/{approval.pk}/", {"verb": "approve", "words": "it is the right one"}
    )
    pin = pin_of("Captain I")
    assert (pin.role_id, pin.name, pin.parked) == (HEAD, "Captain First Class", "")
    event = AuditEvent.objects.filter(action="role.pinned").latest("pk")
    assert (event.details["before"]["role"], event.details["after"]["role"]) == (CAPTAIN, HEAD)
    pull("members")
    write()
    assert (rank_of(1), community.roles(1)) == ("Captain I", {HEAD})


def test_pinning_anew_needs_the_right_and_a_reason(
    community: World, pull: Pull, player: Make
) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    pull("policy-drift")
    pin = pin_of("Captain I")
    address = f"/admin/sync/roles/{pin.pk}/anew/"
    auditor = client_with_role(player(5), "auditor")
    assert auditor.post(address, {"role": CAPTAIN, "reason": "fine"}).status_code == 403
    owner_client("olga").post(address, {"role": CAPTAIN, "reason": ""})
    assert not Approval.objects.exists()
    with pytest.raises(NotAllowed):
        pin_requests.ask(
            "Captain I",
            CAPTAIN,
            Command(by=Staff(TESTER, rank=None), reason="fine", now=timezone.now()),
        )


def test_an_approval_does_not_pin_what_changed_meanwhile(community: World, pull: Pull) -> None:
    pull("members")
    community.put_role(CAPTAIN, 14, "Captains")
    pull("policy-drift")
    olga, dora = (
        Staff(TESTER, rank=None, rights=frozenset({"console.sync"})),
        Staff(
            Actor("staff", "9", "dora", "player:9"), rank=None, rights=frozenset({"console.sync"})
        ),
    )
    approval = pin_requests.ask(
        "Captain I", CAPTAIN, Command(by=olga, reason="renamed", now=timezone.now())
    )
    community.put_role(CAPTAIN, 14, "Head Administrator")
    pull("policy-drift")
    with pytest.raises(Refused):
        approvals.approve(approval.pk, by=dora, reason="fine", now=timezone.now())
    assert pin_of("Captain I").parked != ""


def test_a_role_of_another_rank_is_not_pinned(community: World, pull: Pull) -> None:
    pull("members")
    with pytest.raises(Refused, match="stands for the rank Shock Trooper I"):
        pin_requests.pin(
            "Captain I",
            TROOPER,
            Command(by=at_the_shell(), reason="mixed up", now=timezone.now()),
        )


def test_one_request_for_a_rank_waits_at_a_time(community: World, pull: Pull) -> None:
    pull("members")
    community.put_role(CAPTAIN, 14, "Captains")
    pull("policy-drift")
    by = Staff(TESTER, rank=None, rights=frozenset({"console.sync"}))

    outcomes = race(
        4,
        lambda: pin_requests.ask(
            "Captain I", CAPTAIN, Command(by=by, reason="renamed", now=timezone.now())
        ),
    )
    assert sum(isinstance(one, Refused) for one in outcomes) == 3
    assert Approval.objects.filter(act="role.pin").count() == 1


def test_the_operator_sees_roles_and_pins_anew_at_the_shell(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.put_role(CAPTAIN, 14, "Head Administrator")
    text = shell("roles")
    assert "parked: Captain I: The role 'Captain I' is called 'Head Administrator' now" in text
    assert "1 hold the rank: citizen_1" in text
    with pytest.raises(CommandError, match="reason"):
        shell("pin", "Captain I", "--role", str(CAPTAIN), "--reason", " ")
    assert "stands for Captain I now" in shell(
        "pin", "Captain I", "--role", str(CAPTAIN), "--reason", "renamed by us"
    )
    assert give(1, "Shock Trooper I").status == "confirmed"
    assert community.roles(1) == {TROOPER}
    assert ROLES["Captain I"] == 14
