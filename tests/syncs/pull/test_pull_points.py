"""Pull of points from games' data stores: only differences are read, and counted once."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from players.models import REST, ActiveDay, LedgerEntry, Player, Session
from players.points import consistency
from roblox.models import Experience
from roblox.open_cloud import data_stores
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs.models import Drift, SyncJob
from tests.players.conftest import Game
from tests.roblox_world import TRAINING, World

Pull = Callable[..., SyncJob]


def legacy(points: float, **more: Any) -> dict[str, Any]:
    return {"points": points, "kos": 3, "wos": 1, "rank": "Initiate", "username": "ann"} | more


def ours(sessions: dict[str, Any], folded: Any = None, user_id: int = 1) -> dict[str, Any]:
    value = {
        "grps": 1,
        "userId": user_id,
        "username": "ann",
        "displayName": "Ann",
        "sessions": sessions,
    }
    return value | ({"folded": folded} if folded else {})


def points_of(user_id: int) -> float:
    return float(Player.objects.get(user_id=user_id).points)


def test_a_simple_entry_becomes_a_player_with_its_points(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(1, legacy(12.5), 1250)
    job = pull("points", nexus)
    assert (job.status, job.counters["changed"]) == ("done", 1)
    player = Player.objects.get(user_id=1)
    assert (player.username, float(player.points), player.kos, player.wos) == ("ann", 12.5, 3, 1)
    assert consistency.verify() == []


def test_pulling_again_changes_and_reads_nothing(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.seed(250)
    pull("points", nexus)
    rows = LedgerEntry.objects.count()
    community.control("calls/reset")
    job = pull("points", nexus)
    assert (job.counters["listed"], job.counters["read"]) == (250, 0)
    assert LedgerEntry.objects.count() == rows
    assert sum(sum(counts.values()) for counts in community.calls().values()) == 3


def test_only_what_changed_is_read(community: World, pull: Pull, nexus: Experience) -> None:
    community.seed(300)
    pull("points", nexus)
    changed = community.seed(300, changeFraction=0.02)["changed"]
    job = pull("points", nexus)
    assert job.counters["read"] == len(changed) > 0
    value = community.entry("GRPS_Points", f"player:{changed[0]}")
    assert points_of(changed[0]) == value["points"]
    assert consistency.verify() == []


def test_a_simple_entry_follows_the_game_down_too(
    community: World, pull: Pull, nexus: Experience
) -> None:
    for points in (20, 12.25, 30):
        community.save(1, legacy(points), round(points * 100))
        pull("points", nexus)
        assert points_of(1) == points
    rows = LedgerEntry.objects.filter(type="reconciled").order_by("sequence")
    assert [float(row.awarded) for row in rows] == [20, -7.75, 17.75]


def test_sessions_that_never_came_as_events_are_one_row_each(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(
        1,
        ours({"41": {"sequence": 7, "total": 1850, "kos": 2}, "42": {"sequence": 2, "total": -50}}),
        1800,
    )
    pull("points", nexus)
    assert points_of(1) == 18
    rows = LedgerEntry.objects.order_by("session")
    assert [(row.session, row.sequence, row.magnitude, float(row.total)) for row in rows] == [
        (41, 7, 7, 18.5),
        (42, 2, 2, -0.5),
    ]
    assert Player.objects.get().kos == 2
    assert consistency.verify() == []


def test_active_minutes_of_the_data_store_only_grow(
    community: World, pull: Pull, nexus: Experience
) -> None:
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    for number, (minutes, stored) in enumerate(((30, 30), (20, 30), (45, 45)), 1):
        active = {str(day): minutes, str(day - dt.timedelta(days=90)): 9}
        session = {"sequence": number, "total": number * 100, "active": active}
        community.save(1, ours({"41": session}), number * 100)
        pull("points", nexus)
        assert list(ActiveDay.objects.values_list("day", "minutes")) == [(day, stored)]


def test_events_and_the_data_store_count_once_in_either_order(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    game.send(game.event(session=41, sequence=1, awarded=15, total=15))
    game.send(game.event(session=41, sequence=4, awarded=15, total=60))
    assert Session.objects.get().count == 2
    community.save(1, ours({"41": {"sequence": 5, "total": 7500}}), 7500)
    pull("points", nexus)
    assert points_of(1) == 75
    late = [game.event(session=41, sequence=n, awarded=15, total=15 * n) for n in (2, 3, 4, 5)]
    receipt = game.send(*late)
    assert (receipt["accepted"], receipt["duplicates"]) == (0, 4)
    assert receipt["players"][0]["confirmed"] == {"session": 41, "sequence": 5}
    game.send(game.event(session=41, sequence=6, awarded=15, total=90))
    assert points_of(1) == 90
    assert consistency.verify() == []


def test_a_gap_whose_events_may_still_come_is_left_open(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    game.send(game.event(user_id=99))

    community.save(1, ours({"41": {"sequence": 3, "total": 300, "savedAt": int(time.time())}}), 300)
    job = pull("points", nexus)
    assert (job.counters["waiting"], job.counters["changed"]) == (1, 0)
    community.save(
        1, ours({"41": {"sequence": 3, "total": 300, "savedAt": int(time.time()) - 3600}}), 300
    )
    assert pull("points", nexus).counters["changed"] == 1
    assert points_of(1) == 3


def test_a_game_that_sends_no_events_is_not_waited_for(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(1, ours({"41": {"sequence": 3, "total": 300, "savedAt": int(time.time())}}), 300)
    assert pull("points", nexus).counters["changed"] == 1
    assert points_of(1) == 3


def test_what_is_folded_and_known_is_not_counted_again(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    game.send(*(game.event(session=s, sequence=1, awarded=15, total=15) for s in (1, 2, 3)))
    community.save(1, ours({}, folded={"through": 3, "total": 4500}), 4500)
    job = pull("points", nexus)
    assert (job.counters["read"], points_of(1)) == (0, 45)
    community.save(1, ours({}, folded={"through": 3, "total": 6000}), 6000)
    pull("points", nexus)
    assert points_of(1) == 60
    assert float(Session.objects.get(session=REST).total) == 15
    assert consistency.verify() == []


def test_a_store_that_lost_its_last_save_takes_nothing_away(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    game.send(*(game.event(session=9, sequence=n, awarded=15, total=15 * n) for n in (1, 2, 3)))
    community.save(1, ours({"9": {"sequence": 2, "total": 3000}}), 3000)
    job = pull("points", nexus)
    assert (job.counters["read"], job.counters["changed"], points_of(1)) == (1, 0, 45)


def test_one_sequence_with_two_totals_changes_nothing(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    game.send(game.event(session=9, sequence=1, awarded=15, total=15))
    community.save(1, ours({"9": {"sequence": 1, "total": 9900}}), 9900)
    pull("points", nexus)
    assert points_of(1) == 15
    drift = Drift.objects.get(resolved_at=None)
    assert (drift.aspect, drift.subject) == ("points", "1")
    assert "15.00 here, 99.00 there" in drift.detail


def test_a_broken_entry_is_set_aside_until_mended(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(1, {"points": "lots"}, 500)
    community.save(2, legacy(1, username="bob"), 100)
    job = pull("points", nexus)
    assert (job.status, job.counters["broken"]) == ("done", 1)
    drift = Drift.objects.get()
    assert (drift.aspect, drift.subject) == ("entry", "player:1")
    assert "points: is a text" in drift.detail
    assert list(Player.objects.values_list("user_id", flat=True)) == [2]
    community.save(1, legacy(5), 500)
    pull("points", nexus)
    assert Drift.objects.get().resolution == "agreed"
    assert points_of(1) == 5


@pytest.mark.parametrize(
    ("decision", "status"), [(RetryDecision.GIVE_UP, 400), (RetryDecision.RETRY, 500)]
)
def test_an_entry_that_roblox_cannot_read_holds_nobody_else_up(
    community: World,
    pull: Pull,
    nexus: Experience,
    monkeypatch: pytest.MonkeyPatch,
    decision: RetryDecision,
    status: int,
) -> None:
    community.seed(20)
    read = data_stores.read

    def poisoned(client: Any, store: Any, key: str) -> Any:
        if key == "player:1007":
            raise OpenCloudError(decision, "It holds a number that is none.", status=status)
        return read(client, store, key)

    monkeypatch.setattr(data_stores, "read", poisoned)
    assert pull("points", nexus, full=True).status == "done"
    drift = Drift.objects.get(resolved_at=None)
    assert (drift.subject, "a number that is none" in drift.detail) == ("player:1007", True)
    assert Player.objects.count() == 19


def test_an_outage_is_not_taken_for_broken_entries(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.seed(20)
    community.faults({"kind": "500", "operations": ["dataStoreEntryGet"], "rate": 1.0})
    assert pull("points", nexus, full=True).status == "queued"
    assert not Drift.objects.exists()


def test_without_an_index_every_entry_is_read(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.seed(230, index=None)
    job = pull("points", nexus, full=True)
    assert (job.status, job.counters["listed"], job.counters["read"]) == ("done", 230, 230)
    assert Player.objects.count() == 230


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(1, legacy(12.5), 1250)
    job = pull("points", nexus, dry_run=True)
    assert job.status == "done"
    assert "user 1, beyond its sessions: 0.00 -> 12.50 points" in str(job.steps)
    assert not Player.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_points_that_were_pulled_bring_their_rank(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.save(1, legacy(60), 6000)
    pull("points", nexus)
    community.join(1)
    pull("members")
    Player.objects.update(rank_since="2026-01-01T00:00:00Z")
    community.save(1, legacy(61), 6100)
    pull("points", nexus)
    assert Player.objects.get(user_id=1).rank.name == "Shock Trooper I"


def test_the_leaderboard_looks_at_the_best_alone(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.seed(300)
    job = pull("leaderboard", nexus, limit=150)
    assert (job.counters["listed"], Player.objects.count()) == (150, 150)
    least = Player.objects.order_by("points").values_list("points", flat=True).first()
    others = [
        community.entry("GRPS_Points", f"player:{user_id}")["points"]
        for user_id in range(1000, 1300)
        if not Player.objects.filter(user_id=user_id).exists()
    ]
    assert least is not None
    assert max(others) <= float(least)


def test_a_nameless_person_gets_the_name_roblox_knows(
    community: World, pull: Pull, nexus: Experience
) -> None:
    community.join(1)
    community.save(1, {"points": 1}, 100)
    community.save(2, {"points": 1}, 100)
    pull("points", nexus)
    names = dict(Player.objects.values_list("user_id", "username"))
    assert names[1] == "citizen_1"
    assert names[2]


def test_two_experiences_are_two_parts_of_one_player(
    community: World, pull: Pull, nexus: Experience
) -> None:

    community.save(1, legacy(10), 1000)
    community.save(1, legacy(5), 500, universe=TRAINING)
    pull("points", nexus)
    pull("points", Experience.objects.get(key="training_site"))
    assert points_of(1) == 15


def old_ko(game: Game, sequence: int) -> dict[str, Any]:
    """Build a KO of an hour ago, so that the next pull closes its gaps.

    It is a minute after the one before.
    """
    at = timezone.now() - dt.timedelta(minutes=60 - sequence)
    more = {"type": "ko", "awarded": 0.25, "total": sequence * 0.25, "occurredAt": at.isoformat()}
    return game.event(session=41, sequence=sequence, **more)


def counts_of(user_id: int) -> tuple[int, int]:
    player = Player.objects.get(user_id=user_id)
    return player.kos, player.wos


def test_kos_beyond_the_stored_sequence_count(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    """A server crashed: its last save has five operations, the events of the last four arrived."""
    for sequence in (6, 7, 8, 9):
        game.send(old_ko(game, sequence))
    community.save(1, ours({"41": {"sequence": 5, "total": 125, "kos": 5}}), 125)
    pull("points", nexus)
    assert (points_of(1), counts_of(1)) == (2.25, (9, 0))
    pull("points", nexus)
    assert counts_of(1) == (9, 0)


def test_kos_known_on_both_sides_count_once_while_a_gap_is_open(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    for sequence in (1, 2, 3, 6, 7, 8, 9):
        game.send(old_ko(game, sequence))
    community.save(1, ours({"41": {"sequence": 5, "total": 125, "kos": 5}}), 125)
    pull("points", nexus)
    assert (points_of(1), counts_of(1)) == (2.25, (9, 0))


def test_counts_of_an_older_record_survive_a_crash(
    community: World, pull: Pull, nexus: Experience, game: Game
) -> None:
    folded = {"through": 40, "total": 1000, "kos": 10, "wos": 2}
    community.save(1, ours({}, folded), 1000)
    pull("points", nexus)
    for sequence in (1, 2, 3):
        game.send(
            game.event(
                session=41, sequence=sequence, type="ko", awarded=0.25, total=sequence * 0.25
            )
        )
    # The game took the session's total from GRPS and folded it. It knows none of the session's KOs.
    community.save(1, ours({}, {"through": 41, "total": 1075, "kos": 10, "wos": 2}), 1075)
    pull("points", nexus)
    assert (points_of(1), counts_of(1)) == (10.75, (13, 2))
