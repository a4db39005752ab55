"""Whether the group's roles still fit the policy: a rank whose role is gone or called otherwise cannot be mirrored."""

from functools import partial

from django.conf import settings
from django.utils import timezone

from players.policies import active
from players.policy.bundle import PolicyError, load_bundle
from roblox import cloud
from roblox.open_cloud import groups
from syncs import drifts
from syncs.drifts import Difference
from syncs.models import Drift, SyncJob
from syncs.pull.base import Activity, Calls, Cursor, Page


class PolicyDrift(Activity):
    """The group's roles and the files in `config/`, against the policy in force."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        self.group = cloud.group(calls.going_on)

    def page(self, cursor: Cursor) -> Page:
        roles = self.calls.gather([partial(groups.roles, self.group.client, self.group.id)])[0]
        self._differences = [*_ranks_without_role(roles), *_files()]
        page = Page(None, self._land)
        page.count(listed=len(roles), differing=len(self._differences))
        page.lines += [f"{one.subject}: {one.detail}" for one in self._differences]
        return page

    def _land(self, page: Page) -> None:
        if self.job.dry_run:
            return
        now = timezone.now()
        page.count(new=drifts.note(self._differences, experience=None, job=self.job, now=now))
        drifts.agree_unseen(Drift.Aspect.POLICY, experience=None, job=self.job, now=now)


def _ranks_without_role(roles: list[groups.Role]) -> list[Difference]:
    by_number = {role.rank: role for role in roles}
    found = []
    for rank in active().bundle.ranks:
        role = by_number.get(rank.role)
        if role is None:
            detail = f"the group has no role with the rank number {rank.role}; make it, or change the policy"
            found.append(Difference(Drift.Aspect.POLICY, rank.name, {"role": rank.role}, None, detail))
        elif role.name and role.name != rank.name:
            detail = f"the role {rank.role} is called {role.name!r} in the group"
            theirs = {"role": role.rank, "rank": role.name}
            found.append(Difference(Drift.Aspect.POLICY, rank.name, {"role": rank.role}, theirs, detail))
    return found


def _files() -> list[Difference]:
    """The policy's files are edited first and activated after; that they differ for long is worth a look."""
    version = active().bundle.version
    try:
        theirs, detail = load_bundle(settings.POLICY_DIR).version, "config/ differs from the policy in force"
    except PolicyError as error:
        theirs, detail = "", f"config/ is not a valid policy: {str(error)[:500]}"
    if theirs == version:
        return []
    return [Difference(Drift.Aspect.POLICY, "config/", {"version": version}, {"version": theirs}, detail)]
