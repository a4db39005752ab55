"""The queue that games fill during an outage: everything in it counts once, despite crashes."""

import datetime as dt
import itertools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from players.models import Player
from players.points import consistency
from roblox.models import Experience
from syncs import tasks
from syncs.models import Drift
from syncs.pull import queue
from tests.players.conftest import Game
from tests.roblox_world import NEXUS, World


def put(world: World, *bodies: Any) -> None:
    for body in bodies:
        world.act(
            "enqueue", universeId=NEXUS, queue="GRPS_Events", data=body, priority=0, ttl="600s"
        )


@pytest.fixture
def batch(game: Game) -> Callable[..., dict[str, Any]]:
    def batch(*sequences: int) -> dict[str, Any]:
        return {
            "server": {"placeId": 1, "jobId": "j"},
            "events": [game.event(sequence=n) for n in sequences],
        }

    return batch


def test_what_games_left_is_applied_and_gone(
    community: World, nexus: Experience, batch: Callable[..., dict[str, Any]]
) -> None:
    put(community, batch(1, 2), json.dumps(batch(3)))
    assert tasks.drain_queues() == 2
    assert Player.objects.get().points == 45
    assert tasks.drain_queues() == 0
    assert consistency.verify() == []


def test_a_crash_before_discarding_counts_nothing_twice(
    community: World,
    nexus: Experience,
    batch: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(community, batch(1, 2))

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(queue.queues, "discard", crash)
        with pytest.raises(KeyboardInterrupt):
            queue.drain(nexus, now=timezone.now())
    assert Player.objects.get().points == 30
    assert queue.drain(nexus, now=timezone.now()) == 0  # the items that were read are still hidden
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=timezone.now()) == 1
    assert Player.objects.get().points == 30
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=timezone.now()) == 0


def test_unreadable_items_are_kept_for_staff(
    community: World, nexus: Experience, batch: Callable[..., dict[str, Any]]
) -> None:
    half = batch(1)
    half["events"].append({"userId": "seven"})
    put(community, {"nonsense": True}, "not json", half)
    assert tasks.drain_queues() == 3
    assert Player.objects.get().points == 15
    kept = Drift.objects.filter(aspect="entry", resolved_at=None)
    assert kept.count() == 3
    assert all(row.detail for row in kept)


def test_events_ahead_of_our_clock_wait_and_the_others_count_once(
    community: World, nexus: Experience, batch: Callable[..., dict[str, Any]]
) -> None:
    now = timezone.now()
    early = batch(2)
    early["events"][0]["occurredAt"] = (now + dt.timedelta(hours=1)).isoformat()
    put(community, batch(1), early, {"nonsense": True})
    assert queue.drain(nexus, now=now) == 3
    assert queue.drain(nexus, now=now) == 0
    put(community, batch(3))
    assert queue.drain(nexus, now=now) == 1  # an item that waits stops no other
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=now) == 3
    assert Drift.objects.count() == 1
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=now + dt.timedelta(hours=1)) == 3
    assert Player.objects.get().points == 45
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=now) == 0


def test_a_run_ends_before_it_reads_what_waits_again(
    community: World, nexus: Experience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here each reading takes 25 seconds, and finds something."""
    moments = itertools.count(0, 25)
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    monkeypatch.setattr(queue, "drain", lambda *_, **__: 1)
    Experience.objects.exclude(pk=nexus.pk).update(enabled=False)
    assert tasks.drain_queues() == 2


def test_events_of_a_clock_that_is_wrong_by_days_are_kept_for_staff(
    community: World, nexus: Experience, batch: Callable[..., dict[str, Any]]
) -> None:
    late = batch(1)
    late["events"][0]["occurredAt"] = (timezone.now() + dt.timedelta(days=2)).isoformat()
    put(community, late)
    assert queue.drain(nexus, now=timezone.now()) == 1
    assert "ahead of our clock" in Drift.objects.get(aspect="entry").detail
    community.advance(queue.HIDDEN)
    assert queue.drain(nexus, now=timezone.now()) == 0


def test_while_writing_is_off_no_queue_is_touched(
    community: World, nexus: Experience, batch: Callable[..., dict[str, Any]], settings: Any
) -> None:
    put(community, batch(1))
    settings.ROBLOX_WRITES = False
    assert tasks.drain_queues() == 0
    assert not Player.objects.exists()
