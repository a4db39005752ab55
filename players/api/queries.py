"""The search in games."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from players import former_usernames
from players.models import Player
from players.policy.warning_thresholds import sanction_of

FIND = """
    SELECT p.id, p.user_id, p.username, p.display_name, r.name, p.points
    FROM players p JOIN ranks r ON r.id = coalesce(p.former_rank_id, p.rank_id)
    WHERE p.erased_at IS NULL AND """
NAME = 'lower(p.username) COLLATE "C"'


@dataclass(frozen=True, slots=True)
class GameFound:
    """A player, listed or not."""

    id: int
    user_id: int
    username: str
    display_name: str
    rank: str
    points: Decimal


def search_with_sanctions(prefix: str, limit: int) -> list[tuple[GameFound, str | None]]:
    """Find players, members or not, by the start of their present or a former username.

    Each comes with the sanction in force that games may show: `suspension`, `ban` or None.
    """
    found = _by_username(prefix.lower(), limit)
    if len(found) < limit:
        known = {player.id for player in found}
        former = former_usernames.beginning_with(prefix, limit).keys() - known
        found += _by_id(sorted(former))[: limit - len(found)]
    rows = Player.objects.filter(pk__in=[player.id for player in found]).values_list(
        "pk", "banned", "rank__is_punishment"
    )
    sanctions = {key: sanction_of(banned, punished) for key, banned, punished in rows}
    return [(player, sanctions.get(player.id)) for player in found]


def _by_username(low: str, limit: int) -> list[GameFound]:
    where = f"{NAME} >= %s AND {NAME} < %s ORDER BY {NAME}, p.id LIMIT {limit:d}"
    return _read(where, [low, low + "\U0010ffff"])


def _by_id(player_ids: Sequence[int]) -> list[GameFound]:
    return _read(f"p.id = ANY(%s::bigint[]) ORDER BY {NAME}, p.id", [player_ids])


def _read(where: str, parameters: Sequence[Any]) -> list[GameFound]:
    with connection.cursor() as cursor:
        cursor.execute(FIND + where, parameters)
        return [GameFound(*row) for row in cursor.fetchall()]
