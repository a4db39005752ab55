"""Compare GRPS's own entries in the data stores with the restored database. Writes none."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from common.keyset import paged
from common.parsing import whole_number
from players.models import Player
from players.moderation.actors import at_the_shell
from players.points import adjustments
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud import data_stores
from syncs.models import Mirror

READERS = 8
REASON = (
    "Games hold adjustments that the restored database has not, so the next number is past theirs."
)


class Entry(NamedTuple):
    """What a universe shows of a player: the adjusted total with its operation, and the standing."""

    sequence: int
    total: int
    standing: Any


@dataclass(slots=True)
class Compared:
    """Primary keys of mirrors by what is done with them, and users who are not players here.

    `same`: Roblox shows it. `ours`: Roblox shows what it showed at the backup, or nothing.
    `theirs`: Roblox shows something else, with the reason for which the mirror stays parked.
    """

    same: list[int]
    ours: list[int]
    theirs: dict[int, str]
    strangers: list[int]


def read(experience: Experience) -> dict[int, Entry]:
    """Read every entry of an experience by user id. Raises OpenCloudError, NotConfigured."""
    universe = cloud.universe(experience)
    found = {}
    with ThreadPoolExecutor(READERS, thread_name_prefix="recover") as pool:
        for keys in _pages(universe):
            read_one = partial(data_stores.read, universe.client, universe.own)
            for key, entry in zip(keys, pool.map(read_one, keys), strict=True):
                user_id = _user_id(universe, key)
                if user_id and entry is not None and isinstance(entry.value, dict):
                    found[user_id] = _entry(entry.value)
    return found


def number_past(entries: dict[int, Entry], now: dt.datetime) -> int:
    """Number the next adjustment of each player past the operations that Roblox holds.

    Games count the total of the highest operation, so a lower number would be ignored. Returns the
    number of players.
    """
    behind = [
        player.user_id
        for player in Player.objects.filter(user_id__in=list(entries), erased_at=None)
        if _is_ahead(entries[player.user_id], player)
    ]
    for user_id in behind:
        adjustments.number_past(
            user_id, entries[user_id].sequence, by=at_the_shell(), reason=REASON, now=now
        )
    return len(behind)


def compare(experience: Experience, entries: dict[int, Entry]) -> Compared:
    """Compare the entries, read before `number_past`, with the mirrors of an experience."""
    rows = Mirror.objects.filter(
        experience=experience, aspect__in=[Mirror.Aspect.ADJUSTED, Mirror.Aspect.STANDING]
    ).select_related("player")
    compared = Compared([], [], {}, [])
    for row in paged(rows, "pk", attrgetter("pk")):
        _judge(row, entries.get(row.player.user_id), compared)
    known = set(Player.objects.filter(user_id__in=list(entries)).values_list("user_id", flat=True))
    compared.strangers = sorted(set(entries) - known)
    return compared


def _judge(row: Mirror, entry: Entry | None, compared: Compared) -> None:
    if entry is None:
        compared.ours.append(row.pk)
        return
    is_adjusted = row.aspect == Mirror.Aspect.ADJUSTED
    theirs = entry.total if is_adjusted else entry.standing
    desired, confirmed = (
        (known or {}).get("total") if is_adjusted else known
        for known in (row.desired, row.confirmed)
    )
    is_same = theirs == desired
    if is_same and (not is_adjusted or (row.desired or {}).get("sequence") == entry.sequence):
        compared.same.append(row.pk)
    elif is_same or theirs in (None, confirmed):
        compared.ours.append(row.pk)  # writing it overwrites nothing from after the backup
    else:
        compared.theirs[row.pk] = _reason(is_adjusted, theirs, desired)


def _reason(is_adjusted: bool, theirs: Any, desired: Any) -> str:
    if is_adjusted:
        return (
            f"After the backup Roblox got the adjusted total {theirs / 100:.2f}, here it is"
            f" {(desired or 0) / 100:.2f}. Enter the lost adjustments again, or push ours:"
            " `manage.py sync mirrors --retry-parked`."
        )
    return (
        f"After the backup Roblox got the standing {theirs}, here it is {desired}. Enter the lost"
        " acts again, or push ours: `manage.py sync mirrors --retry-parked`."
    )


def _is_ahead(entry: Entry, player: Player) -> bool:
    ours = (player.adjusted_sequence, int(player.adjusted * 100))
    return entry.sequence > ours[0] or (entry.sequence == ours[0] > 0 and entry.total != ours[1])


def _pages(universe: cloud.Universe) -> Iterator[list[str]]:
    token = ""
    while True:
        keys, token = data_stores.list_ids(universe.client, universe.own, token)
        yield keys
        if not token:
            return


def _user_id(universe: cloud.Universe, key: str) -> int | None:
    before, _, after = universe.own_key_format.partition("{userId}")
    if not (key.startswith(before) and key.endswith(after)):
        return None
    return whole_number(key[len(before) : len(key) - len(after) or None]) or None


def _entry(value: dict[str, Any]) -> Entry:
    adjusted = value.get("adjusted")
    known = adjusted if isinstance(adjusted, dict) else {}
    sequence, total = known.get("sequence"), known.get("total")
    return Entry(
        sequence if isinstance(sequence, int) else 0,
        total if isinstance(total, int) else 0,
        value.get("standing"),
    )
