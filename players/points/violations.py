"""What a game events, held against the laws of the policy that need no order. A violation is recorded;
points stay.

Also the officers behind recommendations, since a recommendation counts only from an entitled one.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Entry, Target
from common.errors import Refused
from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.locking import PlayerRow
from players.membership.status import present
from players.models import RECONCILED, Approval, Player, Recommendation
from players.moderation import actors, experience_bounds
from players.moderation.command import Command
from players.moderation.experience_bounds import Demand
from players.points import origins, recommendations
from players.points.event_parser import ItemResult, ReportedEvent
from players.points.ledger import DayChange, SessionChange, SessionKey
from players.policy import checks
from players.policy.counters import SessionTotal
from players.policy.permissions import Act, may
from players.policy.points import full_award

OFFICERS = "SELECT id, user_id, rank_id, member FROM players WHERE user_id = ANY(%s::bigint[])"

STORED = """
    SELECT l.player_id, l.session, l.sequence, l.type, (l.awarded * 100)::bigint, (l.total * 100)::bigint
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, sequence)
    JOIN ledger l ON l.player_id = k.player AND l.origin = ANY(%s::text[]) AND l.session = k.session
         AND l.sequence = k.sequence"""

# Read before the batch lands: then there is next to nothing to read.
COUNTED = """
    SELECT w.player, l.occurred_at
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(player, first, last)
    JOIN ledger l ON l.player_id = w.player
         AND l.occurred_at >= 'epoch'::timestamptz + w.first * interval '1 microsecond'
         AND l.occurred_at <= 'epoch'::timestamptz + w.last * interval '1 microsecond'
    WHERE l.origin = %s AND l.type = %s AND l.awarded > 0"""

RECOMMEND = """
    INSERT INTO recommendations (player_id, officer_id, rank_id)
    SELECT c.player, c.officer, c.rank
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, officer, rank)
    ORDER BY 1, 2
    ON CONFLICT (player_id, rank_id, officer_id) DO NOTHING
    RETURNING player_id, officer_id"""


# By type of event: what was counted before near the batch's own, by player.
Counted = dict[str, dict[int, list[dt.datetime]]]


@dataclass(frozen=True, slots=True)
class Officer:
    """A player named as the actor of an event: our id, their rank's id and their membership."""

    id: int
    rank_id: int
    member: str


@dataclass(frozen=True, slots=True)
class PlayerViolation:
    """A law that a event does not keep."""

    law: str
    detail: str
    player: PlayerRow
    session: int | None = None

    def entry(self, actor: Actor, origin: str, policy: ActivePolicy) -> Entry:
        return Entry(
            Action.POINTS_MISMATCH,
            actor=actor,
            target=Target(
                "player", str(self.player.id), self.player.username, f"player:{self.player.id}"
            ),
            experience=origin,
            policy_version=policy.bundle.version,
            details={"law": self.law, "detail": self.detail, "session": self.session},
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one batch that the laws look at."""

    origin: str
    batch_id: int
    events: Sequence[ReportedEvent]
    landed: Sequence[ReportedEvent]
    players: dict[int, PlayerRow]
    changes: dict[SessionKey, SessionChange]
    days: dict[tuple[int, dt.date], DayChange]
    counted: "Counted"
    officers: dict[int, Officer]
    policy: ActivePolicy
    counts: bool = True  # what does not count recommends nobody


def officers(events: Iterable[ReportedEvent], policy: ActivePolicy) -> dict[int, Officer]:
    """The players named as actors, by Roblox user id; an unknown one is left out."""
    user_ids = {event.actor_user_id for event in events if event.actor_user_id is not None}
    if not user_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(OFFICERS, [numbers(user_ids)])
        return {
            user_id: Officer(player, rank, member)
            for player, user_id, rank, member in cursor.fetchall()
        }


def scrutinise(scene: Scene) -> tuple[list[ItemResult], list[PlayerViolation]]:
    """Notices on single items for the game server, and violations for the audit log and the staff."""
    notices: list[ItemResult] = []
    violations: list[PlayerViolation] = []
    findings = (_awards, _repeats, _recommendations) if scene.counts else (_awards, _repeats)
    for finding in findings:
        for verdict, violation in finding(scene):
            notices.append(verdict)
            if violation is not None:
                violations.append(violation)
    violations += [*_totals(scene), *_caps(scene), *_cooldowns(scene)]
    return sorted(notices, key=lambda verdict: verdict.index), violations


Finding = tuple[ItemResult, PlayerViolation | None]


def _awards(scene: Scene) -> Iterator[Finding]:
    policy = scene.policy.bundle.points
    for event in scene.landed:
        level, player = _level(event, scene), scene.players[event.user_id]
        violation = checks.check_award(event.type, event.magnitude, event.awarded, level, policy)
        if violation is None:
            seconds = (event.at - player.member_since).total_seconds()
            violation = checks.check_membership(event.awarded, present(player.member), seconds)
        if violation is not None:
            yield (
                ItemResult(event.item, str(violation.law), violation.detail),
                PlayerViolation(str(violation.law), violation.detail, player, event.session),
            )
        elif event.type not in policy.events:
            yield (
                ItemResult(
                    event.item,
                    "UNKNOWN_TYPE",
                    f"{event.type} is not a type of the policy; it awards nothing.",
                ),
                None,
            )


def _level(event: ReportedEvent, scene: Scene) -> str | None:
    if event.actor_user_id is None:
        return None
    officer = scene.officers.get(event.actor_user_id)
    rank = scene.policy.ranks.get(officer.rank_id) if officer else None
    return rank.level if rank else None


def _repeats(scene: Scene) -> Iterator[Finding]:
    """A repeat must say what the first delivery said: otherwise a part had two writers."""
    landed = {id(event) for event in scene.landed}
    repeats = [event for event in scene.events if id(event) not in landed]
    if not repeats:
        return
    columns = [
        numbers(scene.players[event.user_id].id for event in repeats),
        numbers(event.session for event in repeats),
        numbers(event.sequence for event in repeats),
    ]
    with connection.cursor() as cursor:
        # What was delivered before a quarantine began stands where it counts.
        cursor.execute(STORED, [*columns, [scene.origin, origins.experience_of(scene.origin)]])
        stored = {tuple(row[:3]): tuple(row[3:]) for row in cursor.fetchall()}
    for event in repeats:
        player = scene.players[event.user_id]
        first = stored.get((player.id, event.session, event.sequence))
        if first is None:
            detail = "a reconciled row stands for it: the data store was read before it came."
            yield ItemResult(event.item, "RECONCILED", detail), None
        elif first[0] != RECONCILED and first != (event.type, event.awarded, event.total):
            detail = f"session {event.session} sequence {event.sequence} was delivered before with other contents."
            law = str(checks.Law.REPEAT_DIFFERS)
            yield (
                ItemResult(event.item, law, detail),
                PlayerViolation(law, detail, player, event.session),
            )


def _recommendations(scene: Scene) -> Iterator[Finding]:
    """Count each entitled officer's word once per rank; say why one does not count."""
    policy = scene.policy.bundle.points
    counted: list[tuple[ReportedEvent, Officer]] = []
    for event in scene.landed:
        kind = policy.events.get(event.type)
        if kind is None or not kind.recommends:
            continue
        officer = scene.officers.get(event.actor_user_id or 0)
        if officer is None or not _entitled(event, officer, scene):
            yield (
                ItemResult(
                    event.item,
                    "ACTOR_NOT_ENTITLED",
                    "actorUserId is not an officer who may recommend.",
                ),
                None,
            )
        else:
            counted.append((event, officer))
    if not counted:
        return
    past = {}
    for event, officer in counted:
        if why := _past_bounds(event, officer, scene):
            past[event.item] = why
            yield ItemResult(event.item, "PAST_BOUNDS", why), None
    counted = [(event, officer) for event, officer in counted if event.item not in past]
    with connection.cursor() as cursor:
        cursor.execute(
            RECOMMEND,
            [
                numbers(scene.players[event.user_id].id for event, _ in counted),
                numbers(officer.id for _, officer in counted),
                numbers(scene.players[event.user_id].rank_id for event, _ in counted),
            ],
        )
        new = set(cursor.fetchall())
    for event, officer in counted:
        key = (scene.players[event.user_id].id, officer.id)
        if key not in new:
            detail = "this officer has recommended the player at this rank before."
            yield ItemResult(event.item, "ALREADY_RECOMMENDED", detail), None
        new.discard(key)


def _past_bounds(event: ReportedEvent, officer: Officer, scene: Scene) -> str:
    """Why the experience may not bring this recommendation by itself; it waits then. Empty where it
    may.
    """
    now = timezone.now()
    player = Player.objects.select_related("rank", "former_rank").get(
        pk=scene.players[event.user_id].id
    )
    given = Recommendation.objects.filter(player=player, officer=officer.id, rank=player.rank_id)
    if given.exists():
        return ""
    demand = Demand(str(Act.RECOMMEND), event.awarded)
    past = experience_bounds.take(scene.origin, player, demand, now)
    if not past:
        return ""
    waiting = Approval.objects.filter(act=str(Act.RECOMMEND), player=player, requester=officer.id)
    if waiting.filter(status=Approval.Status.WAITING).exists():
        return f"{past} It waits for the officer's word already."
    try:
        by = actors.officer(event.actor_user_id or 0)
        command = Command(by=by, reason="recommended in the game", now=now, experience=scene.origin)
        return experience_bounds.request_confirmation(
            str(Act.RECOMMEND), player, {recommendations.BY_EVENT: True}, past, command
        ).sentence
    except Refused as refusal:
        return f"{past} It does not count: {refusal}"


def recommend(scene: Scene) -> None:
    """Count the recommendations of a batch, and say nothing of those that do not count."""
    for _ in _recommendations(scene):
        pass


def _entitled(event: ReportedEvent, officer: Officer, scene: Scene) -> bool:
    actor = scene.policy.ranks.get(officer.rank_id)
    target = scene.policy.ranks.get(scene.players[event.user_id].rank_id)
    if actor is None or target is None:
        return False
    own = event.actor_user_id == event.user_id
    worth = full_award(event.type, event.magnitude, actor.level, scene.policy.bundle.points)
    found = may(
        Act.RECOMMEND,
        actor,
        target,
        own=own,
        actor_membership=present(officer.member),
        target_membership=present(scene.players[event.user_id].member),
    )
    return bool(worth) and found.allowed


def _totals(scene: Scene) -> Iterator[PlayerViolation]:
    by_id = {player.id: player for player in scene.players.values()}
    for (player_id, session), change in scene.changes.items():
        violation = _false_total(change.after, scene)
        if violation is None:
            continue
        before = _false_total(change.before, scene) if change.before else None
        known = before is not None and change.before is not None
        if known and change.before and _difference(change.before) == _difference(change.after):
            continue  # said before; nothing is worse
        yield PlayerViolation(str(violation.law), violation.detail, by_id[player_id], session)


def _false_total(part: SessionTotal, scene: Scene) -> checks.Violation | None:
    return checks.check_total(part) or checks.check_gap(part, scene.policy.bundle.points)


def _difference(part: SessionTotal) -> int:
    return part.total - part.awarded


def _caps(scene: Scene) -> Iterator[PlayerViolation]:
    policy = scene.policy.bundle.points
    by_id = {player.id: player for player in scene.players.values()}
    weeks: dict[tuple[int, dt.date], tuple[int, int]] = {}
    for (player_id, day), change in scene.days.items():
        violation = checks.check_day(change.after, policy)
        if violation is not None and checks.check_day(change.before, policy) is None:
            yield PlayerViolation(
                str(violation.law), f"{day}: {violation.detail}", by_id[player_id]
            )
        key = player_id, day - dt.timedelta(days=day.weekday())
        before, after = weeks.get(key, (change.week_before, change.week_before))
        weeks[key] = before, after + change.after - change.before
    for (player_id, monday), (before, after) in weeks.items():
        violation = checks.check_week(after, policy)
        if violation is not None and checks.check_week(before, policy) is None:
            yield PlayerViolation(
                str(violation.law), f"week of {monday}: {violation.detail}", by_id[player_id]
            )


def counted_near(
    events: Iterable[ReportedEvent],
    players: dict[int, PlayerRow],
    origin: str,
    policy: ActivePolicy,
) -> Counted:
    """What was counted before, within a cooldown of the batch's own events, by type and player."""
    found: Counted = {}
    for type_, seconds in policy.bundle.points.cooldowns.items():
        spans = _spans(events, players, type_)
        if not spans:
            continue
        before: dict[int, list[dt.datetime]] = {}
        with connection.cursor() as cursor:
            cursor.execute(
                COUNTED,
                [
                    numbers(spans),
                    numbers(first - seconds * 1_000_000 for first, _ in spans.values()),
                    numbers(last + seconds * 1_000_000 for _, last in spans.values()),
                    origin,
                    type_,
                ],
            )
            for player_id, moment in cursor.fetchall():
                before.setdefault(player_id, []).append(moment)
        found[type_] = before
    return found


def _cooldowns(scene: Scene) -> Iterator[PlayerViolation]:
    """Two counted events too close to each other, of which at least one is new."""
    by_id = {player.id: player for player in scene.players.values()}
    for type_, before in scene.counted.items():
        new: dict[int, list[dt.datetime]] = {}
        for event in scene.landed:
            if event.type == type_ and event.awarded > 0:
                new.setdefault(scene.players[event.user_id].id, []).append(event.at)
        for player_id, moments in new.items():
            old = before.get(player_id, [])
            violation = checks.check_cooldown(
                type_, sorted(moments + old), scene.policy.bundle.points
            )
            if (
                violation is not None
                and checks.check_cooldown(type_, sorted(old), scene.policy.bundle.points) is None
            ):
                yield PlayerViolation(str(violation.law), violation.detail, by_id[player_id])


def _spans(
    events: Iterable[ReportedEvent], players: dict[int, PlayerRow], type_: str
) -> dict[int, tuple[int, int]]:
    """The first and last counted moment of a type for each player, in microseconds."""
    spans: dict[int, tuple[int, int]] = {}
    for event in events:
        if event.type != type_ or event.awarded <= 0:
            continue
        player_id = players[event.user_id].id
        first, last = spans.get(player_id, (event.micros, event.micros))
        spans[player_id] = (min(first, event.micros), max(last, event.micros))
    return spans
