"""Compare the group's roles and the files in `config/` with the active policy."""

from functools import partial

from django.conf import settings

from common import database_clock
from common.database_clock import database_time
from players.active_policy import active
from players.models import PolicyVersion
from players.policy.bundle import RankRule, load_bundle
from players.policy.validation import PolicyError
from roblox import cloud
from roblox.open_cloud import groups
from roblox.open_cloud.groups import Role
from syncs import drift
from syncs.drift import Difference, Sighting
from syncs.models import Drift, SyncJob
from syncs.pull.base import Activity, Calls, Cursor, PulledPage
from syncs.roles import pins
from syncs.roles.pins import Contact


class PolicyDrift(Activity):
    """One page with all differences. A rank whose role is gone or renamed cannot be mirrored."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        self.group = cloud.group(calls.going_on)

    def page(self, cursor: Cursor) -> PulledPage:
        asked_at = database_time()
        roles = self.calls.gather([partial(groups.roles, self.group.client, self.group.id)])[0]
        contact = pins.land(self.group.id, roles, asked_at, keep=not self.job.dry_run)
        self._differences = [*_ranks_without_role(contact), *_files()]
        page = PulledPage(None, self._land)
        page.count(listed=len(roles), differing=len(self._differences))
        page.lines += [f"{one.subject}: {one.detail}" for one in self._differences]
        return page

    def _land(self, page: PulledPage) -> None:
        if self.job.dry_run:
            return
        now = database_clock.now()
        sighting = Sighting(now, job=self.job)
        page.count(new=drift.register(self._differences, sighting))
        drift.agree_unseen(Drift.Aspect.POLICY, sighting)


def _ranks_without_role(contact: Contact) -> list[Difference]:
    found = []
    for rank in active().bundle.ranks:
        role = contact.roles.get(contact.pins.roles.get(rank.name, 0))
        theirs = None if role is None else {"role": role.rank, "rank": role.name}
        detail = _detail(rank, role, contact.pins.parked.get(rank.name, ""))
        if detail:
            found.append(
                Difference(Drift.Aspect.POLICY, rank.name, {"role": rank.role}, theirs, detail)
            )
    return found


def _detail(rank: RankRule, role: Role | None, parked: str) -> str:
    """Describe how a rank's role differs from the policy. "" if it does not."""
    if parked:
        return f"it is parked, pin it anew: {parked}"
    if role is None:
        return (
            f"the group has no role with the rank number {rank.role}; make it, or change the policy"
        )
    if role.rank != rank.role:
        return (
            f"its role {role.name!r} has the number {role.rank} by now; its id still identifies it"
        )
    if role.name and role.name != rank.name:
        return f"the role {rank.role} is called {role.name!r} in the group"
    return ""


def _files() -> list[Difference]:
    """Return a difference if the files were edited and never put in force.

    Files that were in force before are only older than a version from the console.
    """
    version = active().bundle.version
    try:
        theirs, detail = (
            load_bundle(settings.POLICY_DIR).version,
            "config/ holds a policy that was never put in force: add it under Policy, or run"
            " `manage.py policy activate`",
        )
    except PolicyError as error:
        theirs, detail = "", f"config/ is not a valid policy: {str(error)[:500]}"
    known = PolicyVersion.objects.filter(content_hash=theirs, activated_at__isnull=False)
    if theirs == version or known.exists():
        return []
    return [
        Difference(
            Drift.Aspect.POLICY, "config/", {"version": version}, {"version": theirs}, detail
        )
    ]
