"""Enter the orders of erasure again that came after the backup."""

import datetime as dt
from collections.abc import Sequence

from audits.record import operator
from common import database_clock
from grps_site.recovery import lost_acts
from grps_site.recovery.lost_events import MirroredEvent
from players.models import ErasureOrder
from players.privacy import orders

ACTIONS = frozenset({"erasure.ordered", "player.erased"})


def enter_again(lost: Sequence[MirroredEvent], until: dt.datetime | None) -> list[str]:
    """Order the erasure of every person that the restored database still knows.

    Returns a line for each order. The mirror holds no Roblox ids, so a person who came after
    `until`, the last common moment, is only named by the notification.
    """
    events = [event for event in lost if event.action in ACTIONS]
    players = lost_acts.user_ids(events, until)
    done: set[str] = set()
    lines = []
    for event in events:
        number = _player(event)
        if number and number in done:
            continue  # the erasure follows its order
        done.add(number)
        lines.append(_enter(event, players.get(number)))
    return lines


def _enter(event: MirroredEvent, user_id: int | None) -> str:
    name = str(event.details.get("notification") or f"restored-{event.id}")
    if ErasureOrder.objects.filter(notification_id=name).exists():
        return f"{event.at}  {name}: it is ordered already"
    if user_id is None:
        return (
            f"{event.at}  {name}: find the person in Roblox's message, then `manage.py erasures"
            ' order USER_ID --reason "restored from a backup"`'
        )
    games = [one for one in event.details.get("games", []) if isinstance(one, int)]
    reason = "restored from a backup"
    found, _ = orders.order(
        name, user_id, games, actor=operator(), now=database_clock.now(), reason=reason
    )
    orders.carry_out(found.pk)
    return f"{event.at}  {name}: Roblox user {user_id} is erased again (order {found.pk})"


def _player(event: MirroredEvent) -> str:
    """Return the log's number of the player, "" for a person who was no player here."""
    if event.target.kind == "player":
        return event.target.id
    return str(event.details.get("player") or "")
