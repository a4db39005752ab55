"""Bans that only one side knows are listed, and settled for one of the sides."""

from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from players.discipline import sanctions
from players.models import Player, Sanction
from players.moderation.actors import Staff
from players.moderation.command import Command
from roblox.models import Experience
from syncs.models import Drift, SyncJob
from syncs.push import runner
from tests.conftest import TESTER
from tests.roblox_world import NEXUS, World

OWNER = Staff(TESTER, rank=None, bypasses_second_person=True)
Pull = Callable[..., SyncJob]


def ban_there(world: World, user_id: int, *, active: bool = True, **more: Any) -> None:
    reasons = {
        "displayReason": "cheats",
        "privateReason": "seen by all",
        "excludeAltAccounts": False,
    }
    world.act(
        "ban",
        universeId=NEXUS,
        userId=user_id,
        active=active,
        **{"duration": None, **reasons, **more},
    )


def push_all() -> None:
    while runner.step():
        pass


def test_a_ban_made_in_the_game_is_listed_and_can_be_adopted(
    community: World, pull: Pull, nexus: Experience, player: Callable[..., Player]
) -> None:
    player(1)
    ban_there(community, 1, duration="86400s")
    job = pull("restrictions", nexus)
    assert (job.status, job.counters["new"]) == ("done", 1)
    drift = Drift.objects.get(resolved_at=None)
    assert drift.detail == "not banned here, banned there (by a game server)"
    call_command("sync", "adopt", str(drift.pk), "--reason", "it was right")
    sanction = Sanction.objects.get(lifted_at=None)
    assert (sanction.source, sanction.player.user_id) == ("roblox", 1)
    assert sanction.ends_at is not None
    assert Player.objects.get().banned
    push_all()
    assert pull("restrictions", nexus).counters["differing"] == 0
    assert not Drift.objects.filter(resolved_at=None).exists()


def test_adopting_a_ban_of_a_stranger_makes_a_player(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.join(77)
    ban_there(community, 77)
    pull("restrictions", nexus)
    call_command("sync", "adopt", str(Drift.objects.get().pk), "--reason", "known elsewhere")
    assert Player.objects.get(user_id=77).username == "citizen_77"
    assert Sanction.objects.get().ends_at is None


def test_a_ban_that_we_do_not_want_is_pushed_away(
    community: World, pull: Pull, nexus: Experience, player: Callable[..., Player]
) -> None:
    player(1)
    ban_there(community, 1)
    pull("restrictions", nexus)
    call_command("sync", "push", str(Drift.objects.get().pk), "--reason", "a mistake")
    push_all()
    assert community.restriction(1)["active"] is False
    assert pull("restrictions", nexus).counters["differing"] == 0


def test_a_ban_of_ours_that_was_lifted_there_is_listed(
    community: World, pull: Pull, nexus: Experience, player: Callable[..., Player]
) -> None:
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=timezone.now()))
    push_all()
    ban_there(community, 1, active=False)
    pull("restrictions", nexus)
    drift = Drift.objects.get(resolved_at=None)
    assert "banned here, not banned there" in drift.detail
    call_command("sync", "push", str(drift.pk), "--reason", "it stands")
    push_all()
    assert community.restriction(1)["active"] is True


def test_a_ban_that_waits_to_be_pushed_is_no_drift(
    community: World, pull: Pull, nexus: Experience, player: Callable[..., Player], settings: Any
) -> None:
    settings.ROBLOX_WRITES = False
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=timezone.now()))
    pull("restrictions", nexus)
    assert not Drift.objects.exists()


def test_a_drift_that_is_gone_by_itself_is_closed(
    community: World, pull: Pull, nexus: Experience
) -> None:
    ban_there(community, 5)
    pull("restrictions", nexus)
    ban_there(community, 5, active=False)
    pull("restrictions", nexus)
    assert Drift.objects.get().resolution == "agreed"
