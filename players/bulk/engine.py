"""Start jobs, have them approved, and run their steps."""

import datetime as dt
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from django.db import transaction

from audits.record import Actor
from common.errors import NotAllowed, Refused
from players.bulk import reservations
from players.membership import freshness
from players.models import Adjustment, Approval, BulkJob, Player
from players.moderation import approval_types, approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import Permission, past_own_limit
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from players.moderation.velocity_limit import Load

PREVIEW, WAITING = "preview", "waiting"
READ_EVERY = 30.0  # seconds between two reads of the requester's role on Roblox


class JobType[J: (BulkJob, Adjustment)](ABC):
    """What differs between bulk jobs and adjustments.

    `approval` is their kind of request, whose argument `key` is the job's id. `act` is how the
    audit log names a refused start, `unknown` the message for an unknown id. `may_be_empty`: a job
    that changes nobody may start.
    """

    model: type[J]
    approval: str
    key: str
    act: str
    unknown: str
    may_be_empty: bool

    @abstractmethod
    def why_not_entitled(self, by: Staff) -> str:
        """Why somebody may not have any such job; empty if they may."""

    @abstractmethod
    def why_not_approve_rows(self, job: J, by: Staff, now: dt.datetime) -> str:
        """Why somebody may not do the act to one of the job's players; empty if they may."""

    @abstractmethod
    def begin(self, job: J, by: Staff, now: dt.datetime) -> None:
        """Have the job run."""

    @abstractmethod
    def summary(self, job: J) -> dict[str, Any]:
        """What the request for approval says about the job."""

    @abstractmethod
    def sentence(self, approval: Approval) -> str:
        """What the request for approval asks for."""

    @abstractmethod
    def execute(
        self, approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        """Have an approved job run; the audit event."""

    @abstractmethod
    def close(self, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
        """Handle a request that was rejected, withdrawn or expired."""

    def start(self, job_id: int, *, by: Staff, now: dt.datetime) -> J:
        """Run a preview, or request approval for it; a started job is returned unchanged.

        Raises Refused for anybody but its requester, and NotAllowed.
        """
        with audit_refusals(self.act, None, by), transaction.atomic():
            self.check_entitled(by)
            tripped = velocity_limit.is_tripped(by, now)
            job = self.locked(job_id)
            if not by.is_person(job.requested_by):
                raise Refused("Somebody else made this preview; make one of your own.")
            if job.status != PREVIEW:
                return job
            if not job.changing and not self.may_be_empty:
                raise Refused("Nothing would change, so there is nothing to start.")
            second = self.second_person(job, by, now, tripped=tripped)
            if second is not None:
                self._request_approval(job, second, by, now)
                return job
            velocity_limit.record_acts(by, now, job.changing)
            self.begin(job, by, now)
            return job

    def _request_approval(self, job: J, second: Permission, by: Staff, now: dt.datetime) -> None:
        job.approval = approvals.request_approval(
            ApprovalRequest(
                self.approval,
                arguments={self.key: job.pk, "rows": job.changing} | self.summary(job),
                cause=second.cause,
            ),
            Command(by=by, reason=job.reason, now=now),
        )
        job.status = job.Status.WAITING
        job.save()

    def second_person(
        self, job: J, by: Staff, now: dt.datetime, *, tripped: bool
    ) -> Permission | None:
        """Why a second person must approve the job; None if nobody must."""
        taken = daily_limit.lock(by.person, daily_limit.day_of(now))
        load = Load(job.changing, reservations.volume(job), taken, tripped)
        return velocity_limit.second_person_for(by, load, now)

    def check_entitled(self, by: Staff) -> None:
        """Raises NotAllowed."""
        if why_not := self.why_not_entitled(by):
            raise NotAllowed(f"You may not: {why_not}.")

    def locked(self, job_id: int) -> J:
        """Raises Refused for an unknown job."""
        job = self.model._default_manager.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None:
            raise Refused(self.unknown.format(job_id))
        return job

    def locked_waiting(self, approval: Approval) -> J:
        """The job that a request is about. Raises Refused unless it still waits."""
        job = self.locked(approval.arguments[self.key])
        if job.status != WAITING:
            raise Refused(f"The {self.model._meta.verbose_name} is {job.status} already.")
        return job

    def why_not_approve(self, by: Staff, approval: Approval) -> str:
        """Why somebody may not be the second person: they must be allowed the whole job."""
        if why_not := self.why_not_entitled(by):
            return f"You may not: {why_not}."
        job = self.model._default_manager.get(pk=approval.arguments[self.key])
        moved, _ = reservations.pending(job)
        return self.why_not_approve_rows(job, by, approval.created_at) or past_own_limit(by, moved)

    def register(self) -> None:
        """Have `approvals` decide on requests for these jobs."""
        approval_types.executes(
            self.approval,
            judged=self.why_not_approve,
            sentence=self.sentence,
            close=self.close,
        )(self.execute)


def player_of(by: Staff) -> Player | None:
    """The player who acts, if they are one."""
    return Player.objects.filter(user_id=by.user_id).first() if by.user_id else None


def steps(step: Callable[[], bool], requester: Player | None, until: float = inf) -> Iterator[None]:
    """Call `step`, and yield after each call that leaves more to do.

    Ends at the moment `until` of the monotonic clock. The requester's role is read from Roblox now
    and then.
    """
    read_at = -inf
    while time.monotonic() < until:
        if time.monotonic() - read_at > READ_EVERY:
            read_at = time.monotonic()
            freshness.before_act(requester.user_id if requester else None)
        if not step():
            return
        yield
