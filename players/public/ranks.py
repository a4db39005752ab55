"""The ranks of the community, without punishments."""

from dataclasses import dataclass
from decimal import Decimal

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class PublicRank:
    """A rank of the ladder, or one that was; never a punishment. `players`: who hold it."""

    slug: str
    name: str
    level: str
    position: int
    role: int
    min_points: Decimal
    min_time_days: int
    required_recommendations: int
    privileged: bool
    on_ladder: bool
    retired: bool
    description: str
    colour: str | None
    players: int


def ranks() -> list[PublicRank]:
    return read(PublicRank, "SELECT * FROM portal.ranks ORDER BY retired, position, slug")


def has_rank(slug: str) -> bool:
    return bool(read(str, "SELECT slug FROM portal.ranks WHERE slug = %s", [slug]))
