"""The state of one batch while it is written into the ledger. Each step adds its results."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from players.active_policy import ActivePolicy
from players.locking import PlayerRow
from players.points.event_parser import ReportedEvent
from players.points.ledger import DayChange, LedgerBatch
from players.points.session_totals import SessionChange
from players.policy.counters import SessionKey, SessionTotal
from players.quarantines.detection import BatchTally
from players.quarantines.isolation import Isolation


@dataclass(frozen=True, slots=True)
class Destination:
    """The origin of a batch's rows, whether they count, and the quarantine that holds them."""

    origin: str
    counts: bool
    quarantine: int | None = None


@dataclass(frozen=True, slots=True)
class Officer:
    """A player named as the actor of an event: our id, their rank's id and their membership."""

    id: int
    rank_id: int
    member: str


@dataclass(slots=True)
class BatchState:
    """One batch of locked players. Keys are Roblox user ids (`players`, `officers`) or our ids."""

    id: int  # id of the batch's audit event
    destination: Destination
    isolation: Isolation
    policy: ActivePolicy
    events: Sequence[ReportedEvent]
    players: dict[int, PlayerRow]
    officers: dict[int, Officer] = field(default_factory=dict)
    # Counted moments within a cooldown of the batch's own events, by type and player id.
    counted: dict[str, dict[int, list[dt.datetime]]] = field(default_factory=dict)
    before: dict[SessionKey, SessionTotal] = field(default_factory=dict)
    landed: Sequence[ReportedEvent] = ()
    changes: dict[SessionKey, SessionChange] = field(default_factory=dict)
    days: dict[tuple[int, dt.date], DayChange] = field(default_factory=dict)
    tally: BatchTally = field(
        default_factory=BatchTally
    )  # counts for the quarantine limits of its key

    @property
    def ledger(self) -> LedgerBatch:
        return LedgerBatch(self.destination.origin, self.id, self.players)

    def player_of(self, event: ReportedEvent) -> PlayerRow:
        return self.players[event.user_id]

    def officer_of(self, event: ReportedEvent) -> Officer | None:
        return self.officers.get(event.actor_user_id) if event.actor_user_id else None

    def session_of(self, event: ReportedEvent) -> SessionKey:
        return self.players[event.user_id].id, event.session

    def level_of(self, event: ReportedEvent) -> str | None:
        """Return the level of the officer who is the event's actor."""
        officer = self.officer_of(event)
        rank = self.policy.ranks.get(officer.rank_id) if officer else None
        return rank.level if rank else None

    def touched(self) -> list[PlayerRow]:
        """Return the players with new rows, and add the new KOs and WOs to them."""
        counters = self.policy.bundle.points.counters
        touched: dict[int, PlayerRow] = {}
        for event in self.landed:
            player = touched.setdefault(event.user_id, self.players[event.user_id])
            counter = counters.get(event.type)
            if counter == "kos":
                player.kos += event.magnitude
            elif counter == "wos":
                player.wos += event.magnitude
        return list(touched.values())
