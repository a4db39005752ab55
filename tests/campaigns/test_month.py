"""A month of events, leaves, quotas and ranks ends right everywhere."""

import os

import pytest

from bench.month import HOSTS
from bench.month_checks import check, sentences
from bench.month_stage import Stage
from players.models import LedgerEntry, Player
from tests.discord.conftest import _discord, discord
from tests.discord_world import DiscordWorld
from tests.portal_schema.conftest import Database, portal
from tests.roblox_world import World
from tests.syncs.conftest import _world, community, world

__all__ = ["_discord", "_world", "community", "discord", "portal", "world"]
LONG = bool(os.environ.get("GRPS_LONG"))
MEMBERS = 2_000 if LONG else 40
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_month_ends_right_everywhere(
    community: World, discord: DiscordWorld, portal: Database
) -> None:
    stage = Stage(community, discord)
    month = stage.play(MEMBERS, seed=5)
    places = check(month, stage, portal)
    assert list(sentences(places)) == []
    names = ["ledger", "data store", "Roblox", "Discord", "portal"]
    assert [place.name for place in places] == names
    assert min(place.compared for place in places) > MEMBERS // 2
    # The month had something of everything, and the checks see a single wrong figure.
    assert month.lost > 0
    assert LedgerEntry.objects.filter(type="reconciled").exists()
    promoted = Player.objects.filter(user_id__in=month.members).exclude(rank__name="Initiate")
    assert promoted.count() > MEMBERS // 4
    states = {state for host in HOSTS for state in month.expected.quota_states(host, month.first)}
    assert {"met", "missed", "excused"} <= states
    month.expected.earned[month.members[0]] += 1
    wrong = {place.name for place in check(month, stage, portal) if place.errors}
    assert wrong == {"ledger", "data store", "portal"}
