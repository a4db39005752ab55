"""Points of private servers and Studio are kept apart and do not count, in games and in GRPS."""

import datetime as dt
import time
from decimal import Decimal

import pytest
from django.utils import timezone

from players.models import ExperiencePoints, Player
from players.points import consistency, reconciliation
from roblox import keys
from roblox.models import Experience
from syncs.pull.entry_parser import parse as record_of
from tests.conftest import TESTER, Live
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import NIA, Universe
from tests.roblox.luau.wire import Wire

STARTED = 6 * 3600  # seconds ago: GRPS accepts no events of the future
TRAINING = 1500  # hundredths


@pytest.fixture
def wire(live: Live) -> Wire:
    return Wire(live, keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])


def test_a_private_server_earns_beside_the_points(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED)
    first = universe.server()
    first.join(501, "Nia")
    universe.run(4)
    first.award(501, "training")
    universe.run(6)
    first.close()
    universe.private = True
    second = universe.server()
    second.join(501, "Nia")
    universe.run(4)
    assert second.award(501, "training") == (TRAINING, "")
    assert second.award(501, "wo") == (-10, "")
    universe.run(6)
    assert second.session(501)["known"] == TRAINING
    assert Player.objects.get().points == Decimal(15)
    second.close()
    assert universe.stores["GRPS_Points_Index"] == {"501": str(TRAINING)}
    assert [kept.get("apart") for _, kept in sorted(universe.record(501)["sessions"].items())] == [
        None,
        True,
    ]
    assert ExperiencePoints.objects.get(origin="nexus~private").total == Decimal("14.90")
    stored = [record_of(501, universe.record(501))]
    found = reconciliation.compare("nexus", stored, now=timezone.now(), patience=dt.timedelta(0))
    assert (found.changes, found.contradictions) == ([], {})
    universe.private = False
    third = universe.server()
    third.join(501, "Nia")
    universe.run(4)
    third.award(501, "training")
    assert third.session(501)["known"] == 2 * TRAINING
    assert (
        third.session(501)["earned"]["today"] == 2 * TRAINING
    )  # the private server has its own caps
    universe.run(6)
    assert Player.objects.get().points == Decimal(30)
    third.close()
    assert not wire.refused
    assert consistency.verify() == []


def test_unsent_private_events_never_count(
    wire: Wire,
) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED, private=True)
    first = universe.server()
    first.join(501, "Nia")
    universe.run(4)
    wire.away = True
    first.award(501, "training")
    universe.run(6)
    first.close()
    universe.queues.clear()
    wire.away, universe.private = False, False
    second = universe.server()
    second.join(501, "Nia")
    universe.run(10)
    assert second.session(501)["known"] == 0
    assert Player.objects.get().points == 0
    assert ExperiencePoints.objects.get(total__gt=0).origin == "nexus~private"


def test_in_a_test_experience_points_do_not_move(universe: Universe, grps: Grps) -> None:
    grps.counts = {"points": False, "privateServers": False, "studio": False}
    grps.elsewhere[NIA] = 4000
    server = universe.playing()
    assert server.award(NIA, "training") == (TRAINING, "")
    assert server.session(NIA)["known"] == 4000


def test_a_private_server_counts_if_grps_says_so(universe: Universe, grps: Grps) -> None:
    universe.private = True
    for said in (None, {"points": True, "privateServers": True, "studio": False}):
        grps.counts = said
        server = universe.playing()
        before = server.session(NIA)["known"]
        server.award(NIA, "training")
        assert server.session(NIA)["known"] == before + TRAINING
        universe.run(6)
        server.close()
    assert all("apart" not in kept for kept in universe.record(NIA)["sessions"].values())


def test_a_loss_takes_nothing_that_was_earned_elsewhere(universe: Universe, grps: Grps) -> None:
    grps.elsewhere[NIA] = 4000
    server = universe.playing()
    assert server.award(NIA, "wo") == (0, "FLOOR")
    server.award(NIA, "ko")
    assert [server.award(NIA, "wo")[0] for _ in range(4)] == [-10, -10, -5, 0]
    assert server.session(NIA)["known"] == 4000
