"""Read what a game server needs about players who join, for one or many at once."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import F, Sum

from common import database_clock
from common.amounts import points
from players.active_policy import active
from players.api.schemas import (
    AdjustedOut,
    BanOut,
    CaseOut,
    CountsOut,
    HostedOut,
    JoinOut,
    MembershipOut,
    RankLockOut,
    RunningLeaveOut,
    SessionOut,
)
from players.discipline.player_texts import ban_message
from players.discipline.queries import in_force_now
from players.experiences import counting
from players.hosted_events.spent import spent
from players.leave.queries import away
from players.membership.status import present
from players.models import (
    ExperiencePoints,
    Leave,
    Player,
    RankRestriction,
    Recommendation,
    Sanction,
)
from players.policy.membership import MembershipStatus
from players.policy.ranks import counted_until
from players.policy.warning_thresholds import sanction_of
from players.ranks import restrictions
from roblox import write_hold
from roblox.models import Experience

MAX_CASES = 20  # of one player
ZERO = Decimal(0)

SESSIONS = """
    SELECT s.player_id, s.session, s.sequence, s.total, s.confirmed FROM sessions s
    JOIN unnest(%s::bigint[], %s::bigint[]) AS a(player, after)
        ON s.player_id = a.player AND (s.session > a.after OR s.session = 0)
    WHERE s.origin = %s ORDER BY s.player_id, s.session"""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of the players in one request: players by user id, the others by our player id."""

    players: dict[int, Player]
    sessions: Mapping[int, list[SessionOut]]
    elsewhere: Mapping[int, Decimal]
    officers: Mapping[int, list[int | None]]
    sanctions: Mapping[int, list[Sanction]]
    restrictions: Mapping[int, list[RankRestriction]]
    leaves: Mapping[int, Leave]
    lifts: bool  # known if one of them is banned
    hosted: Mapping[int, tuple[int, int]]


def load(epochs: Mapping[int, int], origin: str) -> list[JoinOut]:
    """Return what the experience `origin` may know of each player, in the order of `epochs`.

    `epochs`: by user id, the epoch after which sessions are wanted. An unknown player has the first
    rank and no sessions. The number of queries does not depend on the number of players.
    """
    first_rank, now = active().bundle.first.name, database_clock.now()
    rows, counts = _read(epochs, origin, now), _counts(origin)

    def state(user_id: int) -> JoinOut:
        player = rows.players.get(user_id)
        if player is None:
            return _unknown(user_id, first_rank, counts, now)
        return _known(player, rows, counts, now)

    return [state(user_id) for user_id in epochs]


def _read(epochs: Mapping[int, int], origin: str, now: dt.datetime) -> _Rows:
    found = Player.objects.filter(user_id__in=epochs).select_related("rank")
    players = {player.user_id: player for player in found}
    ids = [player.pk for player in players.values()]
    return _Rows(
        players,
        _sessions(ids, [epochs[user_id] for user_id in players], origin),
        elsewhere(ids, origin),
        _officers(ids),
        _sanctions(ids, now),
        restrictions.in_force(ids, now),
        away(ids, now.astimezone(dt.UTC).date()),
        any(player.banned for player in players.values()) and _lifts(origin),
        spent(ids, origin, now),
    )


def _sessions(ids: list[int], after: list[int], origin: str) -> Mapping[int, list[SessionOut]]:
    sessions = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS, [ids, after, origin])
        for player_id, *row in cursor.fetchall():
            sessions[player_id].append(SessionOut(*row))
    return sessions


def elsewhere(ids: list[int], origin: str) -> Mapping[int, Decimal]:
    """Return the points from other experiences, each at least 0."""
    others = ExperiencePoints.objects.filter(player__in=ids, counted=True, total__gt=0)
    totals = others.exclude(origin=origin).values_list("player").annotate(total=Sum("total"))
    return dict(totals)


def _officers(ids: list[int]) -> Mapping[int, list[int | None]]:
    """Return the user ids of officers who recommended each player for the present rank.

    None stands for an erased officer.
    """
    officers: dict[int, list[int | None]] = defaultdict(list)
    recommended = Recommendation.objects.filter(player__in=ids, rank=F("player__rank"))
    for player_id, officer in recommended.order_by("pk").values_list("player", "officer__user_id"):
        officers[player_id].append(officer)
    return officers


def _sanctions(ids: list[int], now: dt.datetime) -> Mapping[int, list[Sanction]]:
    """Return the sanctions in force, newest first."""
    sanctions = defaultdict(list)
    for sanction in in_force_now(ids, now).order_by("-pk"):
        sanctions[sanction.player_id].append(sanction)
    return sanctions


def _counts(origin: str) -> CountsOut:
    counts = counting.in_force(origin)
    return CountsOut(counts.points, counts.private_servers, counts.studio)


def _counted_since(player: Player, now: dt.datetime) -> dt.datetime:
    """Return when the rank began, later by the time that a running leave lets rest.

    The game counts the days in the rank from it.
    """
    return player.rank_since + (now - counted_until(player.rank_since, player.resting_since, now))


def _known(player: Player, rows: _Rows, counts: CountsOut, now: dt.datetime) -> JoinOut:
    sanctions, officers = rows.sanctions.get(player.pk, []), rows.officers.get(player.pk, [])
    return JoinOut(
        user_id=player.user_id,
        known=True,
        rank=player.rank.name,
        rank_since=_counted_since(player, now),
        points=player.points,
        elsewhere=rows.elsewhere.get(player.pk, ZERO),
        recommendations=len(officers),
        recommended_by=[officer for officer in officers if officer is not None],
        sessions=rows.sessions.get(player.pk, []),
        adjusted=AdjustedOut(player.adjusted_sequence, player.adjusted),
        sanction=sanction_of(player.banned, player.rank.is_punishment),
        warnings=sum(one.kind == Sanction.Kind.WARNING for one in sanctions),
        ban=_ban(sanctions, rows) if player.banned else None,
        cases=[CaseOut(one.kind, one.code, one.ends_at) for one in sanctions[:MAX_CASES]],  # type: ignore[arg-type]
        locks=_locks(rows.restrictions.get(player.pk, [])),
        leave=_leave(rows.leaves.get(player.pk)),
        membership=MembershipOut(present(player.member).value, player.member_since),
        counts=counts,
        hosted=_hosted(rows.hosted.get(player.pk, (0, 0)), now),
    )


def _unknown(user_id: int, first_rank: str, counts: CountsOut, now: dt.datetime) -> JoinOut:
    return JoinOut(
        user_id=user_id,
        known=False,
        rank=first_rank,
        rank_since=now,
        points=ZERO,
        elsewhere=ZERO,
        recommendations=0,
        recommended_by=[],
        sessions=[],
        adjusted=AdjustedOut(0, ZERO),
        sanction=None,
        warnings=0,
        ban=None,
        cases=[],
        locks=[],
        leave=None,
        membership=MembershipOut(present(MembershipStatus.UNKNOWN).value, None),
        counts=counts,
        hosted=_hosted((0, 0), now),
    )


def _hosted(used: tuple[int, int], now: dt.datetime) -> HostedOut:
    return HostedOut(now, *map(points, used))


def _locks(found: Sequence[RankRestriction]) -> list[RankLockOut]:
    return [RankLockOut(one.rank, one.ends_at) for one in restrictions.locks_of(found)]


def _leave(found: Leave | None) -> RunningLeaveOut | None:
    return RunningLeaveOut(found.last_day, found.ends_soon) if found else None


def _ban(sanctions: Sequence[Sanction], rows: _Rows) -> BanOut | None:
    ban = next((one for one in sanctions if one.kind == Sanction.Kind.BAN), None)
    if ban is None:
        return None
    return BanOut(
        ban.code, ban.ends_at, ban_message(ban.reason, ban.code), rows.lifts, ban.alt_accounts
    )


def _lifts(origin: str) -> bool:
    """Return whether GRPS lifts bans of the experience on Roblox when they end."""
    experience = Experience.objects.get(key=origin)
    return experience.writes and experience.universe_id is not None and not write_hold.why_off()
