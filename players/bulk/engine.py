"""Start jobs, request their approval, and run their steps."""

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
from players.models import Adjustment, Approval, BulkJob, Import, Player
from players.moderation import approval_types, approvals, daily_limit, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import Permission, past_own_limit
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from players.moderation.velocity_limit import JobVolume

PREVIEW, WAITING = "preview", "waiting"
READ_EVERY = 30.0  # seconds between two reads of the requester's role on Roblox


class JobType[J: (BulkJob, Adjustment, Import)](ABC):
    """The differences between bulk jobs, adjustments and imports.

    `approval` is the kind of their requests, whose argument `key` is the job's id. `act` names a
    refused start in the audit log, `unknown` is the message for an unknown id. `may_be_empty`: a
    job that changes nobody may start.
    """

    model: type[J]
    approval: str
    key: str
    act: str
    unknown: str
    may_be_empty: bool

    @abstractmethod
    def why_not_entitled(self, by: Staff) -> str:
        """Return why somebody may not start or approve any such job, or an empty string."""

    @abstractmethod
    def why_not_approve_rows(self, job: J, by: Staff, now: dt.datetime) -> str:
        """Return why somebody may not do the act to one of the job's players, or an empty string."""

    @abstractmethod
    def begin(self, job: J, by: Staff, now: dt.datetime) -> None:
        """Mark the job as running and save it."""

    @abstractmethod
    def summary(self, job: J) -> dict[str, Any]:
        """Return further arguments of the request for approval."""

    @abstractmethod
    def sentence(self, approval: Approval) -> str:
        """Describe in a sentence what the request for approval is for."""

    @abstractmethod
    def execute(
        self, approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
    ) -> int | None:
        """Mark an approved job as running; return the id of the audit event."""

    @abstractmethod
    def close(self, approval: Approval, actor: Actor, reason: str, now: dt.datetime) -> None:
        """Handle a request that was rejected, withdrawn or expired."""

    def start(self, job_id: int, *, by: Staff, now: dt.datetime) -> J:
        """Run a preview, or request approval for it. A started job is returned unchanged.

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
        """Return why a second person must approve the job, or None."""
        taken = daily_limit.lock(by.person, daily_limit.day_of(now))
        load = JobVolume(job.changing, reservations.volume(job), taken, tripped)
        return velocity_limit.second_person_for(by, load, now)

    def check_entitled(self, by: Staff) -> None:
        """Raises NotAllowed for somebody who may not start such jobs."""
        if why_not := self.why_not_entitled(by):
            raise NotAllowed(f"You may not: {why_not}.")

    def locked(self, job_id: int) -> J:
        """Return the job, locked. Raises Refused for an unknown job."""
        job = self.model._default_manager.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None:
            raise Refused(self.unknown.format(job_id))
        return job

    def locked_waiting(self, approval: Approval) -> J:
        """Return the job of a request, locked. Raises Refused unless the job still waits."""
        job = self.locked(approval.arguments[self.key])
        if job.status != WAITING:
            raise Refused(f"The {self.model._meta.verbose_name} is {job.status} already.")
        return job

    def why_not_approve(self, by: Staff, approval: Approval) -> str:
        """Return why somebody may not be the second person. They must be allowed the whole job."""
        if why_not := self.why_not_entitled(by):
            return f"You may not: {why_not}."
        job = self.model._default_manager.get(pk=approval.arguments[self.key])
        moved, _ = reservations.pending(job)
        return self.why_not_approve_rows(job, by, approval.created_at) or past_own_limit(by, moved)

    def register(self) -> None:
        """Register with `approvals` how requests for these jobs are decided."""
        approval_types.executes(
            self.approval,
            judged=self.why_not_approve,
            sentence=self.sentence,
            close=self.close,
        )(self.execute)


def player_of(by: Staff) -> Player | None:
    """Return the player who acts, or None if the actor is not a player."""
    return Player.objects.filter(user_id=by.user_id).first() if by.user_id else None


def steps(step: Callable[[], bool], requester: Player | None, until: float = inf) -> Iterator[None]:
    """Call `step`, and yield after each call that leaves more to do.

    Ends at the moment `until` of the monotonic clock. The requester's role is read from Roblox
    every READ_EVERY seconds.
    """
    read_at = -inf
    while time.monotonic() < until:
        if time.monotonic() - read_at > READ_EVERY:
            read_at = time.monotonic()
            freshness.before_act(requester.user_id if requester else None)
        if not step():
            return
        yield
