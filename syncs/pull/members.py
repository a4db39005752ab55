"""Members: who is in the group with which roles, who came and went, and which ranks were changed by hand on Roblox."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audits.actions import Action
from audits.record import Entry, Target, record_many
from players import erasures, officers
from players.models import Decision, Player
from players.policies import ActivePolicy, active
from players.policy.bundle import Rank
from roblox import cloud
from roblox.open_cloud import groups, users
from roblox.open_cloud.groups import Member
from syncs import drifts, mirrors, pins
from syncs.drifts import Difference
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.pins import Pins
from syncs.pull.base import Activity, Calls, Cursor, Page

GONE = 1000  # members written off between two checkpoints

SEE = """
    INSERT INTO memberships (group_id, user_id, roles, seen_at, seen_by)
    SELECT %s, m.user_id, m.roles::bigint[], %s, %s FROM unnest(%s::bigint[], %s::text[]) AS m(user_id, roles)
    ORDER BY m.user_id
    ON CONFLICT (group_id, user_id) DO UPDATE SET
        roles = excluded.roles, seen_at = excluded.seen_at, seen_by = excluded.seen_by, left_at = NULL
    RETURNING user_id, (xmax = 0) AS fresh"""


@dataclass(frozen=True, slots=True)
class Person:
    """A member who is a player: our rank of theirs, the rank that their roles show, and how their mirror stands.

    `parked`: nothing can be said of them until the role of one of both ranks is pinned anew. `stale`: their role was
    last confirmed by another pin of their rank than the present one.
    """

    player: Player
    ours: Rank
    theirs: Rank
    mirror: Mirror | None
    parked: bool = False
    stale: bool = False


class Members(Activity):
    """The whole group, then those who were not met."""

    def __init__(self, job: SyncJob, calls: Calls) -> None:
        super().__init__(job, calls)
        self.group = cloud.group(calls.going_on)
        self.policy: ActivePolicy = active()
        self._pins: Pins | None = None

    def page(self, cursor: Cursor) -> Page:
        if cursor.get("phase") == "gone":
            return Page(cursor, self._land_gone)
        self._pins = self._pins or self._contact()
        following = dict(cursor)
        if "first" not in cursor:
            following["first"] = not Membership.objects.filter(group_id=self.group.id).exists()
        call = partial(groups.members, self.group.client, self.group.id, cursor.get("token", ""))
        self._members, token = self.calls.gather([call])[0]
        self._names = self._names_of_new(self._members)
        self._first_run = bool(following.get("first"))
        following["done"] = int(cursor.get("done", 0)) + len(self._members)
        over = not token or (self.job.limit is not None and following["done"] >= self.job.limit)
        following["token"] = token
        if over:
            following["phase"] = "gone"
        # Who was not met is only known after the whole group was read.
        page = Page(None if over and self.job.limit is not None else following, self._land)
        page.count(listed=len(self._members))
        return page

    def _contact(self) -> Pins:
        """The group's roles and the pins, read anew whenever the job is taken up."""
        asked_at = pins.database_time()
        roles = self.calls.gather([partial(groups.roles, self.group.client, self.group.id)])[0]
        return pins.land(self.group.id, roles, asked_at, keep=not self.job.dry_run).pins

    def _names_of_new(self, members: Sequence[Member]) -> dict[int, tuple[str, str]]:
        """Names of those who hold a rank and are no players yet."""
        known = set(
            Player.objects.filter(user_id__in=[one.user_id for one in members]).values_list("user_id", flat=True)
        )
        lowest = self.policy.bundle.first
        new = [one.user_id for one in members if one.user_id not in known and self._rank_of(one.roles) != lowest]
        found = self.calls.gather([partial(users.get, self.group.client, user_id) for user_id in new])
        return {
            user_id: (user.name[:50], user.display_name[:50]) if user and user.name else (f"user_{user_id}", "")
            for user_id, user in zip(new, found, strict=True)
        }

    def _rank_of(self, roles: Iterable[int]) -> Rank:
        """The rank that roles show: the highest of those that are pinned to one."""
        return self._known_pins.shown(roles).rank

    @property
    def _known_pins(self) -> Pins:
        assert self._pins is not None, "a page is read before it lands"
        return self._pins

    def _land(self, page: Page) -> None:
        now = timezone.now()
        pending = erasures.pending(one.user_id for one in self._members)
        self._members = [one for one in self._members if one.user_id not in pending]
        self._names = {user_id: names for user_id, names in self._names.items() if user_id not in pending}
        if not self.job.dry_run:
            fresh = self._see(now)
            page.count(joined=len(fresh))
            self._make_players(now)
            if not self._first_run:
                self._tell(Action.MEMBER_JOINED, fresh)
        self._weigh(page, now)

    def _see(self, now: dt.datetime) -> list[int]:
        """Write the members down; those who were never seen."""
        with connection.cursor() as cursor:
            cursor.execute(
                SEE,
                [
                    *(self.group.id, now, self.job.pk),
                    [one.user_id for one in self._members],
                    ["{" + ",".join(map(str, one.roles)) + "}" for one in self._members],
                ],
            )
            return [user_id for user_id, fresh in cursor.fetchall() if fresh]

    def _make_players(self, now: dt.datetime) -> None:
        lowest = self.policy.rank_ids[self.policy.bundle.first.name]
        Player.objects.bulk_create(
            [
                Player(
                    user_id=user_id,
                    username=name,
                    display_name=display_name,
                    rank_id=lowest,
                    rank_since=now,
                    named_at=now,
                )
                for user_id, (name, display_name) in sorted(self._names.items())
            ],
            ignore_conflicts=True,
        )

    def _weigh(self, page: Page, now: dt.datetime) -> None:
        """Hold each member's roles against our rank and against what we last confirmed."""
        agreed: list[Person] = []
        differing: list[Difference] = []
        for person in self._people():
            if person.parked:
                page.count(parked=1)
                continue
            if person.ours == person.theirs:
                agreed.append(person)
                continue
            word = self._word(person)
            if word == "adopt" and self._adopted(page) >= settings.INTEGRATIONS.sync.adopt_at_most and _known(person):
                word = "differ"
            page.lines.append(_line(person, word))
            if word == "adopt" and (self.job.dry_run or self._adopt(person, now)):
                page.count(adopted=1)
            elif word == "differ":
                page.count(differing=1)
                differing.append(_difference(person))
            elif word == "push" and not self.job.dry_run:
                mirrors.again(Mirror.Aspect.ROLE, person.player, None)
        if self.job.dry_run:
            return
        mirrors.confirm_seen(Mirror.Aspect.ROLE, [person.player.pk for person in agreed], now)
        drifts.note(differing, experience=None, job=self.job, now=now)
        drifts.agree(Drift.Aspect.ROLE, [str(one.player.user_id) for one in agreed], experience=None, now=now)

    def _adopted(self, page: Page) -> int:
        return int(self.job.counters.get("adopted", 0)) + page.counts.get("adopted", 0)

    def _people(self) -> list[Person]:
        members = {one.user_id: one for one in self._members}
        players = Player.objects.filter(user_id__in=members, erased_at=None).select_related("rank")
        # Locked in the order that everybody locks players in: nobody's rank moves while it is weighed.
        found = list(players.order_by("user_id").select_for_update(no_key=True, of=("self",)))
        rows = {row.player_id: row for row in Mirror.objects.filter(aspect=Mirror.Aspect.ROLE, player__in=found)}
        return [
            self._person(player, members[player.user_id], rows.get(player.pk))
            for player in found
            if player.rank_id in self.policy.ranks
        ]

    def _person(self, player: Player, member: Member, mirror: Mirror | None) -> Person:
        ours, shown = self.policy.ranks[player.rank_id], self._known_pins.shown(member.roles)
        confirmed_at, changed_at = mirror.confirmed_at if mirror else None, self._known_pins.changed.get(ours.name)
        stale = confirmed_at is not None and changed_at is not None and confirmed_at < changed_at
        parked = shown.parked or ours.name in self._known_pins.lost
        return Person(player, ours, shown.rank, mirror, parked, stale)

    def _word(self, person: Person) -> str:
        """`adopt` theirs, `wait` for our push, `push` ours again, or let staff say (`differ`)."""
        mirror = person.mirror
        confirmed = (mirror.confirmed or {}).get("rank") if mirror else None
        if mirror is None:
            return self._first_word(person)
        if person.stale:
            return "push" if person.theirs == self.policy.bundle.first else "differ"
        if mirror.status != Mirror.Status.CONFIRMED:
            untouched = confirmed == person.theirs.name or (
                confirmed is None and person.theirs == self.policy.bundle.first
            )
            if not untouched:
                return "differ"
            # Parked for a reason that may be gone by now, such as not being in the group.
            return "push" if mirror.status == Mirror.Status.PARKED else "wait"
        if person.ours.is_punishment or person.theirs.is_punishment or person.player.banned:
            return "differ"
        return "push" if self._refused(person, mirror) else "adopt"

    def _first_word(self, person: Person) -> str:
        """What to do about a role that was never confirmed. Suspending is for people, who say for how long."""
        if person.ours.is_punishment:
            return "push"
        if person.theirs.is_punishment:
            return "differ"
        return "adopt" if person.theirs != self.policy.bundle.first else "push"

    def _refused(self, person: Person, mirror: Mirror) -> bool:
        """Whether an officer said no to this very change since the role was last confirmed."""
        return Decision.objects.filter(
            player=person.player,
            source=Decision.Source.ROBLOX,
            status=Decision.Status.REJECTED,
            to_rank_id=self.policy.rank_ids[person.theirs.name],
            decided_at__gt=mirror.confirmed_at or person.player.created_at,
        ).exists()

    def _adopt(self, person: Person, now: dt.datetime) -> bool:
        """Whether there was anything to adopt: what is proposed already is not proposed again."""
        actor = drifts.job_actor(self.job)
        decision = officers.adopt(person.player.user_id, person.theirs.name, actor=actor, now=now)
        if decision is not None and decision.status == Decision.Status.APPLIED:
            mirrors.confirm_seen(Mirror.Aspect.ROLE, [person.player.pk], now)
        drifts.agree(Drift.Aspect.ROLE, [str(person.player.user_id)], experience=None, now=now)
        return decision is not None

    def _land_gone(self, page: Page) -> None:
        """Write off who was not met, a thousand at a time."""
        left = Membership.objects.filter(group_id=self.group.id, left_at=None).exclude(seen_by=self.job.pk)
        user_ids = list(left.order_by("user_id").values_list("user_id", flat=True)[:GONE])
        page.count(left=len(user_ids))
        page.lines += [f"user {user_id} left the group" for user_id in user_ids]
        if self.job.dry_run:
            page.cursor = None
            return
        Membership.objects.filter(group_id=self.group.id, user_id__in=user_ids).update(left_at=timezone.now())
        self._tell(Action.MEMBER_LEFT, user_ids)
        if len(user_ids) < GONE:
            page.cursor = None

    def _tell(self, action: Action, user_ids: Sequence[int]) -> None:
        """An event for each player among them; who is no player is nobody's business."""
        actor = drifts.job_actor(self.job)
        players = Player.objects.filter(user_id__in=user_ids, erased_at=None)
        record_many(
            [
                Entry(action, actor=actor, target=Target("player", str(one.pk), one.username, one.subject))
                for one in players
            ]
        )


def _known(person: Person) -> bool:
    """Whether the role was ever confirmed: a first meeting is no change made by hand."""
    return person.mirror is not None and person.mirror.confirmed is not None


def _difference(person: Person) -> Difference:
    ours, theirs = _shown(person.ours), _shown(person.theirs)
    return Difference(Drift.Aspect.ROLE, str(person.player.user_id), ours, theirs, player_id=person.player.pk)


def _shown(rank: Rank) -> Mapping[str, Any]:
    return {"role": rank.role, "rank": rank.name}


def _line(person: Person, word: str) -> str:
    words = {
        "adopt": "theirs is adopted",
        "differ": "staff must say",
        "wait": "ours waits to be pushed",
        "push": "ours is pushed",
    }
    name = f"{person.player.username} ({person.player.user_id})"
    return f"{name}: {person.ours.name} here, {person.theirs.name} there; {words[word]}"
