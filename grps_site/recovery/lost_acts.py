"""Put the lost events into words, so that staff can enter their acts again."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence

from grps_site.recovery.lost_events import MirroredEvent
from players.models import Player

# What took rights away from somebody. Until it is done again, they have them.
URGENT = frozenset(
    {
        "access.revoked",
        "key.revoked",
        "key.rotated",
        "secret.rotated",
        "session.ended",
        "staff.unlinked",
        "endpoint.disabled",
        "endpoint.deleted",
    }
)
# What staff did and need not do again.
PASSED = frozenset(
    {
        "staff.signed_in",
        "staff.sign_in_failed",
        "staff.signed_out",
        "audit.exported",
        "act.refused",
        "erasure.ordered",
        "player.erased",
    }
)


def staff_acts(lost: Sequence[MirroredEvent]) -> list[MirroredEvent]:
    """Return the acts of staff, those first that took rights away."""
    acts = [
        event
        for event in lost
        if event.actor.kind == "staff"
        and event.action not in PASSED
        and not event.action.startswith("sync.")
    ]
    return sorted(acts, key=lambda event: (event.action not in URGENT, event.id))


def sentences(acts: Sequence[MirroredEvent], until: dt.datetime | None) -> list[str]:
    """Describe each act in a line. Players are named by their Roblox id.

    A player made after `until`, the last common moment, has another number here than in the log.
    """
    players = user_ids(acts, until)
    return [_sentence(event, players) for event in acts]


def user_ids(events: Sequence[MirroredEvent], until: dt.datetime | None) -> dict[str, int]:
    """Return Roblox ids by the log's numbers of players, only for players made before `until`."""
    if until is None:
        return {}
    wanted = {event.target.id for event in events if event.target.kind == "player"}
    wanted |= {str(event.details.get("player")) for event in events}
    rows = Player.objects.filter(
        pk__in=[one for one in wanted if one.isdecimal()], created_at__lte=until, user_id__gt=0
    )
    return {str(pk): user_id for pk, user_id in rows.values_list("pk", "user_id")}


def others(lost: Sequence[MirroredEvent]) -> list[str]:
    """Count the lost events that nobody enters again, by action."""
    acts = {event.id for event in staff_acts(lost)}
    counted = Counter(event.action or "redacted" for event in lost if event.id not in acts)
    return [f"{count} x {action}" for action, count in sorted(counted.items())]


def _sentence(event: MirroredEvent, players: dict[str, int]) -> str:
    target = f"{event.target.kind} {event.target.id}".strip()
    if event.target.kind == "player":
        known = players.get(event.target.id)
        target += f" (Roblox user {known})" if known else " (made after the backup)"
    where = f" in {event.experience}" if event.experience else ""
    details = json.dumps(event.details, ensure_ascii=False, sort_keys=True)
    return f"{event.at}  {event.action} on {target}{where}, by staff {event.actor.id}: {details}"
