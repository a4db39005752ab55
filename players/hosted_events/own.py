"""What one person attended and hosted, for their own page and for public ones."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from players.hosted_events import kinds, lookup
from players.models import HostedEvent, Player


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """One event that a person attended or hosted. `minutes`: present, None for a host."""

    id: int
    kind: str
    title: str
    experience: str
    started_at: dt.datetime
    hosted: bool
    minutes: int | None
    awarded: Decimal | None
    status: str


def events_of(player: Player, most: int = 20) -> list[OwnEvent]:
    """Return the newest events that a player attended or hosted, newest first."""
    attended = lookup.attended_by(player).filter(attended=True, struck_by="")[:most]
    hosted = lookup.hosted_by(player)[:most]
    rows = [_own(row.event, row.seconds // 60, row.awarded, hosted=False) for row in attended]
    rows += [_own(row.event, None, row.awarded, hosted=True) for row in hosted]
    return sorted(rows, key=attrgetter("started_at"), reverse=True)[:most]


def _own(
    event: HostedEvent, minutes: int | None, awarded: Decimal | None, *, hosted: bool
) -> OwnEvent:
    assert event.started_at is not None
    return OwnEvent(
        event.pk,
        event.kind,
        kinds.title_of(event.kind),
        event.experience,
        event.started_at,
        hosted,
        minutes,
        awarded,
        str(event.status),
    )
