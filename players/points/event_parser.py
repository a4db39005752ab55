"""Parse the body of ``POST /roblox/events`` into typed events, and results for broken items.

Each item is parsed alone, so a broken item does not affect the others.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec

from common.amounts import NotAnAmount, hundredths_of
from common.time import micros
from common.visible_text import clean_name
from players.activity import reports
from players.activity.reports import (
    MAX_ITEMS,
    ActivityIn,
    RejectedMinutes,
    ReportedMinutes,
    ServerKind,
)
from players.experiences import origins

MAX_EVENTS = 500
BIGINT = 2**63 - 1
MOST_POINTS = 100_000_000_00  # hundredths: a whole batch of such events still fits into every sum
WHOLE = 2**53  # up to here a double represents every whole number exactly
CLOCK_SKEW = dt.timedelta(minutes=5)  # a game server's clock may be this far ahead of ours
EARLIEST = dt.datetime(
    2006, 9, 1, tzinfo=dt.UTC
)  # Roblox opened; an earlier date means a wrong clock
TYPE = re.compile(r"[a-z][a-z0-9_.]{0,39}")

UserId = Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class Server(msgspec.Struct, frozen=True, rename="camel"):
    """The sending game server: its place and its job.

    `private_server` and `studio` apply to every event that does not set its own value.
    """

    place_id: Annotated[int, msgspec.Meta(ge=0, le=BIGINT)]
    job_id: Annotated[str, msgspec.Meta(max_length=100)]
    private_server: bool = False
    studio: bool = False


class EventIn(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One event as sent.

    `awarded` and `total` are points with at most two decimals. `duration` is in seconds.
    `private_server` and `studio` describe the server where it happened, since another server may
    deliver it. Without them the batch's values apply.
    """

    user_id: UserId
    username: Name
    session: Annotated[int, msgspec.Meta(ge=0, le=BIGINT)]
    sequence: Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    awarded: float
    total: float
    occurred_at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    magnitude: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    duration: Annotated[int, msgspec.Meta(ge=0, le=604_800)] | None = None
    actor_user_id: UserId | None = None
    display_name: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    private_server: bool | None = None
    studio: bool | None = None


class Envelope(msgspec.Struct, frozen=True):
    server: Server
    events: list[msgspec.Raw]
    activity: list[Any] = []


class BatchAsSent(msgspec.Struct, frozen=True):
    server: Server
    events: list[Any]
    activity: list[Any] = []


class BatchIn(msgspec.Struct, frozen=True):
    """The body of a batch. An item of any other shape gets its own result.

    `activity`: the active minutes of sessions, as they stand now.
    """

    server: Server
    events: Annotated[list[EventIn | Any], msgspec.Meta(max_length=MAX_EVENTS)]
    activity: Annotated[list[ActivityIn | Any], msgspec.Meta(max_length=MAX_ITEMS)] = []


class ReportedEvent(NamedTuple):
    """One well-formed event: amounts in whole hundredths, `micros` is `at` since 1970.

    `item`: its index in the batch. `apart`: `origins.PRIVATE` or `origins.STUDIO` if it happened on
    such a server.
    """

    item: int
    user_id: int
    username: str
    display_name: str
    session: int
    sequence: int
    type: str
    magnitude: int
    duration: int | None
    actor_user_id: int | None
    awarded: int
    total: int
    at: dt.datetime
    micros: int
    apart: str = ""

    @property
    def key(self) -> tuple[int, int, int]:
        return self.user_id, self.session, self.sequence


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The result for one item of a batch."""

    index: int
    code: str
    detail: str


@dataclass(slots=True)
class Batch:
    server: Server
    events: list[ReportedEvent] = field(default_factory=list)
    rejected: list[ItemResult] = field(default_factory=list)
    activity: list[ReportedMinutes] = field(default_factory=list)
    rejected_activity: list[RejectedMinutes] = field(default_factory=list)

    @property
    def reports(self) -> list[ReportedEvent | ReportedMinutes]:
        return [*self.events, *self.activity]

    @property
    def user_ids(self) -> set[int]:
        return {one.user_id for one in self.reports}


class BadBatch(Exception):
    """The body as a whole cannot be parsed. The text names the field and the fix."""


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= WHOLE else value


_envelope = msgspec.json.Decoder(Envelope)
_event = msgspec.json.Decoder(EventIn)
_plain = msgspec.json.Decoder(float_hook=_number)


def parse(body: bytes, now: dt.datetime) -> Batch:
    """Parse a batch of at most MAX_EVENTS events.

    Raises BadBatch if the envelope is not JSON or has the wrong shape. A broken item is added to
    `rejected`.
    """
    try:
        envelope = _read_envelope(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadBatch(f"The body is not a batch of events: {_sentence(error)}") from None
    if "\0" in envelope.server.job_id:
        raise BadBatch("server.jobId: holds a NUL character; leave it out.")
    if len(envelope.events) > MAX_EVENTS:
        raise BadBatch(
            f"events: {len(envelope.events)} items; send at most {MAX_EVENTS} at a time."
        )
    if len(envelope.activity) > MAX_ITEMS:
        raise BadBatch(
            f"activity: {len(envelope.activity)} items; send at most {MAX_ITEMS} at a time."
        )
    batch = Batch(envelope.server)
    kind = ServerKind(batch.server.private_server, batch.server.studio)
    batch.activity, batch.rejected_activity = reports.read(envelope.activity, now, kind)
    latest = now + CLOCK_SKEW
    for index, raw in enumerate(envelope.events):
        found = _read_item(index, raw, latest, batch.server)
        if isinstance(found, ReportedEvent):
            batch.events.append(found)
        else:
            batch.rejected.append(found)
    return batch


def _read_envelope(body: bytes) -> Envelope:
    try:
        return _envelope.decode(body)
    except msgspec.ValidationError:
        # The only fault may be a whole number written as 5.0, which is valid JSON for 5. The slower
        # decoder accepts it.
        document = msgspec.convert(_plain.decode(body), BatchAsSent)
        return Envelope(
            document.server,
            [msgspec.Raw(msgspec.json.encode(item)) for item in document.events],
            document.activity,
        )


def _read_event(raw: msgspec.Raw) -> EventIn:
    try:
        return _event.decode(raw)
    except msgspec.ValidationError:
        return msgspec.convert(_plain.decode(raw), EventIn)


def _read_item(
    index: int, raw: msgspec.Raw, latest: dt.datetime, server: Server
) -> ReportedEvent | ItemResult:
    try:
        event = _read_event(raw)
        awarded, total = hundredths_of(event.awarded), hundredths_of(event.total)
    except NotAnAmount as error:
        return ItemResult(index, "INVALID", f"awarded or total {error}.")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return ItemResult(index, "INVALID", _sentence(error))
    if fault := _fault(event, max(abs(awarded), abs(total)), latest):
        return ItemResult(index, *fault)
    username = clean_name(event.username)
    if not username:
        return ItemResult(index, "INVALID", "username: nothing of it is visible.")
    return ReportedEvent(
        index,
        event.user_id,
        username,
        clean_name(event.display_name or ""),
        event.session,
        event.sequence,
        event.type,
        event.magnitude,
        event.duration,
        event.actor_user_id,
        awarded,
        total,
        event.occurred_at,
        micros(event.occurred_at),
        _apart(event, server),
    )


def _fault(event: EventIn, largest: int, latest: dt.datetime) -> tuple[str, str] | None:
    """Return code and text of a fault that the schema cannot express, or None."""
    if largest > MOST_POINTS:
        return "INVALID", f"awarded or total is past {MOST_POINTS // 100:,} points."
    if event.occurred_at > latest:
        why = "occurredAt is more than 5 minutes ahead of our clock; send the event again later."
        return "TOO_EARLY", why
    if event.occurred_at < EARLIEST:
        return "OCCURRED_AT", "occurredAt is before Roblox existed; check the game server's clock."
    if not TYPE.fullmatch(event.type):
        return "INVALID", "type: use lower-case letters, digits, `_` and `.`, a letter first."
    if "\0" in event.username or (event.display_name and "\0" in event.display_name):
        return "INVALID", "username or displayName holds a NUL character; leave it out."
    return None


def _apart(event: EventIn, server: Server) -> str:
    if server.studio if event.studio is None else event.studio:
        return origins.STUDIO
    private = server.private_server if event.private_server is None else event.private_server
    return origins.PRIVATE if private else ""


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    return f"{error}."
