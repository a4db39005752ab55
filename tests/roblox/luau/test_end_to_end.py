"""Games against a real GRPS, through outages, crashes and adjustments: all totals agree."""

import datetime as dt
import json
import os
import random
import time
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from players.models import ActiveMinutes, LedgerEntry, Player
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from players.points import adjustments, reconciliation
from players.points.event_parser import parse
from players.points.ingestion import ingest
from roblox import keys
from roblox.models import Experience
from syncs.pull.entry_parser import parse as record_of
from tests.conftest import TESTER, Live
from tests.roblox.luau.universe import Universe
from tests.roblox.luau.wire import Wire

STARTED = 6 * 3600  # seconds ago: GRPS accepts no events of the future
PLAYERS = range(501, 509)
ROUNDS = 120 if os.environ.get("GRPS_LONG") else 40


@pytest.fixture
def wire(live: Live) -> Wire:
    return Wire(live, keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])


def ledgered(user_id: int) -> Decimal:
    rows = LedgerEntry.objects.filter(player__user_id=user_id, origin="nexus")
    return sum((row.awarded for row in rows), Decimal(0))


def compared(universe: Universe) -> reconciliation.Comparison:
    """Return what the nightly pull of the data store would still correct."""
    stored = [record_of(user_id, universe.record(user_id)) for user_id in PLAYERS]
    return reconciliation.compare("nexus", stored, now=timezone.now(), patience=dt.timedelta(0))


def drain(universe: Universe) -> None:
    """Ingest the games' queue, as the worker does."""
    for item in universe.queues.pop("GRPS_Events", []):
        ingest("nexus", parse(item.encode(), timezone.now()), now=timezone.now())


def test_active_minutes_reach_grps_once(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED)
    server = universe.server()
    server.join(501, "Nia")
    universe.run(4)
    for _ in range(11):
        server.do("grps:active(game.Players:GetPlayerByUserId(...))", 501)
        universe.run(60)
    server.close()
    assert wire.refused == []
    record = record_of(501, universe.record(501))
    (stored,) = [one for one in record.sessions.values() if one.active]
    minutes = ActiveMinutes.objects.filter(player__user_id=501, origin="nexus")
    kept = {row.day: row.minutes for row in minutes}
    assert sum(kept.values()) in (10, 11)
    assert kept == dict(stored.active)
    assert ledgered(501) == 2  # the policy's event, for each five minutes


def test_a_first_point_is_earned_seen_and_kept(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED)
    server = universe.server()
    server.join(501, "Nia")
    universe.run(4)
    assert server.award(501, "training") == (1500, "")
    universe.run(6)
    player = Player.objects.get(user_id=501)
    assert (player.username, player.points, player.rank.name) == (
        "Nia",
        Decimal("15.00"),
        "Initiate",
    )
    server.close()
    assert universe.total(501) == 1500
    assert wire.refused == []


def test_adjustments_and_ranks_of_the_console_reach_the_game(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED)
    server = universe.server()
    server.join(501)
    universe.run(4)
    server.award(501, "training")
    universe.run(6)
    Player.objects.update(rank_since=timezone.now() - dt.timedelta(days=9))
    adjustments.adjust(
        501, 40_00, Command(by=at_the_shell(), reason="won the finals", now=timezone.now())
    )
    server.award(501, "wo")
    universe.run(6)
    session = server.session(501)
    assert (session["known"], session["rank"]) == (15_00 + 40_00 - 10, "Shock Trooper I")


def test_after_a_wild_day_ledger_and_data_store_agree(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED, losing_messages=0.3)
    universe.faults = dict.fromkeys(
        ("UpdateAsync", "GetAsync", "SetIncrementSortedAsync"), (0.05, 0.05)
    )
    dice = random.Random(11)
    for number in range(ROUNDS):
        if len(universe.servers) < 2:
            universe.server()
        server = dice.choice(universe.servers)
        wire.away, wire.lossy = ROUNDS // 3 <= number < ROUNDS // 2, 0.1
        happening = dice.random()
        if happening < 0.06:
            server.crash()
        elif happening < 0.12:
            server.close()
        else:
            _play(server, dice)
        if number % 7 == 0 and Player.objects.filter(user_id=503).exists():
            adjustments.adjust(
                503, -1_25, Command(by=at_the_shell(), reason="counted twice", now=timezone.now())
            )
        universe.run(dice.randrange(5, 60))
    wire.away, wire.lossy = False, 0.0
    universe.faults.clear()
    for server in list(universe.servers):
        server.close()
    drain(universe)
    last = universe.server()
    for user_id in PLAYERS:
        last.join(user_id)
    universe.run(300)
    known = {user_id: last.session(user_id)["known"] for user_id in PLAYERS}
    last.close()
    assert wire.refused == []
    for user_id in PLAYERS:
        player = Player.objects.filter(user_id=user_id).first()
        in_ledger = int(ledgered(user_id) * 100)
        assert universe.total(user_id) == in_ledger, user_id
        adjusted = int(player.adjusted * 100) if player else 0
        assert known[user_id] == in_ledger + adjusted
        if player:
            assert int(player.points * 100) == max(0, in_ledger + adjusted)
    found = compared(universe)
    assert (found.changes, found.contradictions) == ([], {})
    assert [event.details for event in AuditEvent.objects.filter(action="points.mismatch")] == []


def _play(server: Any, dice: random.Random) -> None:
    for user_id in dice.sample(PLAYERS, 3):
        if server.session(user_id) is None:
            server.join(user_id)
        kind = dice.choice(["training", "ko", "wo", "operation", "activity"])
        server.award(
            user_id, kind, **({"duration": dice.choice([200, 300])} if kind == "activity" else {})
        )
        if dice.random() < 0.15:
            server.leave(user_id)


def test_a_log_line_of_the_game_stands_in_the_audit_log(wire: Wire) -> None:
    universe = Universe(http=wire, now=time.time() - STARTED)
    universe.stores["GRPS_Points"] = {"player:501": json.dumps("not a record")}
    server = universe.server()
    server.join(501)
    universe.run(20)
    server.close()
    assert AuditEvent.objects.filter(action="game.reported").exists()
