"""Pull of the group's members: joins, leaves, and ranks changed by hand on Roblox."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import Refused
from players.active_policy import activate, active
from players.discipline import sanctions
from players.models import Decision, Player, Sanction
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.ranks import decisions
from syncs import drift
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.push import runner
from tests.conftest import TESTER
from tests.roblox_world import EVENT_HOST, ROLES, World

Pull = Callable[..., SyncJob]
OWNER = Staff(TESTER, rank=None, bypasses_second_person=True)


def rank_of(user_id: int) -> str:
    return Player.objects.get(user_id=user_id).rank.name


def proposal_of(user_id: int) -> Decision:
    return Decision.objects.get(player__user_id=user_id, status="proposed")


def settled(pull: Pull, world: World, user_id: int, rank: str) -> None:
    """Create a player whose rank is the same on both sides, and confirmed."""
    world.join(user_id, rank)
    pull("members")
    assert rank_of(user_id) == rank
    assert Mirror.objects.get(player__user_id=user_id, aspect="role").status == "confirmed"


def test_the_first_pull_takes_over_the_ranks_that_people_have(community: World, pull: Pull) -> None:
    community.join(1, "Captain I", also=(EVENT_HOST,))
    community.join(2)
    job = pull("members")
    assert job.status == "done"
    assert rank_of(1) == "Captain I"
    assert not Player.objects.filter(user_id=2).exists()
    assert set(Membership.objects.values_list("user_id", flat=True)) >= {1, 2}
    decision = Decision.objects.get(player__user_id=1)
    assert (decision.source, decision.status, decision.kind) == ("roblox", "applied", "hand")


def test_a_rank_changed_by_hand_is_adopted(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.set_roles(1, "Captain I")
    job = pull("members")
    assert (job.counters["adopted"], rank_of(1)) == (1, "Captain I")
    decision = Decision.objects.filter(player__user_id=1).latest("pk")
    assert (decision.source, decision.from_rank.name) == ("roblox", "Shock Trooper I")
    assert Mirror.objects.get(player__user_id=1, aspect="role").status == "confirmed"
    event = AuditEvent.objects.filter(action="rank.set").latest("pk")
    assert (event.actor_kind, event.actor_id) == ("system", "sync-members")


def test_a_rank_that_brings_powers_waits_for_an_officer(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.set_roles(1, "Tempest Major")
    pull("members")
    assert rank_of(1) == "Captain I"
    proposal = proposal_of(1)
    assert (proposal.source, proposal.to_rank.name) == ("roblox", "Tempest Major")
    pull("members")
    assert Decision.objects.filter(status="proposed", player__user_id=1).count() == 1
    decisions.approve(proposal.pk, by=OWNER, reason="elected", now=timezone.now())
    assert rank_of(1) == "Tempest Major"
    pull("members")
    assert not Drift.objects.filter(resolved_at=None).exists()


def test_a_rank_that_an_officer_refused_is_taken_back_on_roblox(
    community: World, pull: Pull
) -> None:
    settled(pull, community, 1, "Captain I")
    community.set_roles(1, "Tempest Major")
    pull("members")
    decisions.reject(proposal_of(1).pk, by=OWNER, reason="no", now=timezone.now())
    pull("members")
    while runner.step():
        pass
    assert community.roles(1) == {70_000 + ROLES["Captain I"]}


def test_a_change_on_both_sides_is_for_staff_to_settle(
    community: World, pull: Pull, settings: Any
) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    settings.ROBLOX_WRITES = False
    decisions.set_rank(
        1, "Shock Trooper II", Command(by=OWNER, reason="deserved", now=timezone.now())
    )
    community.set_roles(1, "Captain I")
    job = pull("members")
    assert (job.counters["differing"], rank_of(1)) == (1, "Shock Trooper II")
    row = Drift.objects.get(resolved_at=None)
    assert (row.ours["rank"], row.theirs["rank"]) == ("Shock Trooper II", "Captain I")
    since = row.first_seen_at
    pull("members")
    assert Drift.objects.get(resolved_at=None).first_seen_at == since


def test_a_demotion_by_hand_outlives_a_pending_promotion(
    community: World, pull: Pull, settings: Any
) -> None:
    settled(pull, community, 1, "Captain I")
    settings.ROBLOX_WRITES = False
    decisions.set_rank(1, "Tempest Major", Command(by=OWNER, reason="elected", now=timezone.now()))
    community.set_roles(1, "Shock Trooper I")
    job = pull("members")
    assert (job.counters["adopted"], rank_of(1)) == (1, "Shock Trooper I")
    assert not Drift.objects.filter(resolved_at=None).exists()
    settings.ROBLOX_WRITES = True
    while runner.step():
        pass
    assert community.roles(1) == {70_000 + ROLES["Shock Trooper I"]}


def test_what_waits_to_be_pushed_is_no_drift(community: World, pull: Pull, settings: Any) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    settings.ROBLOX_WRITES = False
    decisions.set_rank(
        1, "Shock Trooper II", Command(by=OWNER, reason="deserved", now=timezone.now())
    )
    pull("members")
    assert rank_of(1) == "Shock Trooper II"
    assert not Drift.objects.exists()


def test_nobody_suspended_is_freed_by_hand(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    sanctions.suspend(1, Command(by=OWNER, reason="fought", now=timezone.now()))
    community.set_roles(1, "Suspended")
    pull("members")
    community.set_roles(1, "Volt Specialist I")
    pull("members")
    assert rank_of(1) == "Suspended"
    assert Drift.objects.get(resolved_at=None).aspect == "role"


def test_adopting_a_ban_suspends_here_too(community: World, pull: Pull) -> None:
    community.join(1, "Suspended")
    pull("members")
    assert rank_of(1) == "Initiate"
    row = Drift.objects.get(resolved_at=None)
    drift.adopt(row.pk, Command(by=OWNER, reason="as it is there", now=timezone.now()))
    assert rank_of(1) == "Suspended"
    sanction = Sanction.objects.get(player__user_id=1)
    assert (sanction.kind, sanction.source, sanction.ends_at is None) == (
        "suspension",
        "roblox",
        False,
    )


def test_adopting_a_role_frees_nobody(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    sanctions.suspend(1, Command(by=OWNER, reason="fought", now=timezone.now()))
    community.set_roles(1, "Volt Specialist I")
    pull("members")
    row = Drift.objects.get(resolved_at=None)
    with pytest.raises(Refused, match="suspended here"):
        drift.adopt(row.pk, Command(by=OWNER, reason="as it is there", now=timezone.now()))


def test_a_flood_of_changes_is_not_adopted(community: World, pull: Pull, settings: Any) -> None:
    import msgspec

    for user_id in range(1, 7):
        community.join(user_id, "Shock Trooper I")
    pull("members")
    sync = msgspec.structs.replace(settings.INTEGRATIONS.sync, adopt_at_most=2)
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, sync=sync)
    for user_id in range(1, 7):
        community.set_roles(user_id, "Captain I")
    job = pull("members")
    assert (job.counters["adopted"], job.counters["differing"]) == (2, 4)
    assert Drift.objects.filter(resolved_at=None).count() == 4


def test_who_left_is_written_down_and_told(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.leave(1)
    job = pull("members")
    assert job.counters["left"] == 1
    assert Membership.objects.get(user_id=1).left_at is not None
    assert AuditEvent.objects.filter(action="member.left").count() == 1
    assert rank_of(1) == "Captain I"
    assert pull("members").counters["left"] == 0


def test_nobody_is_promoted_before_they_join(
    community: World, pull: Pull, player: Callable[..., Player]
) -> None:
    player(1, member="unknown")
    pull("members")
    assert Player.objects.get(user_id=1).member == "guest"
    with pytest.raises(Refused, match="no member of the group"):
        decisions.set_rank(1, "Captain I", Command(by=OWNER, reason="deserved", now=timezone.now()))
    community.join(1)
    pull("members")
    pull("members")
    assert Player.objects.get(user_id=1).member == "member"
    assert AuditEvent.objects.filter(action="member.joined").count() == 1
    decisions.set_rank(1, "Captain I", Command(by=OWNER, reason="deserved", now=timezone.now()))
    while runner.step():
        pass
    assert community.roles(1) == {70_000 + ROLES["Captain I"]}


def test_the_rank_of_a_returning_member_is_given_back(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    long_ago = timezone.now() - dt.timedelta(days=10)
    Player.objects.filter(user_id=1).update(rank_since=long_ago)
    community.leave(1)
    pull("members")
    left = Player.objects.get(user_id=1)
    assert (left.member, left.listed, left.rank.name) == ("left", False, "Captain I")
    Player.objects.filter(user_id=1).update(member_since=timezone.now() - dt.timedelta(days=3))
    community.join(1)
    pull("members")
    back = Player.objects.get(user_id=1)
    assert (back.member, back.listed, back.rank.name) == ("member", True, "Captain I")
    assert dt.timedelta(days=2.9) < back.rank_since - long_ago < dt.timedelta(days=3.1)
    while runner.step():
        pass
    assert community.roles(1) == {70_000 + ROLES["Captain I"]}
    assert not Drift.objects.exists()
    assert Decision.objects.filter(player__user_id=1).count() == 1  # from the first pull
    assert AuditEvent.objects.filter(action="member.returned").count() == 1


def test_a_quick_return_between_pulls_is_no_demotion(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.leave(1)
    community.join(1)
    pull("members")
    assert rank_of(1) == "Captain I"
    pull("members")
    while runner.step():
        pass
    assert (rank_of(1), community.roles(1)) == ("Captain I", {70_000 + ROLES["Captain I"]})
    assert not Drift.objects.exists()


def test_a_role_is_not_pushed_to_somebody_who_left(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Captain I")
    community.leave(1)
    pull("members")
    sanctions.suspend(1, Command(by=OWNER, reason="fought before they left", now=timezone.now()))
    while runner.step():
        pass
    assert not Mirror.objects.filter(player__user_id=1, aspect="role", status="parked").exists()
    community.join(1)
    pull("members")
    while runner.step():
        pass
    assert (rank_of(1), community.roles(1)) == ("Suspended", {70_000 + ROLES["Suspended"]})
    assert Player.objects.get(user_id=1).former_rank.name == "Captain I"  # type: ignore[union-attr]


def test_a_dry_run_says_what_would_be_adopted(community: World, pull: Pull) -> None:
    settled(pull, community, 1, "Shock Trooper I")
    community.set_roles(1, "Captain I")
    job = pull("members", dry_run=True)
    assert "Shock Trooper I here, Captain I there; theirs is adopted" in str(job.steps)
    assert rank_of(1) == "Shock Trooper I"


def test_the_policys_ranks_without_a_role_are_shown(community: World, pull: Pull) -> None:
    job = pull("policy-drift")
    assert job.status == "done"
    lacking = set(Drift.objects.filter(aspect="policy").values_list("subject", flat=True))
    assert "Captain II" in lacking
    assert "Captain I" not in lacking


def test_only_files_that_never_were_in_force_are_shown(
    community: World, pull: Pull, settings: Any, tmp_path: Path
) -> None:
    """A version from the console makes the files older, not different."""
    found = json.loads(json.dumps(dict(active().bundle.documents)))
    found["points"]["events"]["training"]["weight"] = 30
    activate(parse_bundle(found), actor=TESTER, reason="as voted")
    pull("policy-drift")
    assert not Drift.objects.filter(aspect="policy", subject="config/").exists()
    shutil.copytree(settings.POLICY_DIR, tmp_path, dirs_exist_ok=True)
    edited = tmp_path / "policy.points.json"
    points = json.loads(edited.read_text())
    points["events"]["training"]["weight"] = 31
    edited.write_text(json.dumps(points))
    settings.POLICY_DIR = tmp_path
    pull("policy-drift")
    assert "never put in force" in Drift.objects.get(aspect="policy", subject="config/").detail


@pytest.mark.parametrize("members", [230])
def test_a_group_of_many_pages_is_read_whole(community: World, pull: Pull, members: int) -> None:
    from tests.roblox_world import GROUP

    rows = [
        {"userId": n, "username": f"citizen_{n}", "roles": []}
        for n in range(10_000, 10_000 + members)
    ]
    community.control("members", groupId=GROUP, members=rows)
    job = pull("members")
    everybody = members + 2  # with the group's owner and the key's owner
    assert job.counters["listed"] == everybody
    assert Membership.objects.count() == everybody
