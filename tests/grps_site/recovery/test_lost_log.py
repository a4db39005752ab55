"""Lost events are found in every mirror, and only people who surely are the same are erased."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from django.db import connection

from audits import queries
from audits.record import reserve_id
from audits.streams import publisher
from audits.streams.sinks import RedisSink
from grps_site.recovery import lost_acts, lost_erasures, lost_events, sequences
from grps_site.recovery.lost_events import MirroredEvent, Party
from players.models import ErasureOrder, Player, Rank

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
LATE = 10**9  # an id that no test reaches


def event(number: int, action: str = "player.warned", **changes: Any) -> MirroredEvent:
    at = f"2026-11-30T12:00:{number % 60:02}.000000Z"
    made = MirroredEvent(number, number, at, action, Party("staff", "5"), Party("player", "1"))
    return msgspec.structs.replace(made, **changes)


def written(path: Path, *events: MirroredEvent) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in events) + b'{"torn')
    return path


@pytest.fixture
def stream(settings: Any) -> Iterator["redis.Redis"]:
    settings.AUDIT_STREAM_URL = settings.REDIS_URL
    settings.AUDIT_STREAM_KEY = f"tests:{uuid.uuid4().hex}"
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
        client.delete(*client.keys(f"{settings.AUDIT_STREAM_KEY}*"))


def test_files_and_stream_are_read_behind_the_common_position(
    tell: Callable[..., int],
    stream: "redis.Redis",
    settings: Any,
    tmp_path: Path,
) -> None:
    known = queries.events_by_id([tell()], personal=False)
    (kept,) = known.values()
    same = event(kept.id, at=queries.at_text(kept))
    other = event(kept.id + 5)
    rotated = written(tmp_path / "log.1", event(3), event(LATE + 1))
    present = written(tmp_path / "log", same, other)
    for one in (other, event(LATE + 2)):
        fields: dict[Any, Any] = {"event": msgspec.json.encode(one)}
        stream.xadd(settings.AUDIT_STREAM_KEY, fields, id=f"{one.position}-0")
    found = lost_events.find(3, [rotated, present])
    assert {one.id for one in found} == {LATE + 1, LATE + 2, kept.id + 5}


def test_an_event_of_the_same_number_but_another_time_is_lost(
    tell: Callable[..., int],
    tmp_path: Path,
) -> None:
    number = tell()  # after the restore, it took the number of a lost event
    (found,) = lost_events.find(0, [written(tmp_path / "log", event(number))])
    assert found.id == number


def test_a_stream_of_another_history_is_renamed(stream: "redis.Redis", settings: Any) -> None:
    stream.xadd(settings.AUDIT_STREAM_KEY, {"event": b"{}"}, id="7-0")
    (sink,) = (one for one in publisher.configured() if isinstance(one, RedisSink))
    ((old, kept),) = sink.set_aside("now")
    assert (stream.exists(old), stream.exists(kept)) == (0, 1)
    assert list(sink.set_aside("now")) == []


@pytest.fixture
def known(bootstrapped: None) -> Player:
    made: Player = Player.objects.create(
        user_id=501,
        username="known",
        rank=Rank.objects.get(name="Initiate"),
        rank_since=NOW,
        named_at=NOW,
    )
    made.refresh_from_db()
    return made


def test_somebody_from_before_is_erased_again_once(known: Player) -> None:
    lost = [
        event(
            1,
            "erasure.ordered",
            target=Party("erasure", "1"),
            details={"player": known.pk, "notification": "message-1"},
        ),
        event(2, "player.erased", target=Party("player", str(known.pk))),
    ]
    later = known.created_at + dt.timedelta(seconds=1)
    (line,) = lost_erasures.enter_again(lost, later)
    assert "message-1: Roblox user 501 is erased again" in line
    assert Player.objects.get(pk=known.pk).erased_at is not None
    (line,) = lost_erasures.enter_again(lost, later)
    assert "it is ordered already" in line
    assert ErasureOrder.objects.count() == 1


def test_a_number_given_again_after_the_restore_erases_nobody(known: Player) -> None:
    lost = [event(1, "player.erased", target=Party("player", str(known.pk)))]
    earlier = known.created_at - dt.timedelta(seconds=1)
    (line,) = lost_erasures.enter_again(lost, earlier)
    assert "find the person in Roblox's message" in line
    assert Player.objects.get(pk=known.pk).erased_at is None


def test_every_order_for_somebody_who_was_no_player_is_listed(db: None) -> None:
    lost = [
        event(
            number,
            "erasure.ordered",
            target=Party("erasure", str(number)),
            details={"player": None, "notification": f"m-{number}"},
        )
        for number in (1, 2)
    ]
    first, second = lost_erasures.enter_again(lost, NOW)
    assert "m-1: find the person" in first
    assert "m-2: find the person" in second


def test_acts_that_took_rights_away_come_first(db: None) -> None:
    lost = [
        event(1),
        event(2, "key.revoked"),
        event(3, "staff.signed_in"),
        event(4, "rank.promoted", actor=Party("system", "ranks")),
    ]
    assert [one.action for one in lost_acts.staff_acts(lost)] == ["key.revoked", "player.warned"]
    assert lost_acts.others(lost) == ["1 x rank.promoted", "1 x staff.signed_in"]


def test_sequences_move_past_the_lost_events(db: None) -> None:
    before = reserve_id()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('sanctions_id_seq')")
        sanction = cursor.fetchone()[0]
        assert sequences.jump(before + 5000) > 20
        cursor.execute("SELECT nextval('sanctions_id_seq')")
        assert cursor.fetchone()[0] > sanction + sequences.JUMP
    assert reserve_id() > before + 5000


def test_sequences_of_integers_move_less(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE made_by_a_test AS integer START 7")
        sequences.jump(0)
        cursor.execute("SELECT nextval('made_by_a_test')")
        assert cursor.fetchone()[0] == 7 + sequences.SHORT_JUMP + 1
