"""Change players' membership as read from Roblox, and their ranks where the policy requires it.

`syncs.membership.landing.land` calls these functions in its transaction, with the players locked.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record, record_many
from players.active_policy import ActivePolicy, active
from players.models import Decision, Player
from players.moderation.audit_fields import target_of
from players.policy.membership import MembershipStatus, belongs
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import (
    DecisionContext,
    change_ranks,
    manual_change,
    mark_applied,
    open_proposals,
    record_decisions,
    withdraw_proposals,
)

REASON = "came back to the group"
RESTORE, ASK, RESET = "restore", "ask", "reset"


@dataclass(frozen=True, slots=True)
class Return:
    """Somebody who came back to the group.

    `away_since`: when they were last known to be a member. `until`: when they came back.
    """

    player: Player
    away_since: dt.datetime
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class RobloxAnswer:
    """The actor who asked Roblox and the moment `at` of asking. `now`: when the answer is stored."""

    actor: Actor
    now: dt.datetime
    at: dt.datetime


def seen(players: Sequence[Player], at: dt.datetime) -> None:
    """Store when Roblox last confirmed the players' membership."""
    Player.objects.filter(pk__in=[player.pk for player in players]).update(member_seen_at=at)


def list_unknown(listed: bool) -> int:
    """Show or hide the players with unknown membership; return the number of changed players."""
    unknown = Player.objects.filter(member=MembershipStatus.UNKNOWN.value, erased_at=None)
    return unknown.exclude(listed=listed).update(listed=listed)


def learn(found: Mapping[int, MembershipStatus], group: int, answer: RobloxAnswer) -> None:
    """Store memberships that were unknown, by our id, with one audit event for all."""
    for membership in set(found.values()):
        _set([pk for pk, one in found.items() if one is membership], membership, answer)
    if not found:
        return
    said = [membership.value for membership in found.values()]
    record(
        Action.MEMBERS_READ,
        actor=answer.actor,
        target=Target("group", str(group), ""),
        details={"members": said.count("member"), "guests": said.count("guest")},
    )


def join(players: Sequence[Player], answer: RobloxAnswer) -> None:
    """Mark players who never were members as members."""
    _change(players, MembershipStatus.MEMBER, Action.MEMBER_JOINED, answer)


def leave(players: Sequence[Player], answer: RobloxAnswer) -> None:
    """Mark members as left or removed.

    They keep their rank and points. Their open proposals are withdrawn.
    """
    _change(players, MembershipStatus.LEFT, Action.MEMBER_LEFT, answer)
    proposals = open_proposals([player.pk for player in players])
    withdraw_proposals(list(proposals.values()), active(), answer.actor, answer.now)


def ignore(players: Sequence[Player], answer: RobloxAnswer) -> None:
    """Mark members as guests who hold only roles that the policy ignores."""
    _change(players, MembershipStatus.GUEST, Action.MEMBER_LEFT, answer)


def come_back(back: Return, answer: RobloxAnswer) -> None:
    """Mark somebody who left as a member again.

    Depending on the policy, they keep their rank, staff decide about it, or they start at the first
    rank. The time away does not count as time in the rank. Sanctions continue: a suspended player
    stays suspended.
    """
    policy, player, actor, now = active(), back.player, answer.actor, answer.now
    held = policy.ranks.get(player.former_rank_id or player.rank_id)
    before = held.name if held else ""
    _shift(player, back, now)
    _set([player.pk], MembershipStatus.MEMBER, answer)
    player.refresh_from_db()
    record(
        Action.MEMBER_RETURNED,
        actor=actor,
        target=target_of(player),
        before={"rank": before},
        details={"rejoin": policy.bundle.rejoin, "awaySince": back.away_since.isoformat()},
        policy_version=policy.bundle.version,
    )
    if (
        policy.bundle.rejoin != RESTORE
        and player.rank_id != policy.rank_ids[policy.bundle.first.name]
    ):
        _start_anew(player, policy, actor, now)


def _start_anew(player: Player, policy: ActivePolicy, actor: Actor, now: dt.datetime) -> None:
    """Set the first rank. Under `ask` also propose the rank that was held.

    For a suspended player only the former rank changes.
    """
    first, asks = policy.rank_ids[policy.bundle.first.name], policy.bundle.rejoin == ASK
    if player.rank.is_punishment:
        if not asks:  # under `ask`, the person who ends the suspension decides
            Player.objects.filter(pk=player.pk).update(former_rank=first, former_rank_since=now)
        return
    since, held = player.rank_since, player.rank_id
    context = DecisionContext(policy, actor, now, Decision.Source.ROBLOX, REASON)
    applied = manual_change(candidate_for(player), first, context)
    mark_applied(applied, f"{actor.kind}:{actor.id}", now)
    applied.save()
    change_ranks([(candidate_for(player), applied)], now)
    record_decisions([(candidate_for(player), applied)], context)
    player.refresh_from_db()
    if asks and held in policy.ranks:
        proposed = manual_change(candidate_for(player), held, context)
        proposed.inputs |= {"restoresSince": since.isoformat()}
        proposed.save()
        record_decisions([(candidate_for(player), proposed)], context)


def _shift(player: Player, back: Return, now: dt.datetime) -> None:
    """Move the start of the present and the former rank by the time away.

    The end of a leave moves them by the time rested, of which the time away is no part.
    """
    away = max(dt.timedelta(0), back.until - back.away_since)
    rests = player.resting_since
    if rests is not None and rests < back.until:
        player.resting_since = min(rests + away, back.until)
    player.rank_since = min(now, player.rank_since + away)
    if player.former_rank_since is not None:
        player.former_rank_since = min(now, player.former_rank_since + away)
    player.save(update_fields=["rank_since", "former_rank_since", "resting_since"])


def _change(
    players: Sequence[Player], membership: MembershipStatus, action: Action, answer: RobloxAnswer
) -> None:
    _set([player.pk for player in players], membership, answer)
    record_many(
        [NewEvent(action, actor=answer.actor, target=target_of(player)) for player in players]
    )


def _set(player_ids: Sequence[int], membership: MembershipStatus, answer: RobloxAnswer) -> None:
    Player.objects.filter(pk__in=player_ids, erased_at=None).update(
        member=membership.value,
        member_since=answer.now,
        member_seen_at=answer.at,
        listed=belongs(membership),
        updated_at=answer.now,
    )
