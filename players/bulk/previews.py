"""Preview bulk jobs: store a job with its rows and the effect on each. No player changes."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from audits.queries import PlacedEvent
from common.amounts import points
from common.errors import Refused
from players.bulk import actions, engine, reversals
from players.bulk.actions import ACTIONS, REVERT
from players.bulk.facts import Case, Judge
from players.bulk.row_executor import BULK_JOBS, WITHOUT_PERSONAL_DATA
from players.models import Approval, BulkJob, BulkRow, Player
from players.moderation import velocity_limit
from players.moderation.actors import Staff
from players.moderation.authorization import Permission
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from players.moderation.velocity_limit import JobVolume

MOST_PLAYERS = 1_000
KEPT = dt.timedelta(days=1)  # a preview that nobody started is deleted after this time
Status = BulkJob.Status


def preview(
    act: str,
    user_ids: Sequence[int],
    arguments: dict[str, Any],
    command: Command,
) -> BulkJob:
    """Preview an act on each of these players.

    `arguments` are those of the act: evidence, until (a datetime), amount (hundredths), rank (its
    name), text. Raises Refused naming the field to correct, and NotAllowed.
    """
    command = command.checked()
    by, now = command.by, command.now
    if act not in ACTIONS:
        raise Refused(f"act: {act!r} is not one of {', '.join(ACTIONS)}.")
    if not user_ids or len(set(user_ids)) > MOST_PLAYERS:
        raise Refused(f"players: select 1 to {MOST_PLAYERS:,}, not {len(set(user_ids)):,}.")
    with audit_refusals(BULK_JOBS.act, None, by), transaction.atomic():
        BULK_JOBS.check_entitled(by)
        given = actions.check(act, arguments, by, now)
        players = _players(user_ids)
        cases = actions.cases(act, players, given, by, now)
        return _store(BulkJob(act=act, arguments=given), cases, command)


def preview_revert(
    actors: tuple[tuple[str, str], ...],
    span: tuple[dt.datetime, dt.datetime],
    command: Command,
) -> BulkJob:
    """Preview the undo of what these actors (kind, id) did in a span of time.

    Raises Refused, NotAllowed.
    """
    since, until = span
    job = BulkJob(
        act=REVERT,
        arguments={
            "actors": [f"{kind}:{name}" for kind, name in actors],
            "since": since.isoformat(),
            "until": until.isoformat(),
        },
    )
    return _preview_events(job, reversals.of_actors(actors, since, until), command)


def preview_undo(job_id: int, command: Command) -> BulkJob:
    """Preview the undo of everything that a job did. Raises Refused, NotAllowed."""
    done = BulkJob.objects.filter(pk=job_id, status=Status.DONE).first()
    if done is None:
        raise Refused("Only a job that is done can be taken back.")
    job = BulkJob(act=REVERT, arguments={"job": job_id})
    return _preview_events(job, reversals.of_job(done), command)


def purge(now: dt.datetime) -> int:
    """Delete old previews, and the personal data of jobs that were not approved.

    Returns the number of deleted previews.
    """
    with transaction.atomic():
        previews = BulkJob.objects.filter(status=Status.PREVIEW, created_at__lt=now - KEPT)
        old = [job.pk for job in previews.select_for_update(skip_locked=True)[:100]]
        BulkRow.objects.filter(job__in=old).delete()
        BulkJob.objects.filter(pk__in=old).delete()
    closed = [Approval.Status.REJECTED, Approval.Status.WITHDRAWN, Approval.Status.EXPIRED]
    refused = BulkJob.objects.filter(status=Status.WAITING, approval__status__in=closed)
    refused.filter(arguments__has_any_keys=["text", "evidence"]).update(
        arguments=WITHOUT_PERSONAL_DATA
    )
    return len(old)


def _preview_events(job: BulkJob, events: Sequence[PlacedEvent], command: Command) -> BulkJob:
    command = command.checked()
    if not events:
        raise Refused("There is nothing that can be taken back.")
    with audit_refusals(BULK_JOBS.act, None, command.by), transaction.atomic():
        BULK_JOBS.check_entitled(command.by)
        return _store(job, reversals.cases(events), command)


def _players(user_ids: Sequence[int]) -> list[Player]:
    """Return the players in the order of `user_ids`. Raises Refused naming unknown ids."""
    rows = Player.objects.filter(user_id__in=user_ids).select_related("rank", "former_rank")
    found = {player.user_id: player for player in rows}
    unknown = [str(user_id) for user_id in dict.fromkeys(user_ids) if user_id not in found]
    if unknown:
        raise Refused(f"players: no player has the user id {', '.join(unknown[:5])}; select again.")
    return [found[user_id] for user_id in dict.fromkeys(user_ids)]


def _store(job: BulkJob, cases: Sequence[Case], command: Command) -> BulkJob:
    by, now = command.by, command.now
    judge = Judge.of(by, now)
    job.reason = command.reason
    verdicts = [judge.judge(case) for case in cases]
    job.requested_by, job.requester, job.created_at = by.person, engine.player_of(by), now
    job.rows, job.changing = len(cases), sum(found.allowed for found in verdicts)
    job.skipped = job.rows - job.changing
    job.second = _second_person(job, verdicts, by, now)
    job.save(force_insert=True)
    BulkRow.objects.bulk_create(
        map(_row, [job] * len(cases), range(1, len(cases) + 1), cases, verdicts), batch_size=1_000
    )
    job.refresh_from_db()
    return job


def _second_person(
    job: BulkJob, verdicts: Sequence[Permission], by: Staff, now: dt.datetime
) -> str:
    """Return why a second person must approve the job, or an empty string."""
    needing = [found.reason for found in verdicts if found.allowed and found.needs_second_person]
    if needing and not by.bypasses_second_person:
        return needing[0]
    many = velocity_limit.second_person_for(by, JobVolume(job.changing), now)
    return many.reason if many else ""


def _row(job: BulkJob, line: int, case: Case, found: Permission) -> BulkRow:
    return BulkRow(
        job=job,
        line=line,
        player=case.player,
        subject=case.subject,
        amount=points(case.amount),
        status=BulkRow.Status.PENDING if found.allowed else BulkRow.Status.SKIPPED,
        note="" if found.allowed else found.reason,
    )
