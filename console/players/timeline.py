"""A player's timeline: events, newest first, and the days on which the player earned points.

A page starts after an event and a day, not after a number of rows, so it takes the same number of
queries at any size.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from audits import queries
from audits.queries import PlacedEvent
from console.templatetags.design import counted
from players.actions import undo
from players.actions.inverses import UndoOption
from players.models import Note, Player, Sanction
from webhooks.messages.payloads import Sources
from webhooks.messages.sentence import Severity

SIZE = 30
CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,7})")
NEWEST = 2**62, dt.date.max

# The beginnings of the actions that a filter shows. `ledger` shows the days.
FILTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("Everything", ()),
    "discipline": ("Discipline", ("player.", "warning.", "appeal.", "approval.")),
    "ranks": ("Ranks", ("rank.", "decision.", "player.recommended", "recommendation.")),
    "points": ("Points", ("points.",)),
    "leave": ("Leave", ("leave.",)),
    "notes": ("Notes", ("player.noted", "note.")),
    "roblox": ("Roblox", ("mirror.", "member.", "drift.")),
    "ledger": ("Earned by day", ()),
}
TONES = {
    Severity.INFO: "quiet",
    Severity.GOOD: "good",
    Severity.NOTICE: "notice",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "critical",
}

# A refused act says something of the person who tried it: it is in the audit log alone.
HIDDEN = ["act.refused"]
NOISE = ["mirror.confirmed"]  # shown under Roblox alone
EVENTS = """
    SELECT id FROM audits WHERE target_kind = 'player' AND target_id = %s AND id < %s
      AND action <> ALL(%s) {which} ORDER BY id DESC LIMIT """

DAYS = f"""
    SELECT d.day, sum(d.awarded), sum(d.events), string_agg(d.origin, ', ' ORDER BY d.origin) FROM daily_points d
    LEFT JOIN experience_points e ON e.player_id = d.player_id AND e.origin = d.origin
    WHERE d.player_id = %s AND d.day < %s AND coalesce(e.counted, true)
    GROUP BY d.day ORDER BY d.day DESC LIMIT {SIZE + 1}"""

# By endpoints, which are few, since the index of deliveries begins with the endpoint.
DELIVERED = """
    SELECT d.event_id, count(*), count(*) FILTER (WHERE d.status = 'delivered')
    FROM webhook_endpoints e JOIN webhook_deliveries d ON d.endpoint_id = e.id AND d.event_id = ANY(%s::bigint[])
    GROUP BY d.event_id"""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry: an event (`event`), or the points of a day (`day`)."""

    at: dt.datetime
    sentence: str
    tone: str
    event: PlacedEvent | None = None
    day: dt.date | None = None
    note: Note | None = None
    sanction: Sanction | None = None
    told: tuple[int, int] | None = None
    offer: UndoOption | None = None

    @property
    def pardonable(self) -> bool:
        """True for a warning that is not lifted."""
        return (
            self.sanction is not None
            and self.sanction.kind == "warning"
            and self.sanction.lifted_at is None
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page. `older` is the cursor of the next page, "" on the last."""

    entries: Sequence[TimelineEntry]
    older: str


def timeline(player: Player, which: str, cursor: str) -> Timeline:
    """Return a page of a player's timeline, with one of FILTERS.

    An invalid cursor gives the first page.
    """
    before, day = _place(cursor)
    events = [] if which == "ledger" else _events(player, which, before)
    days = _days(player, day) if which in {"", "ledger"} else []
    merged = sorted([*events, *days], key=lambda entry: entry.at, reverse=True)
    shown = merged[:SIZE]
    last_event = next((entry.event.id for entry in reversed(shown) if entry.event), before)
    last_day = next((entry.day for entry in reversed(shown) if entry.day), day)
    older = f"{last_event}.{last_day.toordinal()}" if len(merged) > SIZE else ""
    return Timeline(shown, older)


def _events(player: Player, which: str, before: int) -> list[TimelineEntry]:
    beginnings = FILTERS.get(which, FILTERS[""])[1]
    clause = "AND action LIKE ANY(%s)" if beginnings else ""
    patterns = [[f"{beginning}%" for beginning in beginnings]] if beginnings else []
    hidden = HIDDEN if which == "roblox" else HIDDEN + NOISE
    with connection.cursor() as cursor:
        cursor.execute(
            f"{EVENTS.format(which=clause)}{SIZE + 1:d}",
            [str(player.pk), before, hidden, *patterns],
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(DELIVERED, [ids])
        told = {event: (done, count) for event, count, done in cursor.fetchall()}
    found = queries.events_by_id(ids)
    sources = Sources(found.values())
    offers = undo.options(found.values())
    notes = {note.event: note for note in Note.objects.filter(event__in=ids)}
    sanctions = {
        sanction.event: sanction
        for sanction in Sanction.objects.filter(player=player, event__in=ids)
    }
    entries = []
    for pk in ids:
        happening = sources.payload(pk)
        entries.append(
            TimelineEntry(
                happening.at,
                happening.message,
                TONES[happening.severity],
                event=found[pk],
                note=notes.get(pk),
                sanction=sanctions.get(pk),
                told=told.get(pk),
                offer=offers[pk],
            )
        )
    return entries


def _days(player: Player, before: dt.date) -> list[TimelineEntry]:
    with connection.cursor() as cursor:
        cursor.execute(DAYS, [player.pk, before])
        rows: list[tuple[dt.date, Decimal, int, str]] = cursor.fetchall()
    return [
        TimelineEntry(
            dt.datetime.combine(day, dt.time.max, dt.UTC),
            f"Earned {awarded:,} points in {where} ({counted(events, 'award')}).",
            "quiet",
            day=day,
        )
        for day, awarded, events, where in rows
    ]


def _place(cursor: str) -> tuple[int, dt.date]:
    found = CURSOR.fullmatch(cursor)
    ordinal = int(found[2]) if found else 0
    if not found or not 1 <= ordinal <= dt.date.max.toordinal():
        return NEWEST
    return int(found[1]), dt.date.fromordinal(ordinal)
