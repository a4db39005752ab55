"""Lands what Roblox says of users' membership in the group and of their roles: the one way in for
it.

The members pull comes here page by page, and whatever asks for single users or reads the group's
log. In one transaction the memberships are written, players become members or cease to be, and each
member's roles are held against our rank.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audits.record import Actor
from players.active_policy import ActivePolicy, active
from players.membership import transitions
from players.membership.status import can_be_asked
from players.membership.transitions import Return
from players.models import Decision, Player
from players.policy.bundle import Rank
from players.policy.membership import Membership as Belonging
from players.policy.membership import is_ignored
from players.privacy import orders
from players.ranks import adoption
from syncs import drifts
from syncs.drifts import Difference
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.push import mirrors
from syncs.roles.pins import Contact, Shown

NO_JOB = 0  # in Membership.seen_by: read alone, and by no job yet

SEE = """
    INSERT INTO memberships (group_id, user_id, roles, seen_at, seen_by, joined_at)
    SELECT %s, m.user_id, m.roles::bigint[], %s, %s, m.joined_at
    FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS m(user_id, roles, joined_at)
    ORDER BY m.user_id
    ON CONFLICT (group_id, user_id) DO UPDATE SET
        roles = excluded.roles, seen_at = excluded.seen_at, left_at = NULL,
        seen_by = CASE WHEN excluded.seen_by = 0 THEN memberships.seen_by ELSE excluded.seen_by END,
        joined_at = coalesce(excluded.joined_at, memberships.joined_at)"""


@dataclass(frozen=True, slots=True)
class Said:
    """What Roblox says of one user: the ids of all their roles and since when they are a member.
    `roles` None: they are no member.
    """

    user_id: int
    roles: tuple[int, ...] | None
    joined_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Where and when it was read: the group, its roles and pins, who reads, and the job that does,
    if one does.

    `contact` None: roles were not read, and only people who are no members can be told of.
    `asked_at`: when Roblox was asked, where its answer may be older than what somebody else has
    read of the same people by now.
    """

    group: int
    contact: Contact | None
    actor: Actor
    now: dt.datetime
    job: SyncJob | None = None
    asked_at: dt.datetime | None = None

    @property
    def seen_at(self) -> dt.datetime:
        """Of when the answer is, by the database's clock where it was noted: a later question has
        the later word.
        """
        return self.asked_at or self.now

    def names(self, role_ids: Iterable[int]) -> list[str]:
        """The names of these roles."""
        roles = self._contact().roles
        return [roles[one].name for one in role_ids if one in roles]

    def shown(self, role_ids: Iterable[int]) -> Shown:
        """The rank that these roles show: the highest of those that are pinned to one."""
        return self._contact().pins.shown(role_ids)

    def person(
        self, player: Player, role_ids: Iterable[int], mirror: Mirror | None, is_back: bool
    ) -> "Person":
        pins, shown = self._contact().pins, self.shown(role_ids)
        ours = active().ranks[player.rank_id]
        confirmed_at, changed_at = (
            mirror.confirmed_at if mirror else None,
            pins.changed.get(ours.name),
        )
        stale = confirmed_at is not None and changed_at is not None and confirmed_at < changed_at
        return Person(
            player, ours, shown.rank, mirror, shown.parked or ours.name in pins.lost, stale, is_back
        )

    def _contact(self) -> Contact:
        if self.contact is None:
            raise ValueError("the group's roles were not read")
        return self.contact


@dataclass(slots=True)
class Landed:
    """What changed: numbers by name (joined, left, returned, adopted, differing), and lines that
    say so to people.
    """

    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def count(self, **counts: int) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


@dataclass(frozen=True, slots=True)
class Person:
    """A member who is a player: our rank of theirs, the rank that their roles show, and how their
    mirror stands.

    `parked`: nothing can be said of them until the role of one of both ranks is pinned anew.
    `stale`: their role was last confirmed by another pin of their rank than the present one.
    `is_back`: they have just come back.
    """

    player: Player
    ours: Rank
    theirs: Rank
    mirror: Mirror | None
    parked: bool = False
    stale: bool = False
    is_back: bool = False


def land(
    said: Iterable[Said],
    reading: Reading,
    *,
    names: Mapping[int, tuple[str, str]] | None = None,
    adopted: int = 0,
    dry_run: bool = False,
) -> Landed:
    """Write down what Roblox says of users, and let their players follow. Said again, it changes
    nothing.

    `names`: username and display name of those who become players by it. `adopted`: changes of rank
    that the same reading has adopted before, of which `sync.adoptAtMost` go through. `dry_run` only
    says what would change.
    """
    landed, policy = Landed(), active()
    with transaction.atomic():
        told = _spared(said)
        before = {
            one.user_id: one
            for one in Membership.objects.filter(group_id=reading.group, user_id__in=told)
        }
        if not dry_run:
            _make_players(
                {key: name for key, name in (names or {}).items() if key in told},
                policy,
                reading.now,
            )
        players = _locked(told)
        if reading.asked_at is not None:
            before, players = _without_older_words(told, players, before, reading.asked_at)
        back = _returns(players, told, before, reading, policy)
        if not dry_run:
            _see([one for one in told.values() if one.roles is not None], reading)
            _unsee([one.user_id for one in told.values() if one.roles is None], reading)
            _belong(players, told, back, reading, policy, landed)
        _weigh(
            _people(told, {one.player.pk for one in back}, reading, policy),
            reading,
            policy,
            landed,
            adopted,
            dry_run,
        )
    return landed


def _spared(said: Iterable[Said]) -> dict[int, Said]:
    """By user id, without those who are about to be erased."""
    told = {one.user_id: one for one in said}
    for user_id in orders.pending(told):
        del told[user_id]
    return told


def _make_players(
    names: Mapping[int, tuple[str, str]], policy: ActivePolicy, now: dt.datetime
) -> None:
    lowest = policy.rank_ids[policy.bundle.first.name]
    Player.objects.bulk_create(
        [
            Player(
                user_id=user_id,
                username=name,
                display_name=display_name,
                rank_id=lowest,
                rank_since=now,
                named_at=now,
                listed=not can_be_asked(),
            )
            for user_id, (name, display_name) in sorted(names.items())
        ],
        ignore_conflicts=True,
    )


def _locked(told: Mapping[int, Said]) -> list[Player]:
    """The players among them, locked in the order that everybody locks players in: no rank moves
    meanwhile.
    """
    players = Player.objects.filter(user_id__in=list(told), erased_at=None).select_related("rank")
    return list(players.order_by("user_id").select_for_update(no_key=True, of=("self",)))


def _without_older_words(
    told: dict[int, Said],
    players: list[Player],
    before: Mapping[int, Membership],
    asked_at: dt.datetime,
) -> tuple[dict[int, Membership], list[Player]]:
    """Drop from `told` those of whom something newer is known: who was demoted meanwhile must not
    get the rank back.

    With the players locked the memberships are read once more: another reading may have landed
    while this one waited.
    """
    there = {
        row.user_id: row
        for row in Membership.objects.filter(pk__in=[row.pk for row in before.values()])
    }
    newer = {user_id for user_id, row in there.items() if row.seen_at > asked_at}
    newer |= {
        one.user_id
        for one in players
        if one.member_seen_at is not None and one.member_seen_at > asked_at
    }
    for user_id in newer:
        told.pop(user_id, None)
    return there, [one for one in players if one.user_id in told]


def _see(members: Sequence[Said], reading: Reading) -> None:
    if not members:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            SEE,
            [
                *(reading.group, reading.seen_at, reading.job.pk if reading.job else NO_JOB),
                [one.user_id for one in members],
                ["{" + ",".join(map(str, one.roles or ())) + "}" for one in members],
                [one.joined_at for one in members],
            ],
        )


def _unsee(user_ids: Sequence[int], reading: Reading) -> None:
    if user_ids:
        there = Membership.objects.filter(
            group_id=reading.group, user_id__in=user_ids, left_at=None
        )
        there.update(left_at=reading.now, seen_at=reading.seen_at)


def _said_of(told: Said, reading: Reading, policy: ActivePolicy) -> bool:
    """Whether somebody counts as a member: they are in the group, and not all their roles are
    ignored. A role that was made since the group's roles were read is not.
    """
    if told.roles is None:
        return False
    names = reading.names(told.roles)
    return len(names) < len(told.roles) or not is_ignored(names, policy.bundle.ignored_roles)


def _returns(
    players: Sequence[Player],
    told: Mapping[int, Said],
    before: Mapping[int, Membership],
    reading: Reading,
    policy: ActivePolicy,
) -> list[Return]:
    """Who is back after having been away, whether it was noticed or not."""
    found = []
    for player in players:
        said, row = told[player.user_id], before.get(player.user_id)
        if not _said_of(said, reading, policy):
            continue
        until = min(reading.now, said.joined_at or reading.now)
        if player.member == Belonging.LEFT:
            found.append(Return(player, player.member_since, until))
        elif player.member == Belonging.MEMBER and row is not None and _is_another_stay(row, said):
            found.append(Return(player, row.seen_at, until))
    return found


def _is_another_stay(row: Membership, said: Said) -> bool:
    if row.left_at is not None or said.joined_at is None:
        return False
    return said.joined_at > (row.joined_at or row.seen_at)


def _belong(
    players: Sequence[Player],
    told: Mapping[int, Said],
    back: Sequence[Return],
    reading: Reading,
    policy: ActivePolicy,
    landed: Landed,
) -> None:
    """Let players become members, or cease to be. Whose membership is as before is only noted where
    it was asked alone: a pull would rewrite every row each night.
    """
    actor, now, at = reading.actor, reading.now, reading.seen_at
    returned = {one.player.pk for one in back}
    learnt: dict[int, Belonging] = {}
    joined: list[Player] = []
    left: list[Player] = []
    ignored: list[Player] = []
    same: list[Player] = []
    for player in players:
        said = told[player.user_id]
        belongs = _said_of(said, reading, policy)
        was = Belonging(player.member)
        if player.pk in returned:
            continue
        if was is Belonging.UNKNOWN:
            learnt[player.pk] = Belonging.MEMBER if belongs else Belonging.GUEST
        elif belongs and was is Belonging.GUEST:
            joined.append(player)
        elif not belongs and was is Belonging.MEMBER:
            (left if said.roles is None else ignored).append(player)
        else:
            same.append(player)
    transitions.learn(learnt, group=reading.group, actor=actor, now=now, at=at)
    transitions.join(joined, actor=actor, now=now, at=at)
    transitions.leave(left, actor=actor, now=now, at=at)
    transitions.ignore(ignored, actor=actor, now=now, at=at)
    guests = [pk for pk, found in learnt.items() if found is Belonging.GUEST]
    mirrors.rest([*guests, *(player.pk for player in (*left, *ignored))])
    for one in back:
        transitions.come_back(one, actor=actor, now=now, at=at)
    mirrors.rest(returned)  # until it is weighed: Roblox took their roles
    if reading.job is None:
        transitions.seen(same, reading.seen_at)
    landed.count(joined=len(joined), left=len(left) + len(ignored), returned=len(back))


def _people(
    told: Mapping[int, Said], returned: set[int], reading: Reading, policy: ActivePolicy
) -> list[Person]:
    """The members among the players, as they stand by now."""
    members = {
        key: one.roles for key, one in told.items() if one.roles and _said_of(one, reading, policy)
    }
    players = (
        Player.objects.filter(user_id__in=list(members), erased_at=None)
        .select_related("rank")
        .order_by("user_id")
    )
    found = list(players)
    rows = {
        row.player_id: row
        for row in Mirror.objects.filter(aspect=Mirror.Aspect.ROLE, player__in=found)
    }
    return [
        reading.person(player, members[player.user_id], rows.get(player.pk), player.pk in returned)
        for player in found
        if player.rank_id in policy.ranks
    ]


def _weigh(
    people: Sequence[Person],
    reading: Reading,
    policy: ActivePolicy,
    landed: Landed,
    adopted: int,
    dry_run: bool,
) -> None:
    """Hold each member's roles against our rank and against what we last confirmed."""
    agreed: list[Person] = []
    differing: list[Difference] = []
    most = settings.INTEGRATIONS.sync.adopt_at_most
    for person in people:
        if person.parked:
            landed.count(parked=1)
            continue
        if person.ours == person.theirs:
            agreed.append(person)
            continue
        word = _word(person, policy)
        if word == "adopt" and adopted + landed.counts.get("adopted", 0) >= most and _known(person):
            word = "differ"
        landed.lines.append(_line(person, word))
        if word == "adopt" and (dry_run or _adopt(person, reading)):
            landed.count(adopted=1)
        elif word == "differ":
            landed.count(differing=1)
            differing.append(_difference(person))
        elif word == "push" and not dry_run:
            mirrors.again(Mirror.Aspect.ROLE, person.player, None)
    if dry_run:
        return
    mirrors.confirm_seen(Mirror.Aspect.ROLE, [person.player.pk for person in agreed], reading.now)
    drifts.note(differing, experience=None, job=reading.job, now=reading.now, actor=reading.actor)
    drifts.agree(
        Drift.Aspect.ROLE,
        [str(one.player.user_id) for one in agreed],
        experience=None,
        now=reading.now,
    )


def _word(person: Person, policy: ActivePolicy) -> str:
    """`adopt` theirs, `wait` for our push, `push` ours again, or let staff say (`differ`)."""
    mirror, first = person.mirror, policy.bundle.first
    confirmed = (mirror.confirmed or {}).get("rank") if mirror else None
    if (
        person.is_back
    ):  # Roblox gives whoever comes back the base role; another one was given after that
        return "push" if person.theirs == first else "differ"
    if mirror is None:
        return _first_word(person, policy)
    if person.stale:
        return "push" if person.theirs == first else "differ"
    if mirror.status != Mirror.Status.CONFIRMED:
        untouched = confirmed == person.theirs.name or (
            confirmed is None and person.theirs == first
        )
        if not untouched:
            return "differ"
        # Parked for a reason that may be gone by now; or resting since they left, and they are
        # here.
        return "push" if mirror.status in {Mirror.Status.PARKED, Mirror.Status.RESTING} else "wait"
    if person.ours.is_punishment or person.theirs.is_punishment or person.player.banned:
        return "differ"
    return "push" if _refused(person, mirror, policy) else "adopt"


def _first_word(person: Person, policy: ActivePolicy) -> str:
    """What to do about a role that was never confirmed. Suspending is for people, who say for how
    long.
    """
    if person.ours.is_punishment:
        return "push"
    if person.theirs.is_punishment:
        return "differ"
    return "adopt" if person.theirs != policy.bundle.first else "push"


def _refused(person: Person, mirror: Mirror, policy: ActivePolicy) -> bool:
    """Whether an officer said no to this very change since the role was last confirmed."""
    return Decision.objects.filter(
        player=person.player,
        source=Decision.Source.ROBLOX,
        status=Decision.Status.REJECTED,
        to_rank_id=policy.rank_ids[person.theirs.name],
        decided_at__gt=mirror.confirmed_at or person.player.created_at,
    ).exists()


def _adopt(person: Person, reading: Reading) -> bool:
    """Whether there was anything to adopt: what is proposed already is not proposed again."""
    now = reading.now
    decision = adoption.adopt(
        person.player.user_id, person.theirs.name, actor=reading.actor, now=now
    )
    if decision is not None and decision.status == Decision.Status.APPLIED:
        mirrors.confirm_seen(Mirror.Aspect.ROLE, [person.player.pk], now)
    drifts.agree(Drift.Aspect.ROLE, [str(person.player.user_id)], experience=None, now=now)
    return decision is not None


def _known(person: Person) -> bool:
    """Whether the role was ever confirmed: a first meeting is no change made by hand."""
    return person.mirror is not None and person.mirror.confirmed is not None


def _difference(person: Person) -> Difference:
    ours, theirs = _shown(person.ours), _shown(person.theirs)
    return Difference(
        Drift.Aspect.ROLE, str(person.player.user_id), ours, theirs, player_id=person.player.pk
    )


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
