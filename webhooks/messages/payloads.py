"""The public payload of an audit event: its fields, names and sentence.

Names and reasons are read when the message is sent, so that an erased person is not named.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from audits.actions import Action
from audits.queries import PlacedEvent, public
from common.parsing import is_row_id
from players.models import ErasureOrder, Player
from webhooks.messages import sentences
from webhooks.messages.examples import EXAMPLES
from webhooks.messages.sentence import EventFacts, Severity

PROFILE = "https://www.roblox.com/users/{}/profile"


@dataclass(frozen=True, slots=True)
class Payload:
    """One event, ready to be rendered. `user_id`: Roblox id of its player, None without a player."""

    action: str
    at: dt.datetime
    message: str
    severity: Severity
    reason: str
    user_id: int | None
    username: str
    data: Mapping[str, Any]

    @property
    def profile(self) -> str:
        """The player's page on Roblox. "" if the event is about no player."""
        return PROFILE.format(self.user_id) if self.user_id else ""


class Sources:
    """Events with their players, which are read in one query."""

    def __init__(self, events: Iterable[PlacedEvent]) -> None:
        self._events = {event.id: event for event in events}
        ids = {pk for event in self._events.values() if (pk := _player_id(event)) is not None}
        self._players = {
            player.pk: player for player in Player.objects.filter(pk__in=ids, erased_at=None)
        }
        self._erased = _being_erased(self._events.values())

    def request_id(self, event_id: int) -> str:
        """Return the id of the request that caused the event."""
        return self._events[event_id].request_id

    def payload(self, event_id: int) -> Payload:
        """Return the payload of one of the events."""
        event = self._events[event_id]
        payload = _payload(event, self._players.get(_player_id(event) or 0))
        if event_id not in self._erased:
            return payload
        return replace(payload, data={**payload.data, "userId": str(self._erased[event_id])})


def _being_erased(events: Iterable[PlacedEvent]) -> dict[int, int]:
    """Return, by id of a `player.erased` event, the Roblox id of a player whose order is open.

    The log does not hold it. The order holds it until it is carried out everywhere.
    """
    erased = {
        pk: event.id
        for event in events
        if event.action == Action.PLAYER_ERASED and (pk := _player_id(event)) is not None
    }
    if not erased:
        return {}
    orders = ErasureOrder.objects.filter(player__in=erased, status=ErasureOrder.Status.OPEN)
    return {
        erased[pk]: user_id
        for pk, user_id in orders.values_list("player", "user_id")
        if pk is not None and user_id is not None
    }


def for_events(events: Iterable[PlacedEvent]) -> dict[int, Payload]:
    """Return the payloads of these events by event id."""
    events = list(events)
    sources = Sources(events)
    return {event.id: sources.payload(event.id) for event in events}


def example(action: str, now: dt.datetime) -> Payload:
    """Return an invented event of this action. Its player is Roblox, user 1."""
    facts = EventFacts(
        "An officer", "Roblox", "This is an example.", EXAMPLES.get(action, {}), "nexus"
    )
    sentence = sentences.for_action(action)
    return Payload(
        action,
        now,
        "Example: " + sentence.text(facts),
        sentence.severity,
        facts.reason,
        1,
        "Roblox",
        {
            "example": True,
            "id": 0,
            "position": 0,
            "target": {"kind": "player", "id": "0", "userId": 1},
        },
    )


def _player_id(event: PlacedEvent) -> int | None:
    return (
        int(event.target_id)
        if event.target_kind == "player" and is_row_id(event.target_id)
        else None
    )


def _payload(event: PlacedEvent, player: Player | None) -> Payload:
    sentence = sentences.for_action(event.action)
    username = player.username if player else ""
    reason = event.personal.get("reason", "")
    facts = EventFacts(
        _actor(event), username or _target(event), reason, event.details, event.experience
    )
    message = sentence.text(facts)
    data = public(event) | {"reason": reason, "message": message}
    if player:
        target = {
            "kind": "player",
            "id": event.target_id,
            "userId": player.user_id,
            "username": player.username,
        }
        data |= {"target": target}
    if event.target_kind == "endpoint" and "targetName" in event.personal:
        data |= {"details": event.details | {"name": event.personal["targetName"]}}
    return Payload(
        event.action,
        event.at,
        message,
        sentence.severity,
        reason,
        player.user_id if player else None,
        username,
        data,
    )


def _actor(event: PlacedEvent) -> str:
    if event.actor_kind == "system":
        return "GRPS"
    if event.actor_kind == "experience":
        return event.actor_id
    if event.actor_id == "shell":
        return "An operator"  # logins of our machines stay private
    return event.personal.get("actorName", "Somebody")


def _target(event: PlacedEvent) -> str:
    if event.target_kind == "player":
        return "a player who was erased"
    return event.personal.get("targetName") or f"{event.target_kind} {event.target_id}".strip()
