"""Leavers lose everything, returning members get it back, and a faulty listing changes nothing."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from common.database_clock import database_time
from common.errors import NotAllowed, Refused
from players.active_policy import activate, active
from players.discipline import sanctions
from players.models import Decision, Player, Rank
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.ranks import decisions
from roblox.open_cloud import groups
from syncs import jobs
from syncs.membership import landing
from syncs.membership.reading import Reading, ReportedMember
from syncs.models import Drift, SyncJob
from syncs.pull.runner import run
from syncs.push import runner
from syncs.roles import pins
from tests.conftest import TESTER
from tests.console.people import owner_client
from tests.players.conftest import Game
from tests.roblox_world import GROUP, KEY, ROLES, World

Pull = Callable[..., SyncJob]
Make = Callable[..., Player]
OWNER = Staff(TESTER, rank=None, bypasses_second_person=True)
MAJOR, ADMIRAL = "Tempest Major", "Supreme Council"


def say(user_id: int, *roles: int, member: bool = True) -> None:
    """Store an answer of Roblox about one user, as a single reading does."""
    roles_there = [groups.Role(70_000 + number, name, number) for name, number in ROLES.items()]
    contact = pins.land(GROUP, roles_there, database_time())
    reading = Reading(GROUP, contact, TESTER, timezone.now())
    landing.land([ReportedMember(user_id, tuple(roles) if member else None)], reading)


def here(world: World, player: Make, user_id: int, rank: str = "Initiate") -> None:
    """Create a player who is in the group, with the role of their rank."""
    world.join(user_id, *(() if rank == "Initiate" else (rank,)))
    player(user_id, rank)


def command(
    game: Game, actor: int, user_id: int, kind: str = "warn", **more: Any
) -> dict[str, Any]:
    body = {
        "id": f"{kind}-{actor}-{user_id}-{timezone.now().timestamp()}",
        "actorUserId": actor,
        "userId": user_id,
        "kind": kind,
        "reason": "fought",
        "occurredAt": timezone.now().isoformat(),
    }
    answer = game.client.post("/roblox/sanctions", body | more, content_type="application/json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("kind", "rank"),
    [
        *(("warn", MAJOR), ("suspend", MAJOR), ("note", MAJOR), ("recommend", MAJOR)),
        *(("ban", ADMIRAL), ("adjust", ADMIRAL)),
    ],
)
def test_an_officer_who_left_may_do_nothing_in_a_game(
    community: World, game: Game, player: Make, kind: str, rank: str
) -> None:
    here(community, player, 1, rank)
    here(community, player, 2)
    more = {"amount": 5} if kind == "adjust" else {}
    assert command(game, 1, 2, kind, **more)["status"] in {"applied", "held"}
    community.leave(1)
    say(1, member=False)
    answer = command(game, 1, 2, kind, **more)
    assert (answer["status"], "only a member of the group" in answer["detail"]) == ("refused", True)
    assert AuditEvent.objects.filter(action="act.refused").count() == 1


def test_a_held_act_of_an_officer_who_left_is_not_carried_out(
    community: World, game: Game, player: Make
) -> None:
    here(community, player, 1, ADMIRAL)
    here(community, player, 2)

    assert command(game, 1, 2, "ban")["status"] == "held"
    community.leave(1)
    say(1, member=False)
    approval = Player.objects.get(user_id=2).approvals.get(status="waiting")
    with pytest.raises(Refused, match="may not act any more"):
        approvals.approve(approval.pk, by=OWNER, reason="agreed", now=timezone.now())
    assert not Player.objects.get(user_id=2).banned


def test_who_left_has_no_public_place_and_a_game_is_told(
    community: World, game: Game, player: Make
) -> None:
    for user_id in (1, 2):
        player(user_id, "Captain I")
        game.send(game.event(user_id, 1, type="training", awarded=15, total=15))
    say(1, member=False)
    top = Client().get("/leaderboard/top?limit=10").json()["players"]
    assert [(line["userId"], line["position"]) for line in top] == [(2, 1)]
    for address in ("/players/1", "/players/1/history", "/leaderboard/around/1"):
        assert Client().get(address).status_code == 404
    name = Player.objects.get(user_id=2).username[:5]
    assert [one["userId"] for one in Client().get(f"/players?search={name}").json()["players"]] == [
        2
    ]
    told = game.client.get("/roblox/players/1").json()
    assert (told["membership"]["state"], told["rank"], told["points"]) == ("left", "Captain I", 15)
    found = game.client.get(f"/roblox/players?search={name}").json()["players"]
    assert {one["userId"] for one in found} >= {1, 2}  # officers can still sanction them
    say(1, 70_001)
    assert Client().get("/players/1?back").json()["position"] == 1


def test_leaving_withdraws_proposals(community: World, player: Make) -> None:
    player(1, "Captain I")
    decisions.propose(
        1, MAJOR, Command(by=Staff(TESTER, rank=None), reason="leads well", now=timezone.now())
    )
    say(1, member=False)
    assert not Decision.objects.filter(status="proposed").exists()
    with pytest.raises(NotAllowed, match="no member of the group"):
        decisions.set_rank(
            1, "Captain II", Command(by=OWNER, reason="deserved", now=timezone.now())
        )


def test_a_sanction_survives_leaving(community: World, player: Make) -> None:
    player(1, "Captain I")
    say(1, member=False)
    sanctions.suspend(1, Command(by=OWNER, reason="fought", now=timezone.now()))
    say(1, 70_001)
    back = Player.objects.get(user_id=1)
    assert (back.rank.name, back.former_rank and back.former_rank.name) == (
        "Suspended",
        "Captain I",
    )


def test_a_new_person_is_unknown_and_unlisted_at_first(community: World, game: Game) -> None:
    game.send(game.event(5, 1, type="training", awarded=15, total=15))
    assert game.client.get("/roblox/players/5").json()["membership"]["state"] == "unknown"
    assert Client().get("/leaderboard/top?new").json()["players"] == []
    say(5, 70_001)
    assert game.client.get("/roblox/players/5").json()["membership"]["state"] == "member"
    assert Client().get("/leaderboard/top?known").json()["players"][0]["userId"] == 5


def test_a_role_that_was_made_a_moment_ago_makes_nobody_a_guest(
    community: World, player: Make
) -> None:
    """The roles were read before the new one was created, so its name is unknown."""
    here(community, player, 1, MAJOR)
    documents = {**active().bundle.documents}
    documents["ranks"] = {**documents["ranks"], "ignoredRoles": ["Initiate"]}
    activate(parse_bundle(documents), actor=TESTER, reason="a test")
    say(1, 70_001, 79_999)
    assert Player.objects.get(user_id=1).member == "member"
    say(1, 70_001)
    assert Player.objects.get(user_id=1).member == "guest"


def with_rejoin(word: str) -> None:
    documents = {**active().bundle.documents}
    documents["ranks"] = {**documents["ranks"], "rejoin": word}
    activate(parse_bundle(documents), actor=TESTER, reason="a test")


def left_and_came_back(world: World, pull: Pull) -> Player:
    world.join(1, "Captain I")
    pull("members")
    world.leave(1)
    pull("members")
    world.join(1)
    pull("members")
    return Player.objects.get(user_id=1)


def test_by_policy_staff_decide_on_a_returning_rank(community: World, pull: Pull) -> None:
    with_rejoin("ask")
    back = left_and_came_back(community, pull)
    assert back.rank.name == "Initiate"
    proposal = Decision.objects.get(player=back, status="proposed")
    assert (proposal.to_rank.name, proposal.source) == ("Captain I", "roblox")
    held_since = dt.datetime.fromisoformat(proposal.inputs["restoresSince"])
    decisions.approve(proposal.pk, by=OWNER, reason="welcome back", now=timezone.now())
    back.refresh_from_db()
    assert (back.rank.name, back.rank_since) == ("Captain I", held_since)
    while runner.step():
        pass
    assert community.roles(1) == {70_000 + ROLES["Captain I"]}
    assert not Drift.objects.exists()


def test_by_policy_whoever_comes_back_starts_anew(community: World, pull: Pull) -> None:
    with_rejoin("reset")
    back = left_and_came_back(community, pull)
    assert (back.rank.name, community.roles(1)) == ("Initiate", set())
    assert not Decision.objects.filter(player=back, status="proposed").exists()
    assert not Drift.objects.exists()


def test_a_pull_that_misses_one_of_the_staff_stops_and_asks(
    community: World, pull: Pull, capsys: pytest.CaptureFixture[str]
) -> None:
    community.join(1, MAJOR)
    community.join(2, "Captain I")
    pull("members")
    Player.objects.filter(user_id=1).update(rank=Rank.objects.get(name=MAJOR))
    community.leave(1)
    community.leave(2)
    job = pull("members")
    assert (job.status, "1 of the staff" in job.question) == ("waiting", True)
    assert set(Player.objects.filter(user_id__in=[1, 2]).values_list("member", flat=True)) == {
        "member"
    }
    assert AuditEvent.objects.filter(action="sync.asked").count() == 1
    again = pull("members")
    assert (again.status, SyncJob.objects.get(pk=job.pk).status) == ("waiting", "cancelled")
    call_command("sync", "confirm", str(again.pk), reason="they said goodbye")
    held = jobs.claim_one(again.pk)
    assert held is not None
    run(held)
    done = SyncJob.objects.get(pk=again.pk)
    assert (done.status, done.counters["left"]) == ("done", 2)
    assert set(Player.objects.filter(user_id__in=[1, 2]).values_list("member", flat=True)) == {
        "left"
    }
    assert done.confirmed_by.startswith("shell:")
    assert AuditEvent.objects.get(action="sync.confirmed").actor_id == "shell"


@pytest.mark.parametrize("sync", [{"leave_at_most": 2}, {"leave_share_at_most": 0.3}])
def test_a_pull_that_misses_too_many_stops_and_asks(
    community: World, pull: Pull, settings: Any, sync: dict[str, Any]
) -> None:
    changed = msgspec.structs.replace(
        settings.INTEGRATIONS.sync, leave_at_most=50, leave_share_at_most=1.0
    )
    changed = msgspec.structs.replace(changed, **sync)
    settings.INTEGRATIONS = msgspec.structs.replace(settings.INTEGRATIONS, sync=changed)
    for user_id in range(1, 9):
        community.join(user_id)
    pull("members")
    for user_id in range(1, 3):
        community.leave(user_id)
    assert pull("members").counters["left"] == 2
    for user_id in range(3, 7):
        community.leave(user_id)
    job = pull("members")
    assert (job.status, "4 of 8 members" in job.question) == ("waiting", True)


def test_a_short_listing_removes_nobody(community: World, pull: Pull) -> None:
    for user_id in range(1, 5):
        community.join(user_id, "Captain I")
    rows = [{"userId": n, "username": f"citizen_{n}", "roles": []} for n in range(10_000, 10_120)]
    community.control("members", groupId=GROUP, members=rows)
    pull("members")
    first = community.http.get(
        f"/cloud/v2/groups/{GROUP}/memberships",
        params={"maxPageSize": 100},
        headers={"x-api-key": KEY},
    ).json()
    job = pull("members", token=first["nextPageToken"])  # as if Roblox had left out the first page
    assert (job.status, job.counters.get("short")) == ("done", 1)
    assert Player.objects.filter(member="left").count() == 0


def test_only_those_who_run_pulls_let_one_go_on(community: World, pull: Pull) -> None:
    job = pull("members")
    SyncJob.objects.filter(pk=job.pk).update(status="waiting", question="Really?")
    with pytest.raises(NotAllowed):
        jobs.confirm(job.pk, by=Staff(TESTER, rank=None), reason="why not")
    jobs.confirm(
        job.pk, by=Staff(TESTER, rank=None, rights=frozenset({"console.sync"})), reason="looked"
    )
    with pytest.raises(Refused, match="asks nothing"):
        jobs.confirm(job.pk, by=OWNER, reason="again")


def test_a_waiting_pull_is_confirmed_with_a_reason(
    community: World, pull: Pull, player: Make
) -> None:
    community.join(1, "Captain I")
    job = pull("members")
    SyncJob.objects.filter(pk=job.pk).update(
        status="waiting", question="Roblox did not list 3 of 9 members."
    )
    owner = owner_client("olga")
    address = f"/admin/sync/jobs/{job.pk}/question/"
    assert "Roblox did not list 3 of 9 members." in owner.get(address).content.decode()
    assert "Roblox did not list 3 of 9 members." in owner.get("/admin/sync/").content.decode()
    assert owner.post(address, {"reason": ""}).status_code == 200
    assert SyncJob.objects.get(pk=job.pk).status == "waiting"
    assert owner.post(address, {"reason": "looked at each of them"}).status_code == 302
    found = SyncJob.objects.get(pk=job.pk)
    assert (found.status, bool(found.confirmed_by)) == ("queued", True)
    assert AuditEvent.objects.filter(action="sync.confirmed").count() == 1


def test_an_award_to_who_is_no_member_lands_and_breaks_a_law(
    community: World, game: Game, player: Make
) -> None:
    player(1, "Captain I", member="left")
    Player.objects.filter(user_id=1).update(
        member_since=timezone.now() - dt.timedelta(hours=1), listed=False
    )
    receipt = game.send(game.event(1, 1, type="training", awarded=15, total=15))
    assert (receipt["accepted"], [one["code"] for one in receipt["notices"]]) == (1, ["NO_MEMBER"])
    assert AuditEvent.objects.get(action="points.mismatch").details["law"] == "NO_MEMBER"
    assert receipt["players"][0]["membership"]["state"] == "left"
    assert Player.objects.get(user_id=1).rank.name == "Captain I"
