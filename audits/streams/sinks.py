"""Mirrors of the log: a Redis stream and a file of JSON lines. Each knows its own end."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from audits.queries import PlacedEvent, public
from common import append_only_files

TIMEOUT = 5.0  # seconds for an answer; the next sweep tries a slower mirror again


class MirrorError(Exception):
    """The mirror cannot go on. The text says why, and what to do."""


class Checkpoint(msgspec.Struct, frozen=True):
    """The last event that a mirror holds, as written there."""

    position: int
    id: int
    at: str


class OpenSink(Protocol):
    """An open mirror. `position` is its end, 0 if it holds nothing.

    `checkpoint` is its last event, if it has one.
    """

    position: int
    checkpoint: Checkpoint | None

    def append(self, events: Sequence[PlacedEvent]) -> None:
        """Write all events, or the first ones: never one without those before it.

        Raises as `open` does.
        """

    def forget(self, positions: Sequence[int]) -> None:
        """Remove what was written of these events, which were redacted."""


class Sink(Protocol):
    """A configured mirror."""

    @property
    def name(self) -> str: ...

    @property
    def rotates(self) -> bool:
        """Whether others may empty the mirror legitimately."""

    def open(self) -> AbstractContextManager[OpenSink]:
        """Open the mirror. Raises MirrorError, RedisError or OSError."""

    def begin(self, known: int, head: int) -> int:
        """Return the position after which to begin if it is empty. `known` was its last end."""

    def set_aside(self, stamp: str) -> Iterator[tuple[str, str]]:
        """Rename a mirror of another history. Yields the old and the new name, if it exists."""


@dataclass(frozen=True, slots=True)
class RedisSink:
    """A stream whose entry ids are `<position>-0`, so that the server itself refuses a repeat."""

    url: str
    key: str
    length: int  # approximate number of entries to keep; 0: all
    name: str = "redis"
    rotates: bool = False

    @contextmanager
    def open(self) -> Iterator["OpenRedisStream"]:
        # No retries: a write that was done but not answered would be sent again.
        client: redis.Redis = redis.Redis.from_url(
            self.url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        with closing(client):
            yield OpenRedisStream(client, self)

    def begin(self, known: int, head: int) -> int:
        return max(0, head - self.length) if self.length else 0

    def set_aside(self, stamp: str) -> Iterator[tuple[str, str]]:
        kept = f"{self.key}:before-restore-{stamp}"
        with closing(redis.Redis.from_url(self.url, socket_timeout=TIMEOUT)) as client:
            if client.exists(self.key):
                client.rename(self.key, kept)
                yield self.key, kept


class OpenRedisStream:
    def __init__(self, client: redis.Redis, sink: RedisSink) -> None:
        self._client, self._sink = client, sink
        self.position, self.checkpoint = self._end(client)

    def append(self, events: Sequence[PlacedEvent]) -> None:
        """Write all events in one transaction on a watched key.

        If the stream was emptied or another process wrote, the transaction fails before a gap
        arises.
        """
        sink = self._sink
        with self._client.pipeline() as pipe:
            pipe.watch(sink.key)  # type: ignore[no-untyped-call]
            if self._end(pipe)[0] != self.position:
                raise MirrorError(
                    f"The stream {sink.key} was written or emptied meanwhile; the next run looks again."
                )
            pipe.multi()
            for event in events:
                pipe.xadd(
                    sink.key,
                    _fields(event),
                    id=f"{event.position}-0",
                    maxlen=sink.length or None,
                )
            pipe.execute()
        self.position = events[-1].position

    def forget(self, positions: Sequence[int]) -> None:
        self._client.xdel(self._sink.key, *(f"{position}-0" for position in positions))

    def _end(self, client: redis.Redis) -> tuple[int, Checkpoint | None]:
        try:
            info: Any = client.xinfo_stream(self._sink.key)
        except redis.ResponseError as error:
            if "no such key" in str(error):
                return 0, None
            raise
        last = int(bytes(info["last-generated-id"]).partition(b"-")[0])
        entry = info["last-entry"]
        return last, _checkpoint(
            entry[1].get(b"event", b""), f"the stream {self._sink.key}"
        ) if entry else None


@dataclass(frozen=True, slots=True)
class FileSink:
    """JSON lines in a file that others may rotate."""

    path: Path
    name: str = "jsonl"
    rotates: bool = True

    @contextmanager
    def open(self) -> Iterator["OpenFile"]:
        with append_only_files.appending(self.path) as file:
            yield OpenFile(file, self.path)

    def begin(self, known: int, head: int) -> int:
        return min(known, head)

    def set_aside(self, stamp: str) -> Iterator[tuple[str, str]]:
        if self.path.exists():
            kept = self.path.rename(self.path.with_name(f"{self.path.name}.before-restore-{stamp}"))
            yield str(self.path), str(kept)


class OpenFile:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        line = append_only_files.last_line(file)
        self.checkpoint = _checkpoint(line, str(path)) if line is not None else None
        self.position = self.checkpoint.position if self.checkpoint else 0

    def append(self, events: Sequence[PlacedEvent]) -> None:
        self._file.write(lines(events))
        append_only_files.keep(self._file)
        self.position = events[-1].position

    def forget(self, positions: Sequence[int]) -> None:
        wanted = set(positions)
        append_only_files.overwrite(
            self._file,
            self._path,
            lambda line: _forgotten(_checkpoint(line, str(self._path)), line, wanted),
        )


def _forgotten(checkpoint: Checkpoint, line: bytes, wanted: set[int]) -> bytes | None:
    """Return the line that replaces a redacted one, None if the line stays.

    It has the same length, so that a program that follows the file by bytes is not disturbed.
    """
    if checkpoint.position not in wanted:
        return None
    left = msgspec.json.encode(checkpoint)[:-1] + b',"redacted":true}'
    return left + b" " * (len(line) - len(left))


def lines(events: Sequence[PlacedEvent]) -> bytes:
    """Return the public part of each event as one line of JSON."""
    return b"".join(msgspec.json.encode(public(event)) + b"\n" for event in events)


def _fields(event: PlacedEvent) -> dict[Any, Any]:
    return {
        "event": msgspec.json.encode(public(event)),
        "action": event.action,
        "position": event.position,
    }


def _checkpoint(text: bytes, where: str) -> Checkpoint:
    try:
        return msgspec.json.decode(text, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MirrorError(
            f"What {where} holds last is no event of this log: take it away, or mirror to another one."
        ) from None
