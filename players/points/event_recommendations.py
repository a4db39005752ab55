"""Recommendations that officers give in a game, as events of a batch."""

from collections.abc import Iterable, Iterator

from django.db import connection

from common import database_clock
from common.errors import Refused
from common.pg_arrays import numbers
from players.membership.status import present
from players.models import Approval, Player, Recommendation
from players.moderation import actors, experience_bounds
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.moderation.experience_bounds import Demand
from players.points import recommendations
from players.points.batch_state import BatchState, Officer
from players.points.event_parser import ItemResult, ReportedEvent
from players.policy.permissions import Act, may
from players.policy.points import full_award

INSERT = """
    INSERT INTO recommendations (player_id, officer_id, rank_id)
    SELECT c.player, c.officer, c.rank
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, officer, rank)
    ORDER BY 1, 2
    ON CONFLICT (player_id, rank_id, officer_id) DO NOTHING
    RETURNING player_id, officer_id"""


def count(state: BatchState) -> list[ItemResult]:
    """Count each entitled officer once per player and rank; return notices for those not counted."""
    events = list(_recommending(state))
    if not events:
        return []
    notices: list[ItemResult] = []
    given: list[tuple[ReportedEvent, Officer]] = []
    for event in events:
        officer = state.officer_of(event)
        if officer is None or not _is_entitled(event, officer, state):
            detail = "actorUserId is not an officer who may recommend."
            notices.append(ItemResult(event.item, "ACTOR_NOT_ENTITLED", detail))
        elif why := _beyond_bounds(event, officer, state):
            notices.append(ItemResult(event.item, "PAST_BOUNDS", why))
        else:
            given.append((event, officer))
    return notices + list(_insert(given, state))


def _recommending(state: BatchState) -> Iterator[ReportedEvent]:
    kinds = state.policy.bundle.points.events
    return (event for event in state.landed if event.type in kinds and kinds[event.type].recommends)


def _is_entitled(event: ReportedEvent, officer: Officer, state: BatchState) -> bool:
    player = state.player_of(event)
    actor, target = (state.policy.ranks.get(one.rank_id) for one in (officer, player))
    if actor is None or target is None:
        return False
    award = full_award(event.type, event.magnitude, actor.level, state.policy.bundle.points)
    found = may(
        Act.RECOMMEND,
        actor,
        target,
        own=event.actor_user_id == event.user_id,
        actor_membership=present(officer.member),
        target_membership=present(player.member),
    )
    return bool(award) and found.allowed


def _beyond_bounds(event: ReportedEvent, officer: Officer, state: BatchState) -> str:
    """Return why this recommendation exceeds the experience's bounds, or an empty string.

    Past the bounds it is held for the officer's confirmation.
    """
    player = Player.objects.select_related("rank", "former_rank").get(pk=state.player_of(event).id)
    given = Recommendation.objects.filter(player=player, officer=officer.id, rank=player.rank_id)
    if given.exists():
        return ""
    now, experience = database_clock.now(), state.destination.origin
    demand = Demand(str(Act.RECOMMEND), event.awarded)
    past = experience_bounds.take(experience, player, demand, now)
    if not past:
        return ""
    waiting = Approval.objects.filter(act=str(Act.RECOMMEND), player=player, requester=officer.id)
    if waiting.filter(status=Approval.Status.WAITING).exists():
        return f"{past} It waits for the officer's word already."
    try:
        by = actors.officer(event.actor_user_id or 0)
        command = Command(by=by, reason="recommended in the game", now=now, experience=experience)
        return experience_bounds.request_confirmation(
            ApprovalRequest(str(Act.RECOMMEND), player, {recommendations.BY_EVENT: True}),
            past,
            command,
        ).sentence
    except Refused as refusal:
        return f"{past} It does not count: {refusal}"


def _insert(
    given: Iterable[tuple[ReportedEvent, Officer]], state: BatchState
) -> Iterator[ItemResult]:
    rows = [(state.player_of(event), officer, event.item) for event, officer in given]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                numbers(player.id for player, _, _ in rows),
                numbers(officer.id for _, officer, _ in rows),
                numbers(player.rank_id for player, _, _ in rows),
            ],
        )
        new = set(cursor.fetchall())
    for player, officer, item in rows:
        if (player.id, officer.id) not in new:
            detail = "this officer has recommended the player at this rank before."
            yield ItemResult(item, "ALREADY_RECOMMENDED", detail)
        new.discard((player.id, officer.id))
