"""The pull of members: who is in the group, joined or left, and roles changed on Roblox."""

from collections.abc import Sequence
from functools import partial

from common import database_clock
from common.database_clock import database_time
from players.active_policy import ActivePolicy, active
from players.models import Player
from roblox import cloud
from roblox.open_cloud import groups, users
from roblox.open_cloud.groups import Member
from syncs import drift, jobs
from syncs.membership import first_contact, landing
from syncs.membership.reading import Reading, ReportedMember
from syncs.models import SyncJob
from syncs.pull import missing_members
from syncs.pull.base import Activity, Calls, Cursor, PulledPage
from syncs.roles import pins
from syncs.roles.pins import Contact

MISSING = 1000  # missing members in one page


class Members(Activity):
    """Pull the whole group, then process the members who were not listed."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        self.group = cloud.group(calls.going_on)
        self.policy: ActivePolicy = active()
        self._contact: Contact | None = None
        self._asked_at = job.started_at

    def page(self, cursor: Cursor) -> PulledPage:
        if cursor.get("phase") == "gone":
            self._names = {}
            return PulledPage(dict(cursor), self._land_missing)
        self._contact = self._contact or self._read_roles()
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
        # Missing members are known only after the whole group was read.
        page = PulledPage(None if over and self.job.limit is not None else following, self._land)
        page.count(listed=len(self._members))
        return page

    def _size(self) -> int:
        """Return the member count that Roblox reports for the group."""
        return self.calls.gather([partial(groups.size, self.group.client, self.group.id)])[0]

    def _read_roles(self) -> Contact:
        """Read the group's roles. This is done once each time the job is claimed."""
        asked_at = database_time()
        roles = self.calls.gather([partial(groups.roles, self.group.client, self.group.id)])[0]
        return pins.land(self.group.id, roles, asked_at, keep=not self.job.dry_run)

    def _names_of_new(self, members: Sequence[Member]) -> dict[int, tuple[str, str]]:
        """Return the names of members who have a rank and are no players yet."""
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
            drift.job_actor(self.job),
            database_clock.now(),
            self.job,
            self._asked_at,
            adopted=int(self.job.counters.get("adopted", 0)),
            dry_run=self.job.dry_run,
            first=not first_contact.is_met(self.group.id),
        )

    def _land(self, page: PulledPage) -> None:
        members = self._members
        self._land_reported(
            page, [ReportedMember(one.user_id, one.roles, one.joined_at) for one in members]
        )
        whole = page.cursor is not None and page.cursor.get("phase") == "gone"
        if whole and not self.job.dry_run:
            first_contact.register(self.group.id)

    def _land_reported(self, page: PulledPage, reported: Sequence[ReportedMember]) -> int:
        """Store what was read, and return the number of players who left."""
        landed = landing.land(reported, self._reading(), self._names)
        page.count(**landed.counts)
        page.lines += landed.lines
        return landed.counts.get("left", 0)

    def _land_missing(self, page: PulledPage) -> None:
        """Record missing members as left, MISSING at a time, then players without a membership row."""
        cursor = page.cursor or {}
        if "after" not in cursor and not self._may_record_missing(page, cursor):
            return
        after = int(cursor.get("after", 0))
        if cursor.get("players"):
            user_ids = list(missing_members.players(self.job, self.group.id, after)[:MISSING])
        else:
            user_ids = list(missing_members.members(self.job, self.group.id, after)[:MISSING])
        players_left = self._land_reported(
            page, [ReportedMember(user_id, None) for user_id in user_ids]
        )
        if not cursor.get("players"):
            page.count(left=len(user_ids) - players_left)  # the others are no players
        if len(user_ids) == MISSING:
            page.cursor = cursor | {"after": user_ids[-1]}
        elif cursor.get("players"):
            page.cursor = None
        else:
            page.cursor = cursor | {"after": 0, "players": True}

    def _may_record_missing(self, page: PulledPage, cursor: Cursor) -> bool:
        """Return whether missing members may be recorded as left.

        If the listing is shorter than the group's member count, they may not. If they are many, or
        include staff, a person must confirm first.
        """
        if self.job.dry_run:  # it stores no memberships, so nobody is missing
            page.cursor = None
            return False
        met, size = missing_members.listed(self.job, self.group.id), int(cursor.get("size", 0))
        if not met or met < size:
            jobs.add_step(
                self.job,
                f"Roblox listed {met:,} of {size:,} members, so nobody is recorded as left.",
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
