"""Compare members' roles with our ranks: adopt a change on Roblox, push ours, or ask staff."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from players.active_policy import ActivePolicy, active
from players.models import Decision, Player
from players.policy.bundle import RankRule
from players.ranks import adoption
from syncs import drift
from syncs.drift import Difference, Sighting
from syncs.membership import first_contact
from syncs.membership.reading import Landed, Reading, ReportedMember
from syncs.models import Drift, Mirror
from syncs.push import mirrors

ROLE = Mirror.Aspect.ROLE


class RoleAction(enum.StrEnum):
    """What to do when roles and rank differ. The value is used in a line of the job's log."""

    ADOPT = "theirs is adopted"
    ASK = "staff must decide"
    WAIT = "ours waits to be pushed"
    PUSH = "ours is pushed"


@dataclass(frozen=True, slots=True)
class ComparedMember:
    """A member who is a player: our rank, the rank that their roles show, and their mirror.

    `parked`: a role of either rank is parked, so nothing is decided until it is pinned again.
    `stale`: another role was pinned to our rank after the mirror was confirmed. `is_back`: they
    have just come back to the group. `outdated`: GRPS wrote their role after Roblox was asked.
    """

    player: Player
    ours: RankRule
    theirs: RankRule
    mirror: Mirror | None
    parked: bool = False
    stale: bool = False
    is_back: bool = False
    outdated: bool = False
    joined_at: dt.datetime | None = None

    @property
    def confirmed(self) -> str | None:
        """Name of the rank that Roblox showed when the mirror was confirmed."""
        return (self.mirror.confirmed or {}).get("rank") if self.mirror else None


def people(
    members: Mapping[int, ReportedMember], returned: set[int], reading: Reading
) -> list[ComparedMember]:
    """Return the players among the members, with their present rank and mirror."""
    ranks = active().ranks
    players = list(
        Player.objects.filter(user_id__in=list(members), erased_at=None)
        .select_related("rank")
        .order_by("user_id")
    )
    rows = {row.player_id: row for row in Mirror.objects.filter(aspect=ROLE, player__in=players)}
    found = [
        _person(player, rows.get(player.pk), members[player.user_id], reading)
        for player in players
        if player.rank_id in ranks
    ]
    return [replace(person, is_back=person.player.pk in returned) for person in found]


def _person(
    player: Player, mirror: Mirror | None, member: ReportedMember, reading: Reading
) -> ComparedMember:
    pins, shown = reading.roles_and_pins.pins, reading.shown(member.roles or ())
    ours = active().ranks[player.rank_id]
    confirmed_at, changed_at = mirror.confirmed_at if mirror else None, pins.changed.get(ours.name)
    return ComparedMember(
        player,
        ours,
        shown.rank,
        mirror,
        parked=shown.parked or ours.name in pins.lost,
        stale=confirmed_at is not None and changed_at is not None and confirmed_at < changed_at,
        outdated=confirmed_at is not None and confirmed_at > reading.seen_at,
        joined_at=member.joined_at,
    )


def compare(people: Sequence[ComparedMember], reading: Reading, landed: Landed) -> None:
    """Act on each member whose roles differ from our rank, and confirm the others."""
    parked = sum(person.parked for person in people)
    if parked:
        landed.count(parked=parked)
    whole = [person for person in people if not person.parked]
    differing = [person for person in whole if person.ours != person.theirs]
    asked = [person for person in differing if _act(person, reading, landed) is RoleAction.ASK]
    if asked:
        landed.count(differing=len(asked))
    if reading.dry_run:
        return
    agreed = [person.player for person in whole if person.ours == person.theirs]
    if reading.first:
        joined = {person.player.pk: person.joined_at for person in whole}
        first_contact.date_ranks(joined, [player.pk for player in agreed])
    mirrors.confirm_seen(ROLE, [player.pk for player in agreed], reading.seen_at)
    sighting = _sighting(reading)
    drift.register([_difference(person) for person in asked], sighting)
    drift.agree(Drift.Aspect.ROLE, [str(player.user_id) for player in agreed], sighting)


def _act(person: ComparedMember, reading: Reading, landed: Landed) -> RoleAction:
    action = _judge(person, active(), first=reading.first)
    most = settings.INTEGRATIONS.sync.adopt_at_most
    adopted = reading.adopted + landed.counts.get("adopted", 0)
    if action is RoleAction.ADOPT and adopted >= most and person.confirmed is not None:
        action = RoleAction.ASK
    name = f"{person.player.username} ({person.player.user_id})"
    landed.lines.append(
        f"{name}: {person.ours.name} here, {person.theirs.name} there; {action.value}"
    )
    if action is RoleAction.ADOPT and (reading.dry_run or _adopt(person, reading)):
        landed.count(adopted=1)
    elif action is RoleAction.PUSH and not reading.dry_run:
        mirrors.push_again(ROLE, person.player)
    return action


def _judge(person: ComparedMember, policy: ActivePolicy, *, first: bool) -> RoleAction:
    if person.outdated:
        return RoleAction.WAIT
    if first and person.confirmed is None and not person.is_back:
        return _judge_unmet(person, policy)
    # Roblox gives the base role to users who come back, and to users without a pinned role. Any
    # other role was given by a person.
    ungiven = RoleAction.PUSH if person.theirs == policy.bundle.first else RoleAction.ASK
    if person.is_back:
        return ungiven
    if person.mirror is None:
        return _judge_first(person, policy)
    if person.stale:
        return ungiven
    if person.mirror.status != Mirror.Status.CONFIRMED:
        return _judge_unconfirmed(person, person.mirror, policy)
    if _is_for_staff(person):
        return RoleAction.ASK
    return RoleAction.PUSH if _was_rejected(person, person.mirror, policy) else RoleAction.ADOPT


def _judge_first(person: ComparedMember, policy: ActivePolicy) -> RoleAction:
    """Judge a role that was never confirmed. A suspension is left to staff, who decide its length."""
    if person.ours.is_punishment:
        return RoleAction.PUSH
    if person.theirs.is_punishment:
        return RoleAction.ASK
    return RoleAction.ADOPT if person.theirs != policy.bundle.first else RoleAction.PUSH


def _judge_unmet(person: ComparedMember, policy: ActivePolicy) -> RoleAction:
    """Judge a role at the first contact, where GRPS has written none: the higher rank counts."""
    if _is_for_staff(person) or person.mirror is None:
        return _judge_first(person, policy)
    return RoleAction.ADOPT if person.theirs.position > person.ours.position else RoleAction.WAIT


def _judge_unconfirmed(person: ComparedMember, mirror: Mirror, policy: ActivePolicy) -> RoleAction:
    """Judge a role while our own change of it is not written yet."""
    confirmed = person.confirmed
    untouched = confirmed == person.theirs.name or (
        confirmed is None and person.theirs == policy.bundle.first
    )
    if untouched:
        # The reason for parking may be gone. A resting role is due again, since they are back.
        again = mirror.status in {Mirror.Status.PARKED, Mirror.Status.RESTING}
        return RoleAction.PUSH if again else RoleAction.WAIT
    if mirror.status == Mirror.Status.PENDING and _is_demotion(person, policy):
        return RoleAction.ADOPT  # otherwise the pending write would give the role back
    return RoleAction.ASK


def _is_demotion(person: ComparedMember, policy: ActivePolicy) -> bool:
    """Return whether the rank shown on Roblox is lower than ours and than the last confirmed one."""
    last = policy.bundle.by_name.get(person.confirmed or "")
    if last is None or last.is_punishment or _is_for_staff(person):
        return False
    return person.theirs.position < min(person.ours.position, last.position)


def _is_for_staff(person: ComparedMember) -> bool:
    return person.ours.is_punishment or person.theirs.is_punishment or person.player.banned


def _was_rejected(person: ComparedMember, mirror: Mirror, policy: ActivePolicy) -> bool:
    """Return whether an officer rejected this change after the role was last confirmed."""
    return Decision.objects.filter(
        player=person.player,
        source=Decision.Source.ROBLOX,
        status=Decision.Status.REJECTED,
        to_rank_id=policy.rank_ids[person.theirs.name],
        decided_at__gt=mirror.confirmed_at or person.player.created_at,
    ).exists()


def _adopt(person: ComparedMember, reading: Reading) -> bool:
    """Adopt the role's rank. Returns False if the change is proposed already."""
    player, now = person.player, reading.now
    decision = adoption.adopt(
        player.user_id,
        person.theirs.name,
        actor=reading.actor,
        now=now,
        since=person.joined_at if reading.first else None,
        trusted=reading.first and first_contact.trusts(reading.job),
        part_of=first_contact.part_of(reading.job) if reading.first else "",
    )
    if decision is not None and decision.status == Decision.Status.APPLIED:
        mirrors.confirm_seen(ROLE, [player.pk], reading.seen_at)
    drift.agree(Drift.Aspect.ROLE, [str(player.user_id)], _sighting(reading))
    return decision is not None


def _sighting(reading: Reading) -> Sighting:
    return Sighting(reading.now, job=reading.job, actor=reading.actor)


def _difference(person: ComparedMember) -> Difference:
    return Difference(
        Drift.Aspect.ROLE,
        str(person.player.user_id),
        _as_json(person.ours),
        _as_json(person.theirs),
        player_id=person.player.pk,
    )


def _as_json(rank: RankRule) -> Mapping[str, Any]:
    return {"role": rank.role, "rank": rank.name}
