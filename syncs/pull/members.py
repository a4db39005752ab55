"""Members: who is in the group with which roles, who came and went, and which ranks were changed by
hand on Roblox.
"""

from collections.abc import Sequence
from functools import partial

from django.utils import timezone

from common.database_clock import database_time
from players.active_policy import ActivePolicy, active
from players.models import Player
from roblox import cloud
from roblox.open_cloud import groups, users
from roblox.open_cloud.groups import Member
from syncs import drifts, jobs
from syncs.membership import landing
from syncs.membership.landing import Reading, Said
from syncs.models import SyncJob
from syncs.pull import missing_members
from syncs.pull.base import Activity, Calls, Cursor, Page
from syncs.roles import pins
from syncs.roles.pins import Contact

GONE = 1000  # members written off between two checkpoints


class Members(Activity):
    """The whole group, then those who were not met."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        self.group = cloud.group(calls.going_on)
        self.policy: ActivePolicy = active()
        self._contact: Contact | None = None
        self._asked_at = job.started_at

    def page(self, cursor: Cursor) -> Page:
        if cursor.get("phase") == "gone":
            self._names = {}
            return Page(dict(cursor), self._land_gone)
        self._contact = self._contact or self._meet()
        following = dict(cursor)
        self._asked_at = database_time()
        if "size" not in cursor:
            following["size"] = self._size()
        call = partial(groups.members, self.group.client, self.group.id, cursor.get("token", ""))
        self._members, token = self.calls.gather([call])[0]
        self._names = self._names_of_new(self._members)
        following["done"] = int(cursor.get("done", 0)) + len(self._members)
        over = not token or (self.job.limit is not None and following["done"] >= self.job.limit)
        following["token"] = token
        if over:
            following |= {"phase": "gone", "size": min(int(following["size"]), self._size())}
        # Who was not met is only known after the whole group was read.
        page = Page(None if over and self.job.limit is not None else following, self._land)
        page.count(listed=len(self._members))
        return page

    def _size(self) -> int:
        """How many members the group says it has."""
        return self.calls.gather([partial(groups.size, self.group.client, self.group.id)])[0]

    def _meet(self) -> Contact:
        """The group's roles and the pins, read anew whenever the job is taken up."""
        asked_at = database_time()
        roles = self.calls.gather([partial(groups.roles, self.group.client, self.group.id)])[0]
        return pins.land(self.group.id, roles, asked_at, keep=not self.job.dry_run)

    def _names_of_new(self, members: Sequence[Member]) -> dict[int, tuple[str, str]]:
        """Names of those who hold a rank and are no players yet."""
        known = set(
            Player.objects.filter(user_id__in=[one.user_id for one in members]).values_list(
                "user_id", flat=True
            )
        )
        lowest, reading = self.policy.bundle.first, self._reading()
        new = [
            one.user_id
            for one in members
            if one.user_id not in known and reading.shown(one.roles).rank != lowest
        ]
        found = self.calls.gather(
            [partial(users.get, self.group.client, user_id) for user_id in new]
        )
        return {
            user_id: (user.name[:50], user.display_name[:50])
            if user and user.name
            else (f"user_{user_id}", "")
            for user_id, user in zip(new, found, strict=True)
        }

    def _reading(self) -> Reading:
        return Reading(
            self.group.id,
            self._contact,
            drifts.job_actor(self.job),
            timezone.now(),
            self.job,
            self._asked_at,
        )

    def _land(self, page: Page) -> None:
        said = [Said(one.user_id, one.roles, one.joined_at) for one in self._members]
        self._tell(page, said)

    def _tell(self, page: Page, said: Sequence[Said]) -> int:
        """Land what was read; how many players left by it."""
        landed = landing.land(
            said,
            self._reading(),
            names=self._names,
            adopted=int(self.job.counters.get("adopted", 0)),
            dry_run=self.job.dry_run,
        )
        page.count(**landed.counts)
        page.lines += landed.lines
        return landed.counts.get("left", 0)

    def _land_gone(self, page: Page) -> None:
        """Write off who was not met, a thousand at a time: first members, then players of whom
        nothing is known.
        """
        cursor = page.cursor or {}
        if "after" not in cursor and not self._goes_on(page, cursor):
            return
        after = int(cursor.get("after", 0))
        if cursor.get("players"):
            user_ids = list(missing_members.players(self.job, self.group.id, after)[:GONE])
        else:
            user_ids = list(missing_members.members(self.job, self.group.id, after)[:GONE])
        known = self._tell(page, [Said(user_id, None) for user_id in user_ids])
        if not cursor.get("players"):
            page.count(left=len(user_ids) - known)  # those who are no players
        if len(user_ids) == GONE:
            page.cursor = cursor | {"after": user_ids[-1]}
        elif cursor.get("players"):
            page.cursor = None
        else:
            page.cursor = cursor | {"after": 0, "players": True}

    def _goes_on(self, page: Page, cursor: Cursor) -> bool:
        """Whether those who were not met are written off: not by a listing that is short of the
        group's own count, and not many, or any of the staff, before a person confirmed it.
        """
        if self.job.dry_run:  # it writes nobody down, so it cannot say whom it did not meet
            page.cursor = None
            return False
        met, size = missing_members.met(self.job, self.group.id), int(cursor.get("size", 0))
        if not met or met < size:
            jobs.say(
                self.job, f"Roblox listed {met:,} of {size:,} members, so nobody is written off."
            )
            page.count(short=1)
            page.cursor = None
            return False
        page.question = (
            "" if self.job.confirmed_by else missing_members.question(self.job, self.group.id)
        )
        if not page.question:
            jobs.withdraw_questions(self.job)
        return not page.question
