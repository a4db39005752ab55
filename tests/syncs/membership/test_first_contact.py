"""The first contact with a group: everybody keeps the rank of their role, and nothing is written."""

from collections.abc import Callable

import pytest

from audits.models import AuditEvent
from audits.record import operator
from players.active_policy import active
from players.models import Decision, Player, Rank
from syncs import jobs
from syncs.membership import first_contact
from syncs.models import GroupLog, Membership, Mirror, SyncJob
from syncs.pull.runner import run
from syncs.push import runner
from tests.players.conftest import Game
from tests.roblox_world import World, role_id

Pull = Callable[..., SyncJob]


@pytest.fixture
def unmet(community: World) -> World:
    GroupLog.objects.update(met_at=None)
    return community


def by_the_operator() -> SyncJob:
    job, _ = jobs.request("members", None, actor=operator())
    claimed = jobs.claim_one(job.pk)
    assert claimed is not None
    run(claimed)
    return claimed


def promoted(user_id: int, rank: str) -> Player:
    """Return a player whose rank changed here before the group was met."""
    player = Player.objects.get(user_id=user_id)
    player.rank = Rank.objects.get(name=rank)
    player.save(update_fields=["rank"])
    return player


def test_no_role_is_written_before_the_group_is_met(unmet: World, game: Game, pull: Pull) -> None:
    unmet.join(1, "Captain I")
    game.send(game.event(1))
    Player.objects.update(member="member")
    player = promoted(1, "Shock Trooper I")
    assert Mirror.objects.get(player=player, aspect="role").status == "pending"
    assert not runner.pending().filter(aspect="role").exists()
    pull("members")
    player.refresh_from_db()
    assert player.rank.name == "Captain I"  # the higher one counts
    while runner.step():
        pass
    assert role_id("Captain I") in unmet.roles(1)


def test_ranks_count_since_the_joining_date(unmet: World, pull: Pull) -> None:
    unmet.join(1, "Captain I")
    job = pull("members")
    player = Player.objects.get(user_id=1)
    assert player.rank_since == Membership.objects.get(user_id=1).joined_at
    assert first_contact.roles_may_be_written()
    # Endpoints get one event that counts the adopted ranks, not one for each.
    adopted = AuditEvent.objects.filter(action="rank.set")
    assert {one.details["partOf"] for one in adopted} == {f"sync:{job.pk}"}
    finished = AuditEvent.objects.get(action="sync.finished")
    counters = finished.details["counters"]
    proposed = AuditEvent.objects.filter(action="decision.proposed")
    assert counters["adopted"] == len(adopted) + len(proposed)
    unmet.join(1, "Shock Trooper I")  # later, each change is told
    pull("members")
    later = AuditEvent.objects.filter(action="rank.set", pk__gt=finished.pk)
    assert [one.details.get("partOf") for one in later] == [None] * len(later)
    assert later


def test_ranks_with_powers_are_proposed_with_their_date(unmet: World, pull: Pull) -> None:
    unmet.join(1, "Tempest Major")
    pull("members")
    proposal = Decision.objects.get(player__user_id=1, status="proposed")
    joined = Membership.objects.get(user_id=1).joined_at
    assert joined is not None
    assert proposal.inputs["restoresSince"] == joined.isoformat()
    events = AuditEvent.objects.filter(action="decision.proposed")
    assert events
    assert not any("partOf" in event.details for event in events)


def test_the_operators_pull_adopts_ranks_with_powers(unmet: World) -> None:
    unmet.join(1, "Tempest Major")
    by_the_operator()
    player = Player.objects.get(user_id=1)
    assert active().ranks[player.rank_id].name == "Tempest Major"
    assert not Decision.objects.filter(status="proposed").exists()


def test_a_dry_run_does_not_meet_the_group(unmet: World, pull: Pull) -> None:
    pull("members", dry_run=True)
    assert not first_contact.roles_may_be_written()


def test_the_first_pull_is_requested_once(unmet: World) -> None:
    assert first_contact.request_pull() is not None
    assert first_contact.request_pull() is None
