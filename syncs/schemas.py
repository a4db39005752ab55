"""Request and response bodies of the API of pulls."""

from typing import Annotated

import msgspec

from players.api.schemas import Next, Out, Time

Whole = Annotated[int, msgspec.Meta(ge=0)]


class SyncIn(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What to pull. Without `experience`: from all of them. `cursor`: a page token of Roblox."""

    activity: Annotated[
        str, msgspec.Meta(pattern="^(points|leaderboard|members|restrictions|policy-drift)$")
    ]
    experience: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$")] | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] | None = None
    dry_run: bool = False
    full: bool = False


class StepOut(Out, frozen=True):
    at: Time
    text: str


class JobOut(Out, frozen=True):
    """A job. `jobs`: all jobs that the same request created.

    `status`: queued, running, paused, waiting (a person must confirm the `question`), done, failed,
    cancelled.
    """

    id: Whole
    activity: str
    experience: str | None
    status: str
    question: str
    dry_run: bool
    full: bool
    limit: int | None
    counters: dict[str, int]
    error: str
    attempts: Whole
    requested_by: str
    created_at: Time
    started_at: Time | None
    heartbeat_at: Time | None
    finished_at: Time | None
    retry_at: Time | None
    steps: list[StepOut]
    jobs: list[int] = []


class JobsOut(Out, frozen=True):
    """A page, newest first. `next` is the `after` of the next page, null on the last."""

    jobs: list[JobOut]
    next: Next
