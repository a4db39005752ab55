"""Bulk jobs up to their start: a preview that changes nothing, and who lets it go.

Beyond a few rows, and where any row needs it, a second person approves who may do the act to each
of the players.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Abs

from audits.actions import Action
from audits.queries import PlacedEvent, events_by_id
from audits.record import Target, record
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from players.bulk import actions, reversals
from players.bulk.actions import KINDS, REVERT
from players.bulk.facts import Case, Judge, look
from players.models import ZERO, Approval, BulkJob, BulkRow, Player
from players.moderation import approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approvals import ApprovalRequest
from players.moderation.authorization import check_reason, past_own_limit, telling_refusals
from players.moderation.command import Command
from players.moderation.daily_limit import Taken
from players.policy.permissions import Act

MOST_PLAYERS = 1_000
KEPT = dt.timedelta(days=1)  # how long a preview waits for its maker
APPROVAL = "bulk"
RIGHT = "console.bulk"
Status = BulkJob.Status


def preview(
    act: str,
    user_ids: Sequence[int],
    arguments: dict[str, Any],
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
) -> BulkJob:
    """Judge an act on each of these players; nobody is changed, `start` comes next.

    `arguments` are the act's: evidence, until (a moment), amount (hundredths), rank (its name),
    text. Raises Refused that names what to mend, NotAllowed.
    """
    reason = check_reason(reason)
    if act not in KINDS:
        raise Refused(f"act: {act!r} is not one of {', '.join(KINDS)}.")
    if not user_ids or len(set(user_ids)) > MOST_PLAYERS:
        raise Refused(f"players: select 1 to {MOST_PLAYERS:,}, not {len(set(user_ids)):,}.")
    with telling_refusals(APPROVAL, None, by), transaction.atomic():
        _check_right(by)
        given = KINDS[act].check(arguments, by, now)
        players = _players(user_ids)
        ground = look(players, by, now)
        cases = [KINDS[act].case(player, ground, given) for player in players]
        return _write(BulkJob(act=act, arguments=given, reason=reason), cases, by, now)


def preview_revert(
    actors: tuple[tuple[str, str], ...], since: dt.datetime, until: dt.datetime, **order: Any
) -> BulkJob:
    """Judge the undo of what these actors (kind, id) did in a span of time. `by`, `reason`, `now`.
    Raises Refused.
    """
    arguments = {
        "actors": [f"{kind}:{name}" for kind, name in actors],
        "since": since.isoformat(),
        "until": until.isoformat(),
    }
    return _preview_revert(reversals.of_actors(actors, since, until), arguments, **order)


def preview_undo(job_id: int, **order: Any) -> BulkJob:
    """Judge the undo of all that a job did. `by`, `reason`, `now`. Raises Refused."""
    job = BulkJob.objects.filter(pk=job_id).first()
    if job is None or job.status != Status.DONE:
        raise Refused("Only a job that is done can be taken back.")
    return _preview_revert(reversals.of_job(job), {"job": job_id}, **order)


def start(job_id: int, *, by: Staff, now: dt.datetime) -> BulkJob:
    """Let a preview go: to be carried out, or to wait for a second person. Started already, it
    stays as it is.

    Raises Refused for anybody but its maker, and where nothing would change.
    """
    with telling_refusals(APPROVAL, None, by), transaction.atomic():
        _check_right(by)
        tripped = velocity_limit.is_tripped(by, now)
        job = _locked(job_id)
        if not by.is_person(job.requested_by):
            raise Refused("Somebody else made this preview; make one of your own.")
        if job.status != Status.PREVIEW:
            return job
        if not job.changing:
            raise Refused("Nothing would change, so there is nothing to start.")
        if by.alone:
            return _begin(job, by, now, settled=True)
        total, players, largest = moved(job)
        taken = daily_limit.lock(by.person, daily_limit.day_of(now))
        second = velocity_limit.second_for(
            by,
            now,
            tripped=tripped,
            rows=job.changing,
            moved=total,
            players=players,
            largest=largest,
            taken=taken,
        )
        job.second = job.second or (second.reason if second else "")
        if job.second:
            return _hold(job, second.cause if second else Approval.Cause.SECOND, by, now)
        velocity_limit.note(by, now, job.changing)
        return _begin(job, by, now)


def state(job: BulkJob) -> str:
    """Where a job is: its status, but closed where its request was not approved: rejected,
    withdrawn, expired.
    """
    if (
        job.status == Status.WAITING
        and job.approval is not None
        and job.approval.status != Approval.Status.WAITING
    ):
        return str(job.approval.status)
    return str(job.status)


def reasons(job: BulkJob) -> Iterator[tuple[str, str, int, list[int]]]:
    """Why rows are passed over: status, note, how many, and our ids of the first three players."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, note, count(*), (array_agg(player_id ORDER BY line))[1:3] FROM bulk_rows"
            " WHERE job_id = %s AND note <> '' GROUP BY status, note ORDER BY 3 DESC, 2 LIMIT 50",
            [job.pk],
        )
        yield from cursor.fetchall()


def purge(now: dt.datetime) -> int:
    """Forget previews that nobody let go (how many), and the texts of jobs that were turned down."""
    with transaction.atomic():
        previews = BulkJob.objects.filter(status=Status.PREVIEW, created_at__lt=now - KEPT)
        old = [job.pk for job in previews.select_for_update(skip_locked=True)[:100]]
        BulkRow.objects.filter(job__in=old).delete()
        BulkJob.objects.filter(pk__in=old).delete()
    closed = [Approval.Status.REJECTED, Approval.Status.WITHDRAWN, Approval.Status.EXPIRED]
    turned_down = BulkJob.objects.filter(status=Status.WAITING, approval__status__in=closed)
    turned_down.filter(arguments__has_any_keys=["text", "evidence"]).update(arguments=BARE)
    return len(old)


# A note's text and links to what was seen may show the person: the notes and sanctions keep them,
# and lose them when
# the person is erased.
BARE = RawSQL("arguments - 'text' - 'evidence'", [])


def _preview_revert(
    found: Sequence[PlacedEvent],
    arguments: dict[str, Any],
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
) -> BulkJob:
    reason = check_reason(reason)
    if not found:
        raise Refused("There is nothing that can be taken back.")
    with telling_refusals(APPROVAL, None, by), transaction.atomic():
        _check_right(by)
        return _write(
            BulkJob(act=REVERT, arguments=arguments, reason=reason), reversals.cases(found), by, now
        )


def _check_right(by: Staff) -> None:
    if not by.has(RIGHT):
        raise NotAllowed("You may not: your rank does not entitle you to mass changes.")


def _players(user_ids: Sequence[int]) -> list[Player]:
    """The players in the order in which they were selected. Raises Refused for whom there is not."""
    found = {
        player.user_id: player
        for player in Player.objects.filter(user_id__in=user_ids).select_related(
            "rank", "former_rank"
        )
    }
    unknown = [str(user_id) for user_id in dict.fromkeys(user_ids) if user_id not in found]
    if unknown:
        raise Refused(f"players: no player has the user id {', '.join(unknown[:5])}; select again.")
    return [found[user_id] for user_id in dict.fromkeys(user_ids)]


def _write(job: BulkJob, cases: Sequence[Case], by: Staff, now: dt.datetime) -> BulkJob:
    """Write a job with its rows, each of them judged."""
    judge = Judge.of(by, now)
    verdicts = [judge.judge(case) for case in cases]
    job.requested_by, job.created_at = by.person, now
    job.requester = Player.objects.filter(user_id=by.user_id).first() if by.user_id else None
    job.rows, job.changing = len(cases), sum(found.allowed for found in verdicts)
    job.skipped = job.rows - job.changing
    needing = [found.reason for found in verdicts if found.allowed and found.second]
    many = velocity_limit.second_for(
        by, now, tripped=False, rows=job.changing, moved=0, players=0, largest=0, taken=Taken()
    )
    job.second = needing[0] if needing and not by.alone else many.reason if many else ""
    job.save(force_insert=True)
    BulkRow.objects.bulk_create(
        [
            BulkRow(
                job=job,
                line=line,
                player=case.player,
                subject=case.subject,
                amount=points(case.amount),
                status=BulkRow.Status.PENDING if found.allowed else BulkRow.Status.SKIPPED,
                note="" if found.allowed else found.reason,
            )
            for line, (case, found) in enumerate(zip(cases, verdicts, strict=True), 1)
        ],
        batch_size=1_000,
    )
    job.refresh_from_db()
    return job


def moved(job: BulkJob) -> tuple[int, int, int]:
    """By how many hundredths a job adjusts players, without the signs, how many of them, and by how
    much at most.
    """
    rows = BulkRow.objects.filter(job=job, status=BulkRow.Status.PENDING).exclude(amount=0)
    found = rows.aggregate(
        moved=Sum(Abs("amount")), players=Count("line"), largest=Max(Abs("amount"))
    )
    return (
        hundredths(found["moved"] or ZERO),
        found["players"],
        hundredths(found["largest"] or ZERO),
    )


def paid(job: BulkJob) -> Taken | None:
    """What counts on the day that a job was charged to, beside the job itself; None for one that
    was not charged.

    Its row is locked.
    """
    if job.charged_on is None:
        return None
    left = hundredths(job.reserved)
    taken = daily_limit.lock(job.requested_by, job.charged_on)
    return taken.less(left, players=moved(job)[1], approved=job.settled)


def _charge(job: BulkJob, now: dt.datetime) -> None:
    """Charge what a job adjusts to the day on which it begins, for whoever asked for it."""
    total, players, _ = moved(job)
    if not players:
        return
    job.charged_on, job.reserved = daily_limit.day_of(now), points(total)
    daily_limit.lock(job.requested_by, job.charged_on)
    daily_limit.charge(
        job.requested_by, job.charged_on, total, players=players, approved=job.settled
    )


def _hold(job: BulkJob, cause: Approval.Cause, by: Staff, now: dt.datetime) -> BulkJob:
    job.approval = approvals.request_approval(
        ApprovalRequest(
            APPROVAL,
            arguments={
                "job": job.pk,
                "act": job.act,
                "rows": job.changing,
                "told": actions.told(job.act, job.arguments, job.changing),
            },
            cause=cause,
        ),
        Command(by=by, reason=job.reason, now=now),
    )
    job.status = Status.WAITING
    job.save(update_fields=["status", "second", "approval"])
    return job


def _begin(job: BulkJob, by: Staff, now: dt.datetime, *, settled: bool = False) -> BulkJob:
    job.event = record(
        Action.BULK_STARTED,
        actor=by.actor,
        target=Target("bulk", str(job.pk), ""),
        reason=job.reason,
        details={"act": job.act, "rows": job.changing}
        | ({"approval": job.approval_id} if job.approval_id else {}),
    )
    job.status, job.started_at, job.settled = Status.RUNNING, now, settled
    _charge(job, now)
    job.save(update_fields=["status", "started_at", "settled", "event", "charged_on", "reserved"])
    return job


def _locked(job_id: int) -> BulkJob:
    job = BulkJob.objects.select_for_update(no_key=True).filter(pk=job_id).first()
    if job is None:
        raise Refused(f"There is no bulk job {job_id}; a preview is kept for a day.")
    return job


def _judged(by: Staff, approval: Approval) -> str:
    """Why somebody may not approve a job: they must be one who may do the act to each of the
    players.
    """
    job = BulkJob.objects.get(pk=approval.arguments["job"])
    if not by.has(RIGHT):
        return "You are not entitled to mass changes."
    judge, total = Judge.of(by, approval.created_at), 0
    for line, case in _pending(job, by, approval.created_at):
        found = judge.judge(case)
        if not found.allowed:
            return f"Row {line}: {found.reason}"
        total += abs(case.amount)
    return past_own_limit(by, total)


def _pending(job: BulkJob, by: Staff, now: dt.datetime) -> Iterator[tuple[int, Case]]:
    """The rows to be done, with what somebody is judged by; what makes no sense any more is passed
    over later.
    """
    rows = list(
        BulkRow.objects.filter(job=job, status=BulkRow.Status.PENDING)
        .select_related("player__rank", "player__former_rank")
        .order_by("line")
    )
    if job.act == REVERT:
        found = events_by_id([row.subject for row in rows if row.subject], personal=False)
        cases = {case.subject: case for case in reversals.cases(found.values())}
        yield from (
            (row.line, _as_such(cases[row.subject])) for row in rows if row.subject in cases
        )
        return
    ground = look([row.player for row in rows if row.player], by, now)
    for row in rows:
        if row.player is not None:
            yield row.line, _as_such(KINDS[job.act].case(row.player, ground, job.arguments))


def _as_such(case: Case) -> Case:
    """The case without whether it makes sense now: who approves is asked whether they may."""
    act = (
        case.act
        if case.to is not None or case.act not in {Act.PROPOSE, Act.PROMOTE, Act.DEMOTE}
        else Act.ADJUST
    )
    return Case(
        act,
        case.player,
        case.subject,
        case.to,
        case.amount,
        why_not="" if case.player else case.why_not,
    )


@approvals.carries_out(
    APPROVAL,
    judged=_judged,
    sentence=lambda approval: str(approval.arguments["told"]),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    job = _locked(approval.arguments["job"])
    if job.status != Status.WAITING:
        raise Refused(f"The job is {job.status} already.")
    return _begin(job, requester, now, settled=True).event
