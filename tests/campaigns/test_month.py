"""A month of events, leaves, quotas and ranks ends right everywhere."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import Sum
from django.db.models.functions import Now
from django.test import Client

from audits.record import operator
from bench.month import GENERALS, HOSTS, Ground, Month
from discord import links
from discord.models import RoleMirror
from discord.roles import runner as discord_runner
from players.hosted_events.counts import counts
from players.models import HostedEvent, LedgerEntry, Player, QuotaResult
from roblox import keys
from roblox.models import Experience
from syncs import jobs
from syncs.models import GroupLog, Mirror
from syncs.pull.runner import run
from syncs.push import runner
from tests.conftest import TESTER
from tests.discord.conftest import _discord, discord
from tests.discord_world import LINKED, TROOPER, DiscordWorld
from tests.roblox_world import OWNER_OF_GROUP, OWNER_OF_KEY, ROLES, World, role_id
from tests.shared_clock import clock_at
from tests.syncs.conftest import _world, community, world

__all__ = ["_discord", "_world", "community", "discord", "world"]
LONG = bool(os.environ.get("GRPS_LONG"))
MEMBERS = 2_000 if LONG else 40
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def _clock(moment: dt.datetime) -> Iterator[None]:
    with clock_at(moment), time_machine.travel(moment, tick=True):
        yield


def _read_members(now: dt.datetime) -> None:
    """Read the group as the operator does."""
    job, _ = jobs.request("members", None, actor=operator())
    claimed = jobs.claim_one(job.pk)
    assert claimed is not None
    run(claimed)


@pytest.fixture
def played(community: World, discord: DiscordWorld) -> Month:
    """Return a month that was played, with everything written to Roblox and Discord."""
    key = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
    found = Month(key, MEMBERS, seed=5, ground=Ground(_clock, _read_members))
    for rank, users in (("Tempest Major", HOSTS), ("Supreme Council", GENERALS)):
        for user_id in users:
            community.join(user_id, rank)
    for user_id in found.members:
        community.join(user_id, "Initiate")
    start = dt.datetime.combine(found.first, dt.time(), dt.UTC)
    with _clock(start):
        GroupLog.objects.update(met_at=None)
        _read_members(start)
    ranks = Player.objects.values_list("user_id", "rank__name")
    assert {user_id: rank for user_id, rank in ranks if rank != "Initiate"} == {
        **dict.fromkeys(HOSTS, "Tempest Major"),
        **dict.fromkeys(GENERALS, "Supreme Council"),
        OWNER_OF_KEY: "Supreme Council",
        OWNER_OF_GROUP: "Imperator",
    }
    for user_id in found.everybody[::2]:
        discord.join(10_000 + user_id)
        links.link(user_id, 10_000 + user_id, f"citizen_{user_id}")
    found.play()
    return found


def test_a_month_ends_right_everywhere(
    played: Month, discord: DiscordWorld, community: World
) -> None:
    expected, people = (
        played.expected,
        {one.user_id: one for one in Player.objects.select_related("rank")},
    )
    sums = dict(LedgerEntry.objects.values_list("player__user_id").annotate(Sum("awarded")))
    points = {user_id: int(total * 100) for user_id, total in sums.items() if total}
    assert points == dict(expected.earned + expected.awarded)
    for user_id, player in people.items():
        assert int(player.points * 100) == points.get(user_id, 0)

    assert HostedEvent.objects.exclude(status="awarded").count() == 0
    ids = {player.pk: user_id for user_id, player in people.items()}
    attended = counts(list(ids), played.first, played.days[-1] + dt.timedelta(days=1))
    assert {ids[pk]: found[0] for pk, found in attended.items() if found[0]} == dict(
        expected.attended
    )

    states = QuotaResult.objects.order_by("period__starts_on").values_list(
        "player__user_id", "state"
    )
    for host in HOSTS:
        judged = [state for user_id, state in states if user_id == host]
        assert judged == expected.quota_states(host, played.first)
    assert {user_id for user_id, _ in states} == set(HOSTS)

    _write_everything()
    for user_id, player in people.items():
        if user_id in played.everybody and player.rank.name in ROLES:
            assert community.roles(user_id) == {role_id(player.rank.name)} - {role_id("Initiate")}
    for user_id in played.everybody[::2]:
        held = discord.held(10_000 + user_id)
        assert LINKED in held
        assert (TROOPER in held) == (people[user_id].rank.name == "Shock Trooper I")
    public = Client()
    for user_id in played.members[:10]:
        told = public.get(f"/players/{user_id}").json()
        assert round(told["points"] * 100) == points.get(user_id, 0)
        entry = community.entry("GRPS_State", f"player:{user_id}")
        assert entry["standing"]["rank"] == people[user_id].rank.name
    call_command("ledger", "verify")
    call_command("audit", "verify")


def _write_everything() -> None:
    for _ in range(20):
        Mirror.objects.filter(status="pending").update(retry_at=Now())
        RoleMirror.objects.filter(status="pending").update(retry_at=Now())
        if not runner.step() + discord_runner.step():
            return
    raise AssertionError("writes stay pending")
