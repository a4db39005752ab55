"""Check a batch against the laws of the policy that do not depend on order.

Nothing is written here. The caller records the violations, and the points stay.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from audits.actions import Action
from audits.record import Actor, NewEvent, Target
from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.activity.landing import MinutesViolation
from players.experiences import origins
from players.locking import PlayerRow
from players.membership.status import present
from players.models import IMPORTED, RECONCILED
from players.points.batch_state import BatchState
from players.points.event_parser import ItemResult, ReportedEvent
from players.policy import checks
from players.policy.counters import SessionTotal
from players.policy.membership import belongs
from players.policy.multipliers import Occasion

STORED = """
    SELECT l.player_id, l.session, l.sequence, l.type, (l.awarded * 100)::bigint,
           (l.total * 100)::bigint
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, sequence)
    JOIN ledger l ON l.player_id = k.player AND l.origin = ANY(%s::text[])
         AND l.session = k.session AND l.sequence = k.sequence"""


@dataclass(frozen=True, slots=True)
class PlayerViolation:
    """A law that a batch breaks for a player. `session` is set if a single session breaks it."""

    law: str
    detail: str
    player: PlayerRow
    session: int | None = None

    def entry(self, actor: Actor, experience: str, policy: ActivePolicy) -> NewEvent:
        subject = f"player:{self.player.id}"
        return NewEvent(
            Action.POINTS_MISMATCH,
            actor=actor,
            target=Target("player", str(self.player.id), self.player.username, subject),
            experience=experience,
            policy_version=policy.bundle.version,
            details={"law": self.law, "detail": self.detail, "session": self.session},
        )


def check(state: BatchState) -> tuple[list[ItemResult], list[PlayerViolation]]:
    """Return notices on items for the game server, and violations for the audit log and staff."""
    notices: list[ItemResult] = []
    violations: list[PlayerViolation] = []
    for found in (*_awards(state), *_repeats(state)):
        notices.append(found.notice)
        if found.violation is not None:
            violations.append(found.violation)
    return notices, [*violations, *_totals(state), *_caps(state), *_cooldowns(state)]


def of_minutes(state: BatchState, found: Iterable[MinutesViolation]) -> list[PlayerViolation]:
    """Return the violations of the laws of active minutes, with their players."""
    owners = {player.id: player for player in state.players.values()}
    return [PlayerViolation(one.law, one.detail, owners[one.player], one.session) for one in found]


@dataclass(frozen=True, slots=True)
class _Finding:
    notice: ItemResult
    violation: PlayerViolation | None = None


def _awards(state: BatchState) -> Iterator[_Finding]:
    policy, strangers = state.policy.bundle.points, _strangers(state)
    experience = origins.experience_of(state.destination.origin)
    for event in state.landed:
        violation = checks.check_award(_claim(event, experience, state), policy)
        if violation is None and event.user_id in strangers:
            violation = _of_membership(event, state)
        violation = violation or checks.check_count(event.type, event.magnitude, policy)
        if violation is not None:
            yield _broken(event, str(violation.law), violation.detail, state)
        elif event.type not in policy.events:
            detail = f"{event.type} is not a type of the policy; it awards nothing."
            yield _Finding(ItemResult(event.item, "UNKNOWN_TYPE", detail))


def _claim(event: ReportedEvent, experience: str, state: BatchState) -> checks.Claim:
    level = state.level_of(event) if event.actor_user_id else None
    occasion = Occasion(event.type, event.at, experience)
    return checks.Claim(occasion, event.magnitude, event.awarded, level)


def _strangers(state: BatchState) -> set[int]:
    """Return the Roblox user ids of players who are not members."""
    return {
        user_id for user_id, player in state.players.items() if not belongs(present(player.member))
    }


def _of_membership(event: ReportedEvent, state: BatchState) -> checks.Violation | None:
    player = state.player_of(event)
    seconds = (event.at - player.member_since).total_seconds()
    return checks.check_membership(event.awarded, present(player.member), seconds)


def _broken(event: ReportedEvent, law: str, detail: str, state: BatchState) -> _Finding:
    violation = PlayerViolation(law, detail, state.player_of(event), event.session)
    return _Finding(ItemResult(event.item, law, detail), violation)


def _repeats(state: BatchState) -> Iterator[_Finding]:
    """Report repeats that differ from the first delivery. Then a session had two writers."""
    landed = {id(event) for event in state.landed}
    repeats = [event for event in state.events if id(event) not in landed]
    if not repeats:
        return
    stored = _read_stored(repeats, state)
    for event in repeats:
        first = stored.get((*state.session_of(event), event.sequence))
        if first is None:
            detail = "a reconciled row stands for it: the data store was read before it came."
            yield _Finding(ItemResult(event.item, "RECONCILED", detail))
        elif first[0] not in {RECONCILED, IMPORTED} and first != (
            event.type,
            event.awarded,
            event.total,
        ):
            detail = (
                f"session {event.session} sequence {event.sequence} was delivered before with"
                " other contents."
            )
            yield _broken(event, str(checks.Law.REPEAT_DIFFERS), detail, state)


def _read_stored(
    repeats: Iterable[ReportedEvent], state: BatchState
) -> dict[tuple[int, int, int], tuple[str, int, int]]:
    """Return type, award and total of stored rows by player, session and sequence."""
    keys = [(*state.session_of(event), event.sequence) for event in repeats]
    # Rows delivered before the quarantine began have the experience's origin.
    origin = state.destination.origin
    places = [origin, origins.experience_of(origin)]
    with connection.cursor() as cursor:
        cursor.execute(STORED, [*(numbers(column) for column in zip(*keys, strict=True)), places])
        return {row[:3]: row[3:] for row in cursor.fetchall()}


def _totals(state: BatchState) -> Iterator[PlayerViolation]:
    for (_, session), change in state.changes.items():
        violation = _false_total(change.after, state)
        if violation is None:
            continue
        before = change.before
        if before and _false_total(before, state) and _hidden(before) == _hidden(change.after):
            continue  # reported before, and not worse now
        player = state.player_of(change.events[0])
        yield PlayerViolation(str(violation.law), violation.detail, player, session)


def _false_total(total: SessionTotal, state: BatchState) -> checks.Violation | None:
    return checks.check_total(total) or checks.check_gap(total, state.policy.bundle.points)


def _hidden(total: SessionTotal) -> int:
    return total.total - total.awarded


def _caps(state: BatchState) -> Iterator[PlayerViolation]:
    policy = state.policy.bundle.points
    owners = {player.id: player for player in state.players.values()}
    weeks: dict[tuple[int, dt.date], tuple[int, int]] = {}
    for (player_id, day), change in state.days.items():
        violation = checks.check_day(change.after, policy)
        if violation is not None and checks.check_day(change.before, policy) is None:
            detail = f"{day}: {violation.detail}"
            yield PlayerViolation(str(violation.law), detail, owners[player_id])
        key = player_id, day - dt.timedelta(days=day.weekday())
        before, after = weeks.get(key, (change.week_before, change.week_before))
        weeks[key] = before, after + change.after - change.before
    for (player_id, monday), (before, after) in weeks.items():
        violation = checks.check_week(after, policy)
        if violation is not None and checks.check_week(before, policy) is None:
            detail = f"week of {monday}: {violation.detail}"
            yield PlayerViolation(str(violation.law), detail, owners[player_id])


def _cooldowns(state: BatchState) -> Iterator[PlayerViolation]:
    """Report two counted events too close to each other, at least one of them new."""
    policy = state.policy.bundle.points
    for type_, before in state.counted.items():
        for user_id, moments in _counted_moments(state, type_).items():
            player = state.players[user_id]
            old = before.get(player.id, [])
            violation = checks.check_cooldown(type_, sorted(moments + old), policy)
            known = old and checks.check_cooldown(type_, sorted(old), policy)
            if violation is not None and not known:
                yield PlayerViolation(str(violation.law), violation.detail, player)


def _counted_moments(state: BatchState, type_: str) -> dict[int, list[dt.datetime]]:
    """Return when new events of a type that award points happened, by Roblox user id."""
    moments: dict[int, list[dt.datetime]] = {}
    for event in state.landed:
        if event.type == type_ and event.awarded > 0:
            moments.setdefault(event.user_id, []).append(event.at)
    return moments
