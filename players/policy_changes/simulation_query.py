"""Count what a policy would change for the current players, in one batched pass over the table.

The query decides for each player as players.policy.ranks.evaluate does. A test compares the two.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from common.amounts import points
from players.active_policy import active
from players.membership.status import belonging
from players.models import Rank as RankRow
from players.policy.bundle import Bundle, RankRule
from players.policy.ranks import DAY

STRETCH = 100_000  # player ids in one query, which takes a fraction of a second
EXAMPLES = 3  # example ids for each count
NEVER, ALWAYS = "Infinity", "-Infinity"
LEFT_OUT = "left out"

KIND = """
    CASE WHEN r.{side}_gone THEN 'left out'
         WHEN p.points < r.{side}_floor AND NOT p.banned AND p.belongs THEN 'demotion'
         WHEN p.points >= r.{side}_enough AND p.rank_since <= r.{side}_since + p.rested AND NOT p.banned AND p.belongs
              AND (r.{side}_words = 0 OR r.{side}_words <= (
                  SELECT count(*) FROM recommendations c WHERE c.player_id = p.id AND c.rank_id = p.rank_id))
              AND NOT EXISTS (
                  SELECT FROM rank_restrictions x WHERE x.player_id = p.id AND x.lifted_at IS NULL
                  AND (x.ends_at IS NULL OR x.ends_at > %s)
                  AND (x.rank_id IS NULL OR x.rank_id = r.{side}_target))
         THEN 'promotion' ELSE '' END"""

COUNT = f"""
    SELECT p.rank_id, {KIND.format(side="old")} AS old_kind, {KIND.format(side="new")} AS new_kind,
           count(*), min(p.id), max(p.id)
    FROM (SELECT *, member = ANY(%s) AS belongs,
                 coalesce(greatest(resting_since, rank_since) - CASE WHEN resting_since IS NOT NULL THEN %s END,
                          interval '0') AS rested FROM players) p
    JOIN unnest(%s::bigint[],
                %s::boolean[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::int[], %s::bigint[],
                %s::boolean[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::int[], %s::bigint[])
         AS r(rank, old_gone, old_floor, old_enough, old_since, old_words, old_target,
                    new_gone, new_floor, new_enough, new_since, new_words, new_target) ON p.rank_id = r.rank
    WHERE p.id > %s AND p.id <= %s AND p.erased_at IS NULL
    GROUP BY 1, 2, 3"""

Side = tuple[bool, str, str, dt.datetime, int, int]


class MoverGroup(NamedTuple):
    """Holders of a rank with the same result under each of two policies.

    Has their number and a few example ids (ours).
    """

    holders: int
    examples: tuple[int, ...]


Tally = dict[
    tuple[int, str, str], MoverGroup
]  # by rank and the result under each policy: promotion, demotion, left out, ""


@dataclass(frozen=True, slots=True)
class RankMoves:
    """The counts for one rank: its holders, and those whom the policies treat differently.

    `promoted`, `demoted` and `left_out` are holders whom only the new policy would move.
    `held_back` and `spared` are holders whom only the present policy would promote or demote now.
    `earning` is locked or unlocked if the rank's right to earn changes, else empty. `examples` has
    a few of our ids, by the name of the count that they belong to.
    """

    rank: str
    holders: int
    promoted: int
    demoted: int
    held_back: int
    spared: int
    left_out: int
    earning: str
    examples: dict[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    @property
    def moved(self) -> int:
        return self.promoted + self.demoted + self.left_out


def simulate(
    bundle: Bundle,
    now: dt.datetime,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[RankMoves]:
    """Return what `bundle` would change, by present rank, highest first, including empty ranks.

    Reads the table of players once. `progress` is called with the ids done and the highest id.
    """
    present, tally, last = active().bundle, Tally(), last_id()
    for first in range(0, last, STRETCH):
        tally = together(tally, look(present, bundle, now, first, first + STRETCH))
        progress(min(first + STRETCH, last), last)
    return rows(tally, present, bundle)


def look(present: Bundle, other: Bundle, now: dt.datetime, after: int, upto: int) -> Tally:
    """Count the players with our ids above `after` and up to `upto`."""
    sides = _sides(present, other, _ids(present), now)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [now, now, belonging(), now, *sides, after, upto])
        return {
            (rank, old, new): MoverGroup(count, tuple(sorted({least, most})))
            for rank, old, new, count, least, most in cursor.fetchall()
        }


def together(one: Tally, more: Tally) -> Tally:
    """Return the sum of two tallies of different players."""
    found = dict(one)
    for key, group in more.items():
        holders, examples = found.get(key, MoverGroup(0, ()))
        found[key] = MoverGroup(holders + group.holders, (*examples, *group.examples)[:EXAMPLES])
    return found


def rows(tally: Tally, present: Bundle, other: Bundle) -> list[RankMoves]:
    """Return the tally by rank of the present policy, highest first."""
    ids = _ids(present)
    ranks = sorted(present.ranks, key=lambda rank: rank.position, reverse=True)
    return [_row(ids[rank.name], rank, other, tally) for rank in ranks]


def last_id() -> int:
    """Return the highest of our player ids, 0 if there are no players."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM players")
        found: int = cursor.fetchone()[0]
        return found


def _ids(bundle: Bundle) -> dict[str, int]:
    """Return our ids of the ranks of a policy that is or was in force."""
    return dict(RankRow.objects.filter(name__in=bundle.by_name).values_list("name", "pk"))


def _sides(
    present: Bundle, other: Bundle, rank_ids: Mapping[str, int], now: dt.datetime
) -> list[list[object]]:
    """Return the columns of the ranks for the query: the id, then each policy's conditions."""
    ids = dict(RankRow.objects.values_list("name", "pk"))
    rows = [
        (rank_id, *_side(present, name, ids, now), *_side(other, name, ids, now))
        for name, rank_id in rank_ids.items()
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _side(bundle: Bundle, name: str, ids: Mapping[str, int], now: dt.datetime) -> Side:
    """Return a policy's conditions for a rank's holders.

    They are: whether the rank is gone, the points below which it is lost, and the points, the
    latest `rank_since`, the recommendations needed and our id of the next rank, 0 for a new one.
    """
    rank = bundle.by_name.get(name)
    if rank is None:
        return True, ALWAYS, NEVER, now, 0, 0
    if rank.is_punishment:
        return False, ALWAYS, NEVER, now, 0, 0
    target = bundle.next_after(rank)
    falls = bundle.demotion != "off" and not rank.privileged and bundle.below(rank) is not None
    floor = str(points(rank.min_points)) if falls else ALWAYS
    if target is None:
        return False, floor, NEVER, now, 0, 0
    since = now - target.min_time_days * DAY
    words, target_id = target.required_recommendations, ids.get(target.name, 0)
    return False, floor, str(points(target.min_points)), since, words, target_id


def _row(rank_id: int, rank: RankRule, bundle: Bundle, tally: Tally) -> RankMoves:
    own = {(old, new): group for (held, old, new), group in tally.items() if held == rank_id}
    groups = {
        "promoted": _only(own, new="promotion"),
        "demoted": _only(own, new="demotion"),
        "held_back": _only(own, old="promotion"),
        "spared": _only(own, old="demotion"),
        "left_out": _only(own, new=LEFT_OUT),
    }
    return RankMoves(
        rank.name,
        sum(group.holders for group in own.values()),
        **{name: sum(group.holders for group in found) for name, found in groups.items()},
        earning=_earning(rank, bundle.by_name.get(rank.name)),
        examples={
            name: tuple(pk for group in found for pk in group.examples)[:EXAMPLES]
            for name, found in groups.items()
        },
    )


def _only(
    own: Mapping[tuple[str, str], MoverGroup], *, old: str = "", new: str = ""
) -> list[MoverGroup]:
    """Return the groups with a result under one policy but not under the other."""
    place, kind = (0, old) if old else (1, new)
    return [
        group for kinds, group in own.items() if kinds[place] == kind and kinds[1 - place] != kind
    ]


def _earning(before: RankRule, after: RankRule | None) -> str:
    if after is None or before.can_earn == after.can_earn:
        return ""
    return "unlocked" if after.can_earn else "locked"
