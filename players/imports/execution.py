"""Apply the next chunk of an import in one transaction.

It stores points, counts, ranks, warnings, the results of the rows and one audit event. A row that
was applied is never pending again, so a killed process repeats nothing.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection

from audits.actions import Action
from audits.models import AuditEvent, AuditPersonal
from audits.queries import PART_OF
from audits.record import Actor, record, reserve_id
from common.pg_arrays import numbers, texts
from common.retry import on_contention
from players.active_policy import active
from players.bulk import reservations
from players.discipline import imported_warnings
from players.imports import checks, rank_changes
from players.imports.lifecycle import target_of
from players.imports.plans import ERASED, Facts, Plan, Planner, facts_of
from players.locking import create_players, lock_players
from players.models import IMPORTED, LEGACY, Decision, Import, ImportRow, Player
from players.moderation.actors import Staff
from players.points import reconciliation
from players.points.ledger import LedgerBatch
from players.points.store_comparison import StoreChange
from players.policy.counters import SessionTotal
from players.privacy import orders
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

CHUNK = 500
FIRST_SEQUENCE = 2  # a game's own legacy hook writes 1
GONE = "no player has this user id any more"
Status = ImportRow.Status

APPLIED = """
    UPDATE import_rows r SET status = c.status, note = c.note, before = nullif(c.before, '')::jsonb,
        after = nullif(c.after, '')::jsonb
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
        AS c(line, status, note, before, after)
    WHERE r.job_id = %s AND r.line = c.line"""

# Ranks that changed, and warnings that were issued, of the rows that were applied.
DONE = """
    SELECT count(*) FILTER (WHERE before->>'rank' <> after->>'rank'),
           coalesce(sum(CASE WHEN jsonb_typeof(after->'warnings') = 'array'
                             THEN jsonb_array_length(after->'warnings') END), 0)
    FROM import_rows WHERE job_id = %s AND status = 'applied'"""


def part_of(import_id: int) -> str:
    """Return what the audit events of an import say that they are part of."""
    return f"import:{import_id}"


@dataclass(slots=True)
class Applied:
    """A row of a chunk with its player's facts and plan."""

    row: ImportRow
    facts: Facts
    plan: Plan

    @property
    def player(self) -> Player:
        assert self.facts.player is not None
        return self.facts.player


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is being applied: the import, who asked, the moment, and its audit event."""

    job: Import
    by: Staff
    actor: Actor
    planner: Planner
    now: dt.datetime
    event: int

    @property
    def context(self) -> DecisionContext:
        source = Decision.Source.STAFF
        return DecisionContext(
            active(), self.actor, self.now, source, self.job.reason, part_of(self.job.pk)
        )


@on_contention
def create_new_players(rows: Sequence[ImportRow], now: dt.datetime) -> None:
    """Create the players of rows that make one, before any lock is taken."""
    policy = active()
    user_ids = {row.user_id for row in rows if row.user_id is not None and row.user_id > 0}
    known = Player.objects.filter(user_id__in=user_ids).values_list("user_id", flat=True)
    new = user_ids - set(known)
    new -= orders.erased(new).keys()
    names = {
        row.user_id: (row.username or f"user_{row.user_id}", row.display_name)
        for row in rows
        if row.user_id in new
    }
    create_players(names, policy.rank_ids[policy.bundle.first.name], now)


def apply(job: Import, rows: Sequence[ImportRow], by: Staff, now: dt.datetime) -> None:
    """Apply pending rows whose players exist. The caller has locked the job and saves it."""
    chunk = Chunk(
        job, by, requester_actor(job), checks.planner_for(job, by, now), now, reserve_id()
    )
    locked = lock_players([row.user_id for row in rows if row.user_id is not None])
    found = facts_of(rows, job.experience)
    items = [_item(row, found, chunk) for row in rows]
    changing = [item for item in items if item.plan.changes]
    before = {item.row.line: _state(item) for item in changing}
    digest = _set_parts(changing, locked, chunk)
    rank_changes.apply(
        [(item.player, item.plan) for item in changing if item.plan.changes_rank],
        chunk.context,
    )
    warned = _warn(changing, chunk)
    _record(changing, digest, chunk)
    _evaluate(changing, chunk)
    after = _states_after(changing, warned, chunk)
    _store(items, before, after, job)
    _advance(job, items)


def requester_actor(job: Import) -> Actor:
    """Return the requester as in the audit log. The name is empty if it was erased there."""
    event = AuditEvent.objects.get(pk=job.event)
    personal = AuditPersonal.objects.filter(event_id=job.event, field="actorName").first()
    name, subject = (personal.value, personal.subject) if personal else ("", "")
    return Actor(event.actor_kind, event.actor_id, name, subject)


def _item(row: ImportRow, found: Mapping[int, Facts], chunk: Chunk) -> Applied:
    facts = found[row.user_id or 0]
    if facts.player is None:
        return Applied(row, facts, Plan(refused=True, notes=[ERASED if facts.erased else GONE]))
    return Applied(row, facts, chunk.planner.plan(row, facts))


def _state(item: Applied) -> dict[str, Any]:
    """Return the present state of what the plan changes."""
    state: dict[str, Any] = {}
    if item.plan.changes_part:
        legacy = item.facts.legacy
        state |= {"total": legacy.total.total, "kos": legacy.kos, "wos": legacy.wos}
    if item.plan.changes_rank:
        held = active().ranks.get(item.player.rank_id)
        state["rank"] = held.name if held else ""
        state["since"] = item.player.rank_since.isoformat()
    if item.plan.warnings or item.plan.pardoned:
        state["warnings"] = []
    return state


def _set_parts(items: Sequence[Applied], locked: Mapping[int, Any], chunk: Chunk) -> str:
    """Write ledger rows and totals of session LEGACY; return the digest of the rows, or ""."""
    changes = [_change(item) for item in items if item.plan.changes_part]
    if not changes:
        return ""
    batch = LedgerBatch(chunk.job.experience, chunk.event, locked)
    rows = [reconciliation.ledger_row(change, IMPORTED, chunk.now) for change in changes]
    reconciliation.write(changes, rows, batch, chunk.now)
    return batch.digest(rows)


def _change(item: Applied) -> StoreChange:
    """Return the new row of session LEGACY. It stands for all rows that are missing before it."""
    legacy, plan = item.facts.legacy, item.plan
    had = legacy.total
    total = had.total if plan.points is None else plan.points
    kos = legacy.kos if plan.kos is None else plan.kos
    wos = legacy.wos if plan.wos is None else plan.wos
    sequence = max(FIRST_SEQUENCE, had.sequence + 1)
    return StoreChange(
        user_id=item.player.user_id,
        session=LEGACY,
        sequence=sequence,
        stands_for=sequence - had.rows,
        awarded=total - had.awarded,
        before=had.total,
        after=SessionTotal(sequence, total, sequence, total, sequence),
        kept_kos=kos,
        kept_wos=wos,
        kos=kos - legacy.kos,
        wos=wos - legacy.wos,
    )


def _warn(items: Sequence[Applied], chunk: Chunk) -> dict[int, list[int]]:
    """Issue and lift imported warnings; return the ids of the new ones by line."""
    issue = imported_warnings.Issue(
        *(chunk.job.pk, part_of(chunk.job.pk), chunk.actor),
        *(chunk.by.name, chunk.now, chunk.job.reason),
    )
    warned = {
        item.row.line: issue.warn(item.player, item.plan.warnings)
        for item in items
        if item.plan.warnings
    }
    for item in items:
        if item.plan.pardoned:
            issue.lift(item.player, item.plan.pardoned)
    return warned


def _record(items: Sequence[Applied], digest: str, chunk: Chunk) -> None:
    if not items:
        return
    record(
        Action.IMPORT_APPLIED,
        actor=chunk.actor,
        target=target_of(chunk.job),
        event_id=chunk.event,
        experience=chunk.job.experience,
        policy_version=active().bundle.version,
        details={
            "lines": [items[0].row.line, items[-1].row.line],
            "count": len(items),
            PART_OF: part_of(chunk.job.pk),
            **({"digest": digest} if digest else {}),
        },
    )


def _evaluate(items: Sequence[Applied], chunk: Chunk) -> None:
    """Promote, propose and demote by the policy. An undo gives the former ranks back instead."""
    if not items or chunk.job.inverse_of_id:
        return
    players = Player.objects.filter(pk__in=[item.player.pk for item in items]).order_by("user_id")
    candidates = [candidate_for(player) for player in players if not player.rank.is_punishment]
    evaluate_and_apply(may_change_rank(candidates, active(), chunk.now), chunk.context)


def _states_after(
    items: Sequence[Applied], warned: Mapping[int, list[int]], chunk: Chunk
) -> dict[int, dict[str, Any]]:
    found = facts_of([item.row for item in items], chunk.job.experience)
    states = {}
    for item in items:
        facts = found[item.row.user_id or 0]
        states[item.row.line] = _state(Applied(item.row, facts, item.plan))
        if item.row.line in warned:
            states[item.row.line]["warnings"] = warned[item.row.line]
    return states


def _store(
    items: Sequence[Applied],
    before: Mapping[int, dict[str, Any]],
    after: Mapping[int, dict[str, Any]],
    job: Import,
) -> None:
    for item in items:
        item.row.status = Status.APPLIED if item.plan.changes else _left(item.plan)
        if item.plan.refused:
            item.row.note = "; ".join(item.plan.notes)
    with connection.cursor() as cursor:
        columns = [
            numbers(item.row.line for item in items),
            texts(item.row.status for item in items),
            texts(item.row.note for item in items),
            texts(_json(before.get(item.row.line)) for item in items),
            texts(_json(after.get(item.row.line)) for item in items),
        ]
        cursor.execute(APPLIED, [*columns, job.pk])


def _left(plan: Plan) -> ImportRow.Status:
    return Status.SKIPPED if plan.notes else Status.UNCHANGED


def _json(state: dict[str, Any] | None) -> str:
    return "" if state is None else msgspec.json.encode(state).decode()


def _advance(job: Import, items: Sequence[Applied]) -> None:
    """Count the results, and reduce the charge of the day by them. The caller saves the job."""
    applied = [item for item in items if item.row.status == Status.APPLIED]
    left = [item for item in items if item.row.status != Status.APPLIED]
    used = sum(abs(int(item.row.amount * 100)) for item in applied)
    lost = [abs(int(item.row.amount * 100)) for item in left]
    players = sum(1 for amount in lost if amount)
    reservations.settle(job, used, returned=sum(lost), players=players)
    job.applied += len(applied)
    job.changing -= len(left)
    job.skipped += sum(item.row.status == Status.SKIPPED for item in left)
    job.unchanged += sum(item.row.status == Status.UNCHANGED for item in left)
    job.line = items[-1].row.line


def record_end(job: Import) -> None:
    """Record that an import is done, with what its events say one by one."""
    with connection.cursor() as cursor:
        cursor.execute(DONE, [job.pk])
        ranks, warnings = cursor.fetchone()
    record(
        Action.IMPORT_APPLIED,
        actor=requester_actor(job),
        target=target_of(job),
        details={
            "done": True,
            "count": job.applied,
            "sum": str(job.total),
            "ranks": ranks,
            "warnings": warnings,
        },
    )
