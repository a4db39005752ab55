"""Decide what one row of an import changes. Nothing here writes.

The preview and the chunk that applies a row both ask `plan`, the latter with the players locked.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from common.amounts import hundredths
from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.imports.rank_names import RankNames
from players.models import LEGACY, REST, ImportRow, Player, Sanction
from players.moderation.actors import Staff
from players.moderation.authorization import kept_rank
from players.policy.bundle import RankRule
from players.policy.counters import EMPTY, SessionTotal
from players.policy.warning_thresholds import warning_expires
from players.privacy import orders

ERASED = "the person was erased"

SESSIONS = """
    SELECT s.player_id, s.session, s.sequence, (s.total * 100)::bigint, s.count,
           (s.awarded * 100)::bigint, s.confirmed, s.kos, s.wos
    FROM sessions s
    WHERE s.player_id = ANY(%s::bigint[]) AND s.origin = %s AND s.session IN (-1, 0)"""

# Ranks that an earlier import gave and that its undo did not take back.
MOVED_IN = """
    SELECT r.user_id, r.rank, r.rank_since FROM import_rows r JOIN imports i ON i.id = r.job_id
    LEFT JOIN imports u ON u.inverse_of_id = i.id AND u.status = 'done'
    WHERE r.user_id = ANY(%s::bigint[]) AND r.job_id <> %s AND r.status = 'applied'
      AND r.after ? 'rank' AND i.source <> 'inverse' AND u.id IS NULL"""


@dataclass(frozen=True, slots=True)
class LegacyPart:
    """Session LEGACY of a player as stored. `kos` and `wos`: counted by it and by no row."""

    total: SessionTotal = EMPTY
    kos: int = 0
    wos: int = 0


@dataclass(slots=True)
class Facts:
    """What a row is compared with.

    `counted`: hundredths that the data store brought before. `erased`: the person was erased, and
    has not played since.
    """

    player: Player | None = None
    legacy: LegacyPart = field(default_factory=LegacyPart)
    counted: int = 0
    warnings: list[Sanction] = field(default_factory=list)
    moved_in: set[tuple[str, dt.datetime | None]] = field(default_factory=set)
    erased: bool = False


@dataclass(slots=True)
class Plan:
    """What a row changes. None: not that. `notes`: what it leaves as it is, and why."""

    points: int | None = None
    kos: int | None = None
    wos: int | None = None
    rank: RankRule | None = None
    since: dt.datetime | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    pardoned: list[int] = field(default_factory=list)
    is_new: bool = False
    refused: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def changes_part(self) -> bool:
        return (self.points, self.kos, self.wos) != (None, None, None)

    @property
    def changes_rank(self) -> bool:
        return self.rank is not None or self.since is not None

    @property
    def changes(self) -> bool:
        return self.changes_part or self.changes_rank or bool(self.warnings or self.pardoned)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the rows of one import for the person who asked for it."""

    by: Staff
    policy: ActivePolicy
    now: dt.datetime
    experience: str
    ranks: RankNames

    def plan(self, row: ImportRow, facts: Facts) -> Plan:
        """Return what the row changes."""
        plan = Plan(is_new=facts.player is None)
        why_not = ERASED if facts.erased else self.why_not(row, facts.player)
        if why_not:
            plan.refused, plan.notes = True, [why_not]
        elif row.before is not None:
            self._take_back(plan, row, facts)
        else:
            self._part(plan, row, facts)
            self._rank(plan, row, facts)
            self._warnings(plan, row, facts)
        return plan

    def why_not(self, row: ImportRow, player: Player | None) -> str:
        """Return why `by` may not import this row, or ""."""
        if player is not None and player.erased_at is not None:
            return ERASED
        if self.by.rank is None:
            return ""
        position = self.by.rank.position
        if player is not None and self.by.is_player(player):
            return "this is your own row; somebody else must import it"
        if player is not None and self._held(player).position >= position:
            return "the player stands at or above your own position"
        given = self.ranks.find(row.rank)
        if given is not None and given.position >= position:
            return f"{given.name} stands at or above your own position"
        return ""

    def _held(self, player: Player) -> RankRule:
        return kept_rank(player.former_rank or player.rank, self.policy)

    def _part(self, plan: Plan, row: ImportRow, facts: Facts) -> None:
        legacy = facts.legacy
        if facts.counted and row.points is not None:
            plan.notes.append(
                f"{facts.counted / 100:,.2f} points from before GRPS came with the data store of"
                f" {self.experience} already, so these are left out"
            )
            return
        if row.points is not None and (row.points != legacy.total.total or not legacy.total.rows):
            plan.points = row.points if row.points or legacy.total.rows else None
        if row.kos is not None and row.kos != legacy.kos:
            plan.kos = row.kos
        if row.wos is not None and row.wos != legacy.wos:
            plan.wos = row.wos

    def _rank(self, plan: Plan, row: ImportRow, facts: Facts) -> None:
        if not row.rank:
            return
        rank = self.ranks.find(row.rank)
        if rank is None:
            plan.notes.append(f"there is no rank {row.rank!r}; {self.ranks.hint}")
        elif rank.is_punishment:
            plan.notes.append(f"{rank.name} is a suspension, which is not imported: suspend them")
        elif facts.player is not None and facts.player.rank.is_punishment:
            plan.notes.append("they are suspended, so their rank stays")
        elif (row.rank, row.rank_since) not in facts.moved_in:
            self._set_rank(plan, rank, row.rank_since, facts.player)

    def _set_rank(
        self, plan: Plan, rank: RankRule, since: dt.datetime | None, player: Player | None
    ) -> None:
        first = self.policy.bundle.first
        held = self.policy.ranks.get(player.rank_id) if player else first
        if rank != held:
            plan.rank = rank
        if since is not None and (player is None or since != player.rank_since):
            plan.since = since

    def _warnings(self, plan: Plan, row: ImportRow, facts: Facts) -> None:
        if row.warnings is None:
            return
        if isinstance(row.warnings, int):
            missing = max(0, row.warnings - len(facts.warnings))
            wanted = [{"at": self.now.isoformat(), "reason": ""}] * missing
        else:
            known = [(one.starts_at, one.reason) for one in facts.warnings]
            wanted = [one for one in row.warnings if not _take_known(known, one)]
        in_force = [one for one in wanted if not self._is_over(one)]
        if len(in_force) < len(wanted):
            plan.notes.append(
                f"{len(wanted) - len(in_force)} warnings are older than warnings count here"
            )
        plan.warnings = in_force

    def _is_over(self, warning: Mapping[str, str]) -> bool:
        at = dt.datetime.fromisoformat(warning["at"])
        ends = warning_expires(at, self.policy.bundle.punishments)
        return ends is not None and ends <= self.now

    def _take_back(self, plan: Plan, row: ImportRow, facts: Facts) -> None:
        """Plan the inverse: `before` is the state that the import left, `after` the one it found."""
        left, found = row.before or {}, row.after or {}
        if "total" in left:
            total = facts.legacy.total.total - left["total"] + found["total"]
            plan.points = total if total != facts.legacy.total.total else None
        for name in ("kos", "wos"):
            if name in left:
                setattr(plan, name, max(0, getattr(facts.legacy, name) - left[name] + found[name]))
        self._take_back_rank(plan, left, found, facts.player)
        mine = set(left.get("warnings", []))
        plan.pardoned = [one.pk for one in facts.warnings if one.pk in mine]

    def _take_back_rank(
        self, plan: Plan, left: Mapping[str, Any], found: Mapping[str, Any], player: Player | None
    ) -> None:
        if "rank" not in left or player is None:
            return
        held = self.policy.ranks.get(player.rank_id)
        before = self.policy.bundle.by_name.get(found["rank"])
        if held is None or held.name != left["rank"] or before is None:
            plan.notes.append("their rank changed since the import, so it stays")
            return
        plan.rank = before if before != held else None
        plan.since = dt.datetime.fromisoformat(found["since"])


def facts_of(rows: Sequence[ImportRow], experience: str) -> dict[int, Facts]:
    """Return the facts by Roblox user id, in a fixed number of queries."""
    user_ids = [row.user_id for row in rows if row.user_id is not None]
    found: dict[int, Facts] = defaultdict(Facts)
    players = Player.objects.filter(user_id__in=user_ids).select_related("rank", "former_rank")
    by_pk = {player.pk: player for player in players}
    for player in by_pk.values():
        found[player.user_id].player = player
    known = {player.user_id for player in by_pk.values()}
    for user_id in orders.erased(one for one in user_ids if one not in known and one > 0):
        found[user_id].erased = True
    for sanction in _imported_warnings(by_pk):
        found[by_pk[sanction.player_id].user_id].warnings.append(sanction)
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS, [numbers(by_pk), experience])
        for player_id, session, *total, kos, wos in cursor.fetchall():
            facts = found[by_pk[player_id].user_id]
            if session == LEGACY:
                facts.legacy = LegacyPart(SessionTotal(*total), kos, wos)
            elif session == REST:
                facts.counted = max(0, total[1])
        if rows:
            cursor.execute(MOVED_IN, [numbers(user_ids), rows[0].job_id])
            for user_id, rank, since in cursor.fetchall():
                found[user_id].moved_in.add((rank, since))
    return found


def points_after(player: Player | None, facts: Facts, plan: Plan) -> int:
    """Return the hundredths of a player after the plan, as `players.points` counts them."""
    before = hundredths(player.earned + player.adjusted) if player else 0
    moved = 0 if plan.points is None else plan.points - facts.legacy.total.total
    return max(0, before + moved)


def _imported_warnings(players: Mapping[int, Player]) -> list[Sanction]:
    rows = Sanction.objects.filter(
        player__in=list(players), kind=Sanction.Kind.WARNING, source=Sanction.Source.IMPORT
    )
    return [one for one in rows.order_by("pk") if one.lifted_at is None]


def _take_known(known: list[tuple[dt.datetime, str]], warning: Mapping[str, str]) -> bool:
    """Return whether the warning was imported before, and remove it from `known`."""
    one = (dt.datetime.fromisoformat(warning["at"]), warning["reason"])
    if one in known:
        known.remove(one)
        return True
    return False
