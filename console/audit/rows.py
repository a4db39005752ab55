"""Events as rows of the explorer: a sentence, and links to actor and target."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audits.queries import PlacedEvent, events_by_id
from common.parsing import is_row_id
from console import navigation
from console.players.timeline import TONES
from players.models import Player
from webhooks.messages import payloads

SHELL = "shell"  # id of the actor of management commands


@dataclass(frozen=True, slots=True)
class Party:
    """The actor or target of an event. `address` is empty if it has no page."""

    text: str
    address: str
    find: str


@dataclass(frozen=True, slots=True)
class EventRow:
    event: PlacedEvent
    sentence: str
    tone: str
    actor: Party
    target: Party | None


def rows_of(ids: Sequence[int], *, named: bool) -> list[EventRow]:
    """Return these events as rows in this order, in four queries.

    Without `named`, names and reasons are not read.
    """
    events = events_by_id(ids, personal=named)
    for event in events.values():
        if event.actor_id == SHELL:
            event.personal.pop("actorName", None)  # logins of our machines stay private
    told = payloads.for_events(events.values()) if named else {}
    people = _people(events.values() if named else ())
    return [
        EventRow(
            events[pk],
            told[pk].message if named else events[pk].action,
            TONES[told[pk].severity] if named else "quiet",
            _actor(events[pk], people),
            _target(events[pk], people),
        )
        for pk in ids
    ]


def _people(events: Iterable[PlacedEvent]) -> dict[str, Player]:
    """Return the players who are actor or target of these events, by row id as text."""
    ids: set[str] = set()
    for event in events:
        ids |= {event.actor_id} if event.actor_kind == "staff" else set()
        ids |= {event.target_id} if event.target_kind == "player" else set()
    found = Player.objects.filter(
        pk__in=[int(one) for one in ids if is_row_id(one)], erased_at=None
    )
    return {str(player.pk): player for player in found}


def _actor(event: PlacedEvent, people: dict[str, Player]) -> Party:
    name = event.personal.get("actorName", "")
    player = people.get(event.actor_id) if event.actor_kind == "staff" else None
    if event.actor_id == SHELL:
        name = "an operator"
    address = navigation.player(player.user_id) if player else ""
    return Party(
        name or f"{event.actor_kind} {event.actor_id}",
        address,
        f"{event.actor_kind}:{event.actor_id}",
    )


def _target(event: PlacedEvent, people: dict[str, Player]) -> Party | None:
    if not event.target_kind:
        return None
    player = people.get(event.target_id) if event.target_kind == "player" else None
    name = player.username if player else event.personal.get("targetName", "")
    address = navigation.player(player.user_id) if player else ""
    return Party(
        name or f"{event.target_kind} {event.target_id}",
        address,
        f"{event.target_kind}:{event.target_id}",
    )
