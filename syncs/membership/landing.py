"""Store what Roblox reports about users' membership in the group and about their roles.

The members pull stores pages here, and so do readings of single users. One transaction writes the
memberships, changes the status of players who joined or left, and compares each member's roles with
our rank (`role_comparison`).
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from players.active_policy import ActivePolicy, active
from players.membership.status import can_be_asked
from players.models import Player
from players.policy.membership import MembershipStatus as Status
from players.policy.membership import is_ignored
from players.privacy import orders
from players.ranks import membership_changes
from players.ranks.membership_changes import Return
from syncs.membership import role_comparison
from syncs.membership.reading import Landed, Reading, ReportedMember
from syncs.models import Membership
from syncs.push import mirrors

NO_JOB = 0  # in Membership.seen_by: only read alone, never listed by a job

SEE = """
    INSERT INTO memberships (group_id, user_id, roles, seen_at, seen_by, joined_at)
    SELECT %s, m.user_id, m.roles::bigint[], %s, %s, m.joined_at
    FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS m(user_id, roles, joined_at)
    ORDER BY m.user_id
    ON CONFLICT (group_id, user_id) DO UPDATE SET
        roles = excluded.roles, seen_at = excluded.seen_at, left_at = NULL,
        seen_by = CASE WHEN excluded.seen_by = 0 THEN memberships.seen_by ELSE excluded.seen_by END,
        joined_at = coalesce(excluded.joined_at, memberships.joined_at)"""


def land(
    reported: Iterable[ReportedMember],
    reading: Reading,
    names: Mapping[int, tuple[str, str]] | None = None,
) -> Landed:
    """Store what Roblox reports about users and update their players. A repetition changes nothing.

    `names`: username and display name of users who become players by this.
    """
    with transaction.atomic():
        landing = _Landing(reported, reading, active())
        landing.load(names or {})
        if not reading.dry_run:
            landing.write()
        people = role_comparison.people(landing.members(), landing.returned, reading)
        role_comparison.compare(people, reading, landing.landed)
    return landing.landed


@dataclass(slots=True)
class _Changes:
    """Changes of players' membership. `learned`: the first known status, by primary key."""

    learned: dict[int, Status] = field(default_factory=dict)
    joined: list[Player] = field(default_factory=list)
    left: list[Player] = field(default_factory=list)
    ignored: list[Player] = field(default_factory=list)
    unchanged: list[Player] = field(default_factory=list)


class _Landing:
    """The context of one `land`: reported users, their players (locked), and the old memberships."""

    def __init__(
        self, reported: Iterable[ReportedMember], reading: Reading, policy: ActivePolicy
    ) -> None:
        self.reading, self.policy = reading, policy
        self.landed = Landed()
        self.reported = {one.user_id: one for one in reported}
        for user_id in orders.pending(self.reported):  # users who will be erased
            del self.reported[user_id]
        self.before: dict[int, Membership] = {}
        self.players: list[Player] = []
        self.returns: list[Return] = []

    @property
    def returned(self) -> set[int]:
        """Primary keys of the players who left and are members again."""
        return {one.player.pk for one in self.returns}

    def load(self, names: Mapping[int, tuple[str, str]]) -> None:
        """Create new players, lock all players, and drop reports older than the known state."""
        self.before = self._memberships()
        if not self.reading.dry_run:
            new = {key: name for key, name in names.items() if key in self.reported}
            _create_players(new, self.policy, self.reading.now)
        self.players = _lock_players(self.reported)
        if self.reading.asked_at is not None:
            self._drop_outdated(self.reading.asked_at)
        self.returns = [found for player in self.players if (found := self._return(player))]

    def write(self) -> None:
        """Write the memberships and update the players who joined, left or came back."""
        self._write_members([one for one in self.reported.values() if one.roles is not None])
        self._write_absent([one.user_id for one in self.reported.values() if one.roles is None])
        self._change_players(self._changes())

    def members(self) -> dict[int, ReportedMember]:
        """The members who have a role, by user id."""
        return {
            user_id: one
            for user_id, one in self.reported.items()
            if one.roles and self._is_member(one)
        }

    def _memberships(self) -> dict[int, Membership]:
        rows = Membership.objects.filter(
            group_id=self.reading.group, user_id__in=list(self.reported)
        )
        return {row.user_id: row for row in rows}

    def _drop_outdated(self, asked_at: dt.datetime) -> None:
        """Drop users with a newer known state, so that nobody demoted since gets the old rank back.

        The memberships are read again under the players' lock, since another reading may have been
        stored while this one waited.
        """
        self.before = self._memberships()
        newer = {user_id for user_id, row in self.before.items() if row.seen_at > asked_at}
        newer |= {
            one.user_id
            for one in self.players
            if one.member_seen_at is not None and one.member_seen_at > asked_at
        }
        for user_id in newer:
            self.reported.pop(user_id, None)
        self.players = [one for one in self.players if one.user_id in self.reported]

    def _is_member(self, reported: ReportedMember) -> bool:
        """Return whether a user counts as a member: in the group, with a role that is not ignored.

        A role that was created after the group's roles were read is not ignored.
        """
        if reported.roles is None:
            return False
        names = self.reading.names(reported.roles)
        ignored = self.policy.bundle.ignored_roles
        return len(names) < len(reported.roles) or not is_ignored(names, ignored)

    def _return(self, player: Player) -> Return | None:
        """Describe the absence of a player who is a member again, even an absence nobody noticed."""
        reported, row = self.reported[player.user_id], self.before.get(player.user_id)
        if not self._is_member(reported):
            return None
        until = min(self.reading.now, reported.joined_at or self.reading.now)
        if player.member == Status.LEFT:
            return Return(player, player.member_since, until)
        if player.member == Status.MEMBER and row is not None and _rejoined(row, reported):
            return Return(player, row.seen_at, until)
        return None

    def _write_members(self, members: Sequence[ReportedMember]) -> None:
        if not members:
            return
        reading = self.reading
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

    def _write_absent(self, user_ids: Sequence[int]) -> None:
        if user_ids:
            rows = Membership.objects.filter(group_id=self.reading.group, left_at=None)
            rows = rows.filter(user_id__in=user_ids)
            rows.update(left_at=self.reading.now, seen_at=self.reading.seen_at)

    def _changes(self) -> _Changes:
        changes, returned = _Changes(), self.returned
        for player in self.players:
            if player.pk in returned:
                continue
            reported, was = self.reported[player.user_id], Status(player.member)
            is_member = self._is_member(reported)
            if was is Status.UNKNOWN:
                changes.learned[player.pk] = Status.MEMBER if is_member else Status.GUEST
            elif is_member and was is Status.GUEST:
                changes.joined.append(player)
            elif not is_member and was is Status.MEMBER:
                (changes.left if reported.roles is None else changes.ignored).append(player)
            else:
                changes.unchanged.append(player)
        return changes

    def _change_players(self, changes: _Changes) -> None:
        """Apply the changes of membership.

        Only single readings update when unchanged players were seen: a pull would rewrite every row
        each night.
        """
        reading, returned = self.reading, self.returned
        actor, now, at = reading.actor, reading.now, reading.seen_at
        answer = membership_changes.RobloxAnswer(actor, now, at)
        membership_changes.learn(changes.learned, reading.group, answer)
        membership_changes.join(changes.joined, answer)
        membership_changes.leave(changes.left, answer)
        membership_changes.ignore(changes.ignored, answer)
        guests = [pk for pk, status in changes.learned.items() if status is Status.GUEST]
        mirrors.rest([*guests, *(player.pk for player in (*changes.left, *changes.ignored))])
        for one in self.returns:
            membership_changes.come_back(one, answer)
        mirrors.rest(returned)  # until their roles are compared: Roblox removed the roles
        if reading.job is None:
            membership_changes.seen(changes.unchanged, at)
        left = len(changes.left) + len(changes.ignored)
        self.landed.count(joined=len(changes.joined), left=left, returned=len(self.returns))


def _create_players(
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


def _lock_players(user_ids: Iterable[int]) -> list[Player]:
    """Lock the players by user id, as everywhere, so that no rank changes until the end."""
    players = Player.objects.filter(user_id__in=list(user_ids), erased_at=None)
    players = players.select_related("rank").order_by("user_id")
    return list(players.select_for_update(no_key=True, of=("self",)))


def _rejoined(row: Membership, reported: ReportedMember) -> bool:
    if row.left_at is not None or reported.joined_at is None:
        return False
    return reported.joined_at > (row.joined_at or row.seen_at)
