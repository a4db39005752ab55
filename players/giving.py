"""Events that officers give in a game: the game counts them, by the policy; whether they may is judged here."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import record
from players import guard
from players.acts import Done, locked, target_of, telling_refusals, verdict
from players.amounts import points
from players.policies import active
from players.policy.permissions import Act
from players.staff import NotAllowed, Refused, Staff

INSTEAD = "Adjust their points instead: a second person can approve that."


def give(user_id: int, event: str, *, by: Staff, reason: str, now: dt.datetime, experience: str) -> Done:
    """Let a game count one event for a player. What it is worth is taken from the day's limit of the officer, whatever
    the player's caps leave of it. Raises Refused past the limit, since a game holds nothing back, and NotAllowed."""
    kind = active().bundle.points.events.get(event)
    if kind is None or kind.recommends or kind.weight is None:
        raise Refused("event: say one of the policy's, as training; a recommendation has a command of its own.")
    amount = abs(kind.weight)
    with telling_refusals(Act.ADJUST, user_id, by), transaction.atomic():
        tripped = guard.is_tripped(by, now)
        player = locked(user_id)
        found = verdict(Act.ADJUST, player, by, now=now, amount=amount)
        if not found.allowed:
            raise NotAllowed(found.reason)
        if tripped:
            raise Refused(f"You acted too often in a short time. {INSTEAD}")
        if found.second:
            raise Refused(f"{found.reason} {INSTEAD}")
        guard.note(by, now, spent=points(amount))
        written = record(
            Action.EVENT_GIVEN,
            actor=by.actor,
            target=target_of(player),
            reason=reason,
            experience=experience,
            details={"event": event, "amount": f"{points(amount):.2f}"},
        )
    return Done(f"{player.username} is given {event}.", written, player=player)
