"""Promotions that everybody may see. None shows that its player was demoted later."""

import datetime as dt
from dataclasses import dataclass

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class Promotion:
    id: int
    user_id: int
    username: str
    display_name: str
    rank: str
    rank_slug: str
    from_rank: str
    from_rank_slug: str
    promoted_at: dt.datetime
    present_rank: str
    present_rank_slug: str


def latest(limit: int, before: tuple[dt.datetime, int] | None) -> list[Promotion]:
    """Return promotions older than `before` (time and id), newest first."""
    return read(
        Promotion,
        "SELECT * FROM portal.latest_promotions(%s, %s, %s)",
        [limit, *(before or (None, None))],
    )


def of_player(user_id: int) -> list[Promotion]:
    """Return the promotions of a listed player, newest first."""
    return read(Promotion, "SELECT * FROM portal.promotions_of(%s)", [user_id])
