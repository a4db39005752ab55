"""What a game claims, held against the laws of the policy that need no order. A breach is recorded; points stay.

Also the officers behind recommendations, since a recommendation counts only from an entitled one.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from audits.actions import Action
from audits.record import Actor, Entry, Target
from players.columns import numbers
from players.events import Claim, Verdict
from players.ledger import PartChange, PartKey, PlayerRow
from players.policies import ActivePolicy
from players.policy import laws
from players.policy.permissions import Act, may
from players.policy.points import full_award

OFFICERS = "SELECT id, user_id, rank_id FROM players WHERE user_id = ANY(%s::bigint[])"

STORED = """
    SELECT l.player_id, l.session, l.sequence, l.type, (l.awarded * 100)::bigint, (l.total * 100)::bigint
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, sequence)
    JOIN ledger l ON l.player_id = k.player AND l.origin = %s AND l.session = k.session AND l.sequence = k.sequence"""

WEEKS = """
    SELECT w.player, w.monday, (sum(d.awarded) * 100)::bigint
    FROM unnest(%s::bigint[], %s::date[]) AS w(player, monday)
    JOIN daily_points d ON d.player_id = w.player AND d.origin = %s AND d.day >= w.monday AND d.day < w.monday + 7
    GROUP BY w.player, w.monday"""

# Counted rows of a type close to the batch's own, in order of time: a gap is new when one of its ends is.
NEIGHBOURS = """
    SELECT w.player, g.occurred_at
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS w(player, first, last)
    CROSS JOIN LATERAL (
        SELECT l.occurred_at, l.batch, l.occurred_at - lag(l.occurred_at) OVER near AS gap, lag(l.batch) OVER near AS other
        FROM ledger l
        WHERE l.player_id = w.player AND l.occurred_at BETWEEN w.first AND w.last
          AND l.origin = %s AND l.type = %s AND l.awarded > 0
        WINDOW near AS (ORDER BY l.occurred_at, l.id)
    ) g
    WHERE g.gap < %s AND (g.batch = %s OR g.other = %s)"""

RECOMMEND = """
    INSERT INTO recommendations (player_id, officer_id, rank_id)
    SELECT c.player, c.officer, c.rank
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, officer, rank)
    ORDER BY 1, 2
    ON CONFLICT (player_id, rank_id, officer_id) DO NOTHING
    RETURNING player_id, officer_id"""


@dataclass(frozen=True, slots=True)
class Officer:
    """A player named as the actor of an event: our id and their rank's id."""

    id: int
    rank_id: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that a claim does not keep."""

    law: str
    detail: str
    player: PlayerRow
    session: int | None = None

    def entry(self, actor: Actor, origin: str, policy: ActivePolicy) -> Entry:
        return Entry(
            Action.POINTS_MISMATCH,
            actor=actor,
            target=Target("player", str(self.player.id), self.player.username, f"player:{self.player.id}"),
            experience=origin,
            policy_version=policy.bundle.version,
            details={"law": self.law, "detail": self.detail, "session": self.session},
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one batch that the laws look at."""

    origin: str
    batch_id: int
    claims: Sequence[Claim]
    landed: Sequence[Claim]
    players: dict[int, PlayerRow]
    changes: dict[PartKey, PartChange]
    days: dict[tuple[int, dt.date], tuple[int, int]]
    officers: dict[int, Officer]
    policy: ActivePolicy


def officers(claims: Iterable[Claim], policy: ActivePolicy) -> dict[int, Officer]:
    """The players named as actors, by Roblox user id; an unknown one is left out."""
    user_ids = {claim.actor_user_id for claim in claims if claim.actor_user_id is not None}
    if not user_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(OFFICERS, [numbers(user_ids)])
        return {user_id: Officer(player, rank) for player, user_id, rank in cursor.fetchall()}


def scrutinise(scene: Scene) -> tuple[list[Verdict], list[Breach]]:
    """Notices on single items for the game server, and breaches for the audit log and the staff."""
    notices: list[Verdict] = []
    breaches: list[Breach] = []
    for finding in (_awards, _repeats, _recommendations):
        for verdict, breach in finding(scene):
            notices.append(verdict)
            if breach is not None:
                breaches.append(breach)
    breaches += [*_totals(scene), *_caps(scene), *_cooldowns(scene)]
    return sorted(notices, key=lambda verdict: verdict.index), breaches


Finding = tuple[Verdict, Breach | None]


def _awards(scene: Scene) -> Iterator[Finding]:
    policy = scene.policy.bundle.points
    for claim in scene.landed:
        level = _level(claim, scene)
        breach = laws.check_award(claim.type, claim.magnitude, claim.awarded, level, policy)
        if breach is not None:
            player = scene.players[claim.user_id]
            yield (
                Verdict(claim.index, str(breach.law), breach.detail),
                Breach(str(breach.law), breach.detail, player, claim.session),
            )
        elif claim.type not in policy.events:
            yield Verdict(claim.index, "UNKNOWN_TYPE", f"{claim.type} is not a type of the policy; it awards nothing."), None


def _level(claim: Claim, scene: Scene) -> str | None:
    if claim.actor_user_id is None:
        return None
    officer = scene.officers.get(claim.actor_user_id)
    rank = scene.policy.ranks.get(officer.rank_id) if officer else None
    return rank.level if rank else None


def _repeats(scene: Scene) -> Iterator[Finding]:
    """A repeat must say what the first delivery said: otherwise a part had two writers."""
    landed = {id(claim) for claim in scene.landed}
    repeats = [claim for claim in scene.claims if id(claim) not in landed]
    if not repeats:
        return
    columns = [
        numbers(scene.players[claim.user_id].id for claim in repeats),
        numbers(claim.session for claim in repeats),
        numbers(claim.sequence for claim in repeats),
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORED, [*columns, scene.origin])
        stored = {tuple(row[:3]): tuple(row[3:]) for row in cursor.fetchall()}
    for claim in repeats:
        player = scene.players[claim.user_id]
        first = stored[player.id, claim.session, claim.sequence]
        if first != (claim.type, claim.awarded, claim.total):
            detail = f"session {claim.session} sequence {claim.sequence} was delivered before with other contents."
            law = str(laws.Law.REPEAT_DIFFERS)
            yield Verdict(claim.index, law, detail), Breach(law, detail, player, claim.session)


def _recommendations(scene: Scene) -> Iterator[Finding]:
    """Count each entitled officer's word once per rank; say why one does not count."""
    policy = scene.policy.bundle.points
    counted: list[tuple[Claim, Officer]] = []
    for claim in scene.landed:
        kind = policy.events.get(claim.type)
        if kind is None or not kind.recommends:
            continue
        officer = scene.officers.get(claim.actor_user_id or 0)
        if officer is None or not _entitled(claim, officer, scene):
            yield Verdict(claim.index, "ACTOR_NOT_ENTITLED", "actorUserId is not an officer who may recommend."), None
        else:
            counted.append((claim, officer))
    if not counted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            RECOMMEND,
            [
                numbers(scene.players[claim.user_id].id for claim, _ in counted),
                numbers(officer.id for _, officer in counted),
                numbers(scene.players[claim.user_id].rank_id for claim, _ in counted),
            ],
        )
        new = set(cursor.fetchall())
    for claim, officer in counted:
        key = (scene.players[claim.user_id].id, officer.id)
        if key not in new:
            detail = "this officer has recommended the player at this rank before."
            yield Verdict(claim.index, "ALREADY_RECOMMENDED", detail), None
        new.discard(key)


def _entitled(claim: Claim, officer: Officer, scene: Scene) -> bool:
    actor = scene.policy.ranks.get(officer.rank_id)
    target = scene.policy.ranks.get(scene.players[claim.user_id].rank_id)
    if actor is None or target is None:
        return False
    own = claim.actor_user_id == claim.user_id
    worth = full_award(claim.type, claim.magnitude, actor.level, scene.policy.bundle.points)
    return bool(worth) and may(Act.RECOMMEND, actor, target, own=own).allowed


def _totals(scene: Scene) -> Iterator[Breach]:
    by_id = {player.id: player for player in scene.players.values()}
    for (player_id, session), change in scene.changes.items():
        breach = laws.check_total(change.after)
        if breach is None:
            continue
        before = laws.check_total(change.before) if change.before else None
        known = before is not None and change.before is not None
        if known and change.before and _difference(change.before) == _difference(change.after):
            continue  # said before; nothing is worse
        yield Breach(str(breach.law), breach.detail, by_id[player_id], session)


def _difference(part: "laws.Part") -> int:
    return part.total - part.awarded


def _caps(scene: Scene) -> Iterator[Breach]:
    policy = scene.policy.bundle.points
    by_id = {player.id: player for player in scene.players.values()}
    for (player_id, day), (before, after) in scene.days.items():
        breach = laws.check_day(after, policy)
        if breach is not None and laws.check_day(before, policy) is None:
            yield Breach(str(breach.law), f"{day}: {breach.detail}", by_id[player_id])
    for (player_id, monday), (before, after) in _weeks(scene).items():
        breach = laws.check_week(after, policy)
        if breach is not None and laws.check_week(before, policy) is None:
            yield Breach(str(breach.law), f"week of {monday}: {breach.detail}", by_id[player_id])


def _weeks(scene: Scene) -> dict[tuple[int, dt.date], tuple[int, int]]:
    added: dict[tuple[int, dt.date], int] = {}
    for (player_id, day), (before, after) in scene.days.items():
        key = player_id, day - dt.timedelta(days=day.weekday())
        added[key] = added.get(key, 0) + after - before
    if not added:
        return {}
    mondays = "{" + ",".join(key[1].isoformat() for key in added) + "}"
    with connection.cursor() as cursor:
        cursor.execute(WEEKS, [numbers(key[0] for key in added), mondays, scene.origin])
        rows = cursor.fetchall()
    return {(player, monday): (after - added[player, monday], after) for player, monday, after in rows}


def _cooldowns(scene: Scene) -> Iterator[Breach]:
    by_id = {player.id: player for player in scene.players.values()}
    for type_, seconds in scene.policy.bundle.points.cooldowns.items():
        spans = _spans(scene, type_)
        if not spans:
            continue
        cooldown = dt.timedelta(seconds=seconds)
        with connection.cursor() as cursor:
            cursor.execute(
                NEIGHBOURS,
                [
                    list(spans),
                    [first - cooldown for first, _ in spans.values()],
                    [last + cooldown for _, last in spans.values()],
                    scene.origin,
                    type_,
                    cooldown,
                    scene.batch_id,
                    scene.batch_id,
                ],
            )
            close = dict(cursor.fetchall())
        for player_id, moment in close.items():
            detail = f"two counted {type_} less than {seconds} s apart, at {moment.isoformat()}."
            yield Breach(str(laws.Law.COOLDOWN), detail, by_id[player_id])


def _spans(scene: Scene, type_: str) -> dict[int, tuple[dt.datetime, dt.datetime]]:
    """The first and last counted moment of a type for each player of the batch."""
    spans: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for claim in scene.landed:
        if claim.type != type_ or claim.awarded <= 0:
            continue
        player_id = scene.players[claim.user_id].id
        first, last = spans.get(player_id, (claim.at, claim.at))
        spans[player_id] = (min(first, claim.at), max(last, claim.at))
    return spans
