"""Check the rows of an import against the players, and sum up what would change."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from common.amounts import points
from common.pg_arrays import numbers, texts
from players.active_policy import active
from players.imports.plans import Facts, Plan, Planner, facts_of, points_after
from players.imports.rank_names import RankNames
from players.membership.status import present
from players.models import Import, ImportRow
from players.moderation.actors import Staff
from players.policy.membership import MembershipStatus
from players.policy.ranks import RankState, evaluate
from players.policy.warning_thresholds import ThresholdSanction, sanction_for

CHUNK = 1_000
SHOWN = 20  # players that the preview names for each effect
Status = ImportRow.Status

WRITE = """
    UPDATE import_rows r SET status = c.status, amount = c.amount * 0.01, note = c.note
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[]) AS c(line, status, amount, note)
    WHERE r.job_id = %s AND r.line = c.line"""

COUNT = """
    SELECT count(*), count(*) FILTER (WHERE status = 'unread'),
           count(*) FILTER (WHERE status = 'skipped'),
           count(*) FILTER (WHERE status = 'unchanged'),
           count(*) FILTER (WHERE status = 'pending'),
           coalesce(sum(amount) FILTER (WHERE status = 'pending'), 0)
    FROM import_rows WHERE job_id = %s"""


@dataclass(slots=True)
class Effects:
    """What an import would do, for the preview: counts by kind, and the first players of some."""

    counts: Counter[str] = field(default_factory=Counter)
    ranks: Counter[str] = field(default_factory=Counter)
    promotions: Counter[str] = field(default_factory=Counter)
    promoted: list[str] = field(default_factory=list)
    thresholds: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Effects":
        return cls(
            Counter(stored.get("counts", {})),
            Counter(stored.get("ranks", {})),
            Counter(stored.get("promotions", {})),
            list(stored.get("promoted", [])),
            list(stored.get("thresholds", [])),
        )

    def written(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "ranks": dict(self.ranks),
            "promotions": dict(self.promotions),
            "promoted": self.promoted[:SHOWN],
            "thresholds": self.thresholds[:SHOWN],
        }

    def add(self, row: ImportRow, facts: Facts, plan: Plan, planner: Planner) -> None:
        """Add a row that changes something."""
        who = str(row.user_id)
        self.counts.update(
            new=plan.is_new,
            points=plan.points is not None,
            counted=(plan.kos, plan.wos) != (None, None),
            ranks=plan.changes_rank,
            warnings=len(plan.warnings),
            pardons=len(plan.pardoned),
        )
        if plan.rank is not None:
            self.ranks[plan.rank.name] += 1
        if target := promotion(facts, plan, planner):
            self.promotions[target] += 1
            self.promoted.append(f"{who}: {target}")
        self._threshold(who, facts, plan, planner)

    def _threshold(self, who: str, facts: Facts, plan: Plan, planner: Planner) -> None:
        if not plan.warnings:
            return
        count = len(facts.warnings) + len(plan.warnings)
        if sanction_for(count, planner.policy.bundle.punishments) is not ThresholdSanction.NONE:
            self.counts["thresholds"] += 1
            self.thresholds.append(f"{who}: {count} warnings")


def planner_for(job: Import, by: Staff, now: dt.datetime) -> Planner:
    policy = active()
    ranks = RankNames(policy.bundle, job.options.get("ranks", {}))
    return Planner(by, policy, now, job.experience, ranks)


def rows_after(job: Import, size: int = CHUNK) -> list[ImportRow]:
    """Return the next pending rows of the present step."""
    rows = ImportRow.objects.filter(job=job, line__gt=job.line, status=Status.PENDING)
    return list(rows.order_by("line")[:size])


def check(job: Import, rows: Sequence[ImportRow], planner: Planner) -> None:
    """Check a chunk: store what each row would change, and add it to the job's effects."""
    found = facts_of(rows, job.experience)
    effects = Effects.of(job.effects)
    plans = [planner.plan(row, found[row.user_id or 0]) for row in rows]
    for row, plan in zip(rows, plans, strict=True):
        facts = found[row.user_id or 0]
        row.status = _status(plan)
        row.note = "; ".join(filter(None, [row.note, *plan.notes]))
        row.amount = points(_moved(facts, plan))
        if plan.changes:
            effects.add(row, facts, plan, planner)
        if plan.notes and not plan.refused:
            effects.counts["partly"] += 1
    job.effects = effects.written()
    with connection.cursor() as cursor:
        columns = [
            numbers(row.line for row in rows),
            texts(row.status for row in rows),
            "{" + ",".join(str(int(row.amount * 100)) for row in rows) + "}",
            texts(row.note for row in rows),
        ]
        cursor.execute(WRITE, [*columns, job.pk])


def count(job: Import) -> None:
    """Count the rows of a checked import. The caller saves the job."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [job.pk])
        found = cursor.fetchone()
    job.rows, job.unread, job.skipped, job.unchanged, job.changing, job.total = found


def promotion(facts: Facts, plan: Plan, planner: Planner) -> str:
    """Return the rank that the policy would give or propose after the row, or ""."""
    policy, player = planner.policy, facts.player
    held = plan.rank or (policy.ranks.get(player.rank_id) if player else policy.bundle.first)
    if held is None or held.is_punishment:
        return ""
    since = plan.since or (player.rank_since if player and plan.rank is None else planner.now)
    membership = present(player.member if player else MembershipStatus.UNKNOWN)
    state = RankState(
        held,
        points_after(player, facts, plan),
        since,
        sanctioned=bool(player and player.banned),
        membership=membership,
    )
    found = evaluate(state, policy.bundle, planner.now)
    return found.target.name if found.kind == "promotion" and found.target else ""


def _status(plan: Plan) -> ImportRow.Status:
    if plan.refused:
        return Status.SKIPPED
    if plan.changes:
        return Status.PENDING
    return Status.SKIPPED if plan.notes else Status.UNCHANGED


def _moved(facts: Facts, plan: Plan) -> int:
    return 0 if plan.points is None else plan.points - facts.legacy.total.total
