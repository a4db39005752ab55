"""Write the rows of an award, and of its undo: ledger, sessions, days, players and marks.

A hosted event is a session of the origin HOSTED. An undo is its next row, at the moment of the
award, so it takes the award out of that day.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from common.pg_arrays import numbers, texts
from common.pipeline import Sent, pipeline
from common.time import micros
from players.active_policy import active
from players.hosted_events.shares import Share
from players.locking import PlayerRow
from players.models import HostedEvent
from players.moderation.actors import Staff
from players.points import session_totals
from players.points.event_parser import ReportedEvent
from players.points.ledger import LedgerBatch
from players.policy.counters import EMPTY, SessionKey, SessionTotal
from players.policy.hosting import HOSTED

MARK = """
    UPDATE {table} a SET awarded = c.amount * 0.01 FROM unnest(%s::bigint[], %s::bigint[]) AS c(player, amount)
    WHERE a.event_id = %s AND a.player_id = c.player"""
NOTE = """
    UPDATE hosted_event_attendances a SET note = c.note FROM unnest(%s::bigint[], %s::text[]) AS c(player, note)
    WHERE a.event_id = %s AND a.player_id = c.player"""
TAKE_FROM_DAY = """
    UPDATE daily_points d SET awarded = greatest(0, d.awarded - c.amount * 0.01), events = d.events + 1
    FROM unnest(%s::bigint[], %s::bigint[]) AS c(player, amount)
    WHERE d.player_id = c.player AND d.origin = %s AND d.day = %s"""
ATTENDANCES, HOSTS = "hosted_event_attendances", "hosted_event_hosts"


@dataclass(frozen=True, slots=True)
class Writing:
    """One award or undo while it is written. `id`: of its audit event. `at`: of its rows."""

    event: HostedEvent
    id: int
    by: Staff
    at: dt.datetime
    now: dt.datetime
    players: Mapping[int, PlayerRow]

    @property
    def batch(self) -> LedgerBatch:
        return LedgerBatch(HOSTED, self.id, self.players)

    def keys(self, shares: Iterable[Share]) -> list[SessionKey]:
        return [(share.player.id, self.event.pk) for share in shares]


def award(writing: Writing, shares: Sequence[Share]) -> str:
    """Write what the shares give, and return the digest of the ledger's rows."""
    rows, changes = _append(writing, shares, sign=1)
    with pipeline():
        session_totals.write(changes, HOSTED)
        days = writing.batch.add_days(rows, active().bundle.points.counters)
        written = _send_points(writing, shares)
        days.read()
        written.read()
    return writing.batch.digest(rows)


def undo(writing: Writing, shares: Sequence[Share]) -> str:
    """Write the opposite of what the shares gave, and return the digest of the ledger's rows."""
    rows, changes = _append(writing, shares, sign=-1)
    ids, amounts = [share.player.id for share in shares], [share.amount for share in shares]
    with pipeline():
        session_totals.write(changes, HOSTED)
        written = _send_points(writing, shares)
        written.read()
    with connection.cursor() as cursor:
        day = writing.at.astimezone(dt.UTC).date()
        cursor.execute(TAKE_FROM_DAY, [numbers(ids), numbers(amounts), HOSTED, day])
    return writing.batch.digest(rows)


def mark(event: HostedEvent, table: str, shares: Sequence[Share]) -> None:
    """Store what each attendee or host was awarded."""
    if not shares:
        return
    ids, amounts = [share.player.id for share in shares], [share.amount for share in shares]
    with connection.cursor() as cursor:
        cursor.execute(MARK.format(table=table), [numbers(ids), numbers(amounts), event.pk])


def note(event: HostedEvent, skipped: Mapping[int, str]) -> None:
    """Store why attendees were awarded nothing."""
    if not skipped:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [numbers(skipped), texts(skipped.values()), event.pk])


def _append(
    writing: Writing, shares: Sequence[Share], *, sign: int
) -> tuple[Sequence[ReportedEvent], dict[SessionKey, session_totals.SessionChange]]:
    before = session_totals.send_read(writing.keys(shares), HOSTED).read()
    rows = [
        _row(writing, share, sign * share.amount, before.get((share.player.id, writing.event.pk)))
        for share in shares
    ]
    actors = {writing.by.user_id: _actor_id(writing.by)} if writing.by.user_id else {}
    landed = writing.batch.append(rows, {k: v for k, v in actors.items() if v is not None})
    return landed, session_totals.merge_landed(landed, before, writing.batch)


def _actor_id(by: Staff) -> int | None:
    """Return our id of whoever awards, if they are a player."""
    kind, _, number = by.actor.subject.partition(":")
    return int(number) if kind == "player" and number.isdigit() else None


def _row(writing: Writing, share: Share, amount: int, before: SessionTotal | None) -> ReportedEvent:
    known, player = before or EMPTY, share.player
    return ReportedEvent(
        item=0,
        user_id=player.user_id,
        username=player.username,
        display_name=player.display_name,
        session=writing.event.pk,
        sequence=known.sequence + 1,
        type=share.type,
        magnitude=1,
        duration=share.seconds,
        actor_user_id=writing.by.user_id,
        awarded=amount,
        total=known.total + amount,
        at=writing.at,
        micros=micros(writing.at),
    )


def _send_points(writing: Writing, shares: Iterable[Share]) -> Sent[None]:
    touched = [share.player for share in shares]
    return writing.batch.add_to_players(touched, writing.now, counts=True)
