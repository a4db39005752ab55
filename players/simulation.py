"""What a policy would change for the players as they stand now, counted in one pass over the table.

The database says the same of each player as players.policy.ranks.evaluate; a test holds them against each other.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import connection

from players.amounts import points
from players.policies import active
from players.policy.bundle import Bundle, Rank
from players.policy.ranks import DAY

PAGES = 4096  # heap pages (8 kB) a step: 32 MB, some 200,000 players
NEVER, ALWAYS = "Infinity", "-Infinity"
LEFT_OUT = "left out"

KIND = """
    CASE WHEN r.{side}_gone THEN 'left out'
         WHEN p.points < r.{side}_floor AND NOT p.banned THEN 'demotion'
         WHEN p.points >= r.{side}_enough AND p.rank_since <= r.{side}_since AND NOT p.banned
              AND (r.{side}_words = 0 OR r.{side}_words <= (
                  SELECT count(*) FROM recommendations c WHERE c.player_id = p.id AND c.rank_id = p.rank_id))
         THEN 'promotion' ELSE '' END"""

COUNT = f"""
    SELECT p.rank_id, {KIND.format(side="old")} AS old_kind, {KIND.format(side="new")} AS new_kind, count(*)
    FROM players p
    JOIN unnest(%s::bigint[],
                %s::boolean[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::int[],
                %s::boolean[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::int[])
         AS r(rank, old_gone, old_floor, old_enough, old_since, old_words,
                    new_gone, new_floor, new_enough, new_since, new_words) ON p.rank_id = r.rank
    WHERE p.ctid >= %s::tid AND p.ctid < %s::tid AND p.erased_at IS NULL
    GROUP BY 1, 2, 3"""

Side = tuple[bool, str, str, dt.datetime, int]


@dataclass(frozen=True, slots=True)
class Row:
    """Holders of one rank: how many, and how many the policy would treat otherwise than the present one does.

    `held_back` and `spared` are those whom the present policy would promote or demote now, and the other would not.
    `earning`: locked or unlocked where the rank's right to earn changes, else empty.
    """

    rank: str
    holders: int
    promoted: int
    demoted: int
    held_back: int
    spared: int
    left_out: int
    earning: str

    @property
    def moved(self) -> int:
        return self.promoted + self.demoted + self.left_out


def simulate(
    bundle: Bundle, now: dt.datetime, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Row]:
    """What putting `bundle` in force would change, by present rank, the highest first; ranks that nobody holds too.

    Reads the table of players once, in stretches; `progress` is called with pages done and pages in all.
    """
    policy = active()
    sides = _sides(policy.bundle, bundle, policy.rank_ids, now)
    counts: Counter[tuple[int, str, str]] = Counter()
    pages = _pages()
    for first in range(0, pages, PAGES):
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [*sides, f"({first},0)", f"({first + PAGES},0)"])
            for rank_id, old, new, count in cursor.fetchall():
                counts[rank_id, old, new] += count
        progress(min(first + PAGES, pages), pages)
    ranks = sorted(policy.ranks.items(), key=lambda item: item[1].position, reverse=True)
    return [_row(rank_id, rank, bundle, counts) for rank_id, rank in ranks]


def _sides(present: Bundle, other: Bundle, rank_ids: Mapping[str, int], now: dt.datetime) -> list[list[object]]:
    """The columns of the ranks for the query: the id, then what each policy asks of its holders."""
    rows = [(rank_id, *_side(present, name, now), *_side(other, name, now)) for name, rank_id in rank_ids.items()]
    return [list(column) for column in zip(*rows, strict=True)]


def _side(bundle: Bundle, name: str, now: dt.datetime) -> Side:
    """Whether the rank is gone; below which points it is lost; points, moment and words that bring the next one."""
    rank = bundle.by_name.get(name)
    if rank is None:
        return True, ALWAYS, NEVER, now, 0
    if rank.is_punishment:
        return False, ALWAYS, NEVER, now, 0
    target = bundle.next_after(rank)
    falls = bundle.demotion != "off" and not rank.privileged and bundle.below(rank) is not None
    floor = str(points(rank.min_points)) if falls else ALWAYS
    if target is None:
        return False, floor, NEVER, now, 0
    since = now - target.min_time_days * DAY
    return False, floor, str(points(target.min_points)), since, target.required_recommendations


def _row(rank_id: int, rank: Rank, bundle: Bundle, counts: Mapping[tuple[int, str, str], int]) -> Row:
    own = {(old, new): count for (held, old, new), count in counts.items() if held == rank_id}
    return Row(
        rank.name,
        sum(own.values()),
        promoted=_count(own, new="promotion"),
        demoted=_count(own, new="demotion"),
        held_back=_count(own, old="promotion"),
        spared=_count(own, old="demotion"),
        left_out=_count(own, new=LEFT_OUT),
        earning=_earning(rank, bundle.by_name.get(rank.name)),
    )


def _count(own: Mapping[tuple[str, str], int], *, old: str = "", new: str = "") -> int:
    """How many are of one kind by one policy and not by the other."""
    place, kind = (0, old) if old else (1, new)
    return sum(count for kinds, count in own.items() if kinds[place] == kind and kinds[1 - place] != kind)


def _earning(before: Rank, after: Rank | None) -> str:
    if after is None or before.can_earn == after.can_earn:
        return ""
    return "unlocked" if after.can_earn else "locked"


def _pages() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('players') / current_setting('block_size')::int")
        pages: int = cursor.fetchone()[0]
        return pages
