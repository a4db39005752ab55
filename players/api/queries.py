"""What the public and the game servers may know of a player: one read each, nothing disciplinary in
public.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone

from common.amounts import hundredths
from players import former_usernames, leaderboard
from players.active_policy import ActivePolicy, active
from players.discipline.effects import in_force_now, told_to_player
from players.membership.status import present
from players.models import ExperiencePoints, Player, Recommendation, Sanction
from players.points import counting
from players.policy.membership import Membership
from players.policy.ranks import Evaluation
from players.policy.warning_thresholds import sanction_of
from players.ranks.evaluation import Candidate, assess
from roblox.models import Experience

MOST_CASES = 20  # of one player, told to a game

PLAYER = f"""
    SELECT p.id, p.user_id, p.username, p.display_name, p.points, coalesce(p.former_rank_id, p.rank_id),
           coalesce(p.former_rank_since, p.rank_since), p.kos, p.wos, p.synced_at,
           ({leaderboard.AHEAD.format(value="(p.points * 100)::bigint")} + 1)::bigint
    FROM players p WHERE p.user_id = %s AND p.listed"""

PARTS = """
    SELECT s.player_id, s.session, s.sequence, s.total, s.confirmed FROM sessions s
    JOIN unnest(%s::bigint[], %s::bigint[]) AS a(player, after) ON s.player_id = a.player AND s.session > a.after
    WHERE s.origin = %s ORDER BY s.player_id, s.session"""

# A row that awarded nothing is not public: a run of them would tell of a suspension. Nor is one
# that does not count.
HISTORY = """
    SELECT l.id, l.origin, l.type, l.magnitude, l.awarded, l.occurred_at FROM ledger l
    LEFT JOIN experience_points e ON e.player_id = l.player_id AND e.origin = l.origin
    WHERE l.player_id = %s AND l.awarded <> 0 AND (l.occurred_at, l.id) < (%s, %s)
      AND coalesce(e.counted, true)
    ORDER BY l.occurred_at DESC, l.id DESC LIMIT """


@dataclass(frozen=True, slots=True)
class Profile:
    """A listed player as the public sees them: the rank is the one kept for them while they are
    suspended.
    """

    id: int
    user_id: int
    username: str
    display_name: str
    points: Decimal
    rank_id: int
    rank_since: dt.datetime
    kos: int
    wos: int
    synced_at: dt.datetime
    position: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    id: int
    origin: str
    type: str
    magnitude: int
    awarded: Decimal
    occurred_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One session as stored."""

    session: int
    sequence: int
    total: Decimal
    confirmed: int


@dataclass(frozen=True, slots=True)
class Case:
    """A sanction in force, with the code by which the player appeals against it. `until` None: for
    good.
    """

    kind: str
    code: str
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban for the game server that is to carry it out. `until` None: for good; `reason`: what the
    player may read; `lifted_by_us`: whether GRPS writes to this universe, and so lifts there what
    it lifts here; `alt_accounts`: whether it holds for their alternative accounts too.
    """

    case: str
    until: dt.datetime | None
    reason: str
    lifted_by_us: bool
    alt_accounts: bool = True


@dataclass(frozen=True, slots=True)
class Joined:
    """A player for the game server that they joined."""

    user_id: int
    rank: str
    rank_since: dt.datetime
    points: Decimal
    elsewhere: Decimal
    adjusted: Decimal
    adjusted_sequence: int
    sanction: str | None
    ban: Ban | None
    parts: list[Part]
    recommendations: int
    known: bool
    membership: Membership
    member_since: dt.datetime | None
    warnings: int = 0  # in force
    counts: counting.Counting = field(default_factory=counting.Counting)
    recommended_by: list[int] = field(
        default_factory=list
    )  # user ids of officers, for the rank that is held
    cases: list[Case] = field(default_factory=list)  # in force, the newest first


def profile(user_id: int) -> Profile | None:
    """A listed player with their position; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(PLAYER, [user_id])
        row = cursor.fetchone()
    return Profile(*row) if row else None


def progress(player: Profile, policy: ActivePolicy, now: dt.datetime) -> Evaluation | None:
    """What the policy says of the player's public rank; None when that rank left the policy."""
    candidate = Candidate(
        player.id,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        hundredths(player.points),
        member=Membership.MEMBER,  # only members are listed
    )
    return assess([candidate], policy, now).get(player.id)


def listed_id(user_id: int) -> tuple[int, Decimal] | None:
    """Our id and the points of a listed player."""
    return Player.objects.filter(user_id=user_id, listed=True).values_list("id", "points").first()


def history(player_id: int, limit: int, before: tuple[dt.datetime, int]) -> list[HistoryRow]:
    """Up to `limit` ledger rows that count, the newest first, older than `before` (moment and id)."""
    with connection.cursor() as cursor:
        cursor.execute(f"{HISTORY}{limit:d}", [player_id, *before])
        return [HistoryRow(*row) for row in cursor.fetchall()]


def joined(asked: Mapping[int, int], origin: str) -> list[Joined]:
    """What the experience `origin` is told of players, in the order they are asked for: by user id,
    each with the epoch after which sessions are wanted. Somebody new has the first rank and nothing
    else. Many take as many queries as one.
    """
    policy, now, what = active(), timezone.now(), counting.in_force(origin)
    players = {
        player.user_id: player
        for player in Player.objects.filter(user_id__in=asked).select_related("rank")
    }
    keys = [player.pk for player in players.values()]
    parts: dict[int, list[Part]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(PARTS, [keys, [asked[user_id] for user_id in players], origin])
        for key, *row in cursor.fetchall():
            parts[key].append(Part(*row))
    others = ExperiencePoints.objects.filter(player__in=keys, counted=True, total__gt=0).exclude(
        origin=origin
    )
    elsewhere = dict(others.values_list("player").annotate(total=Sum("total")))
    officers: dict[int, list[int | None]] = defaultdict(list)
    recommended = Recommendation.objects.filter(player__in=keys, rank=F("player__rank")).order_by(
        "pk"
    )
    for key, officer in recommended.values_list("player", "officer__user_id"):
        officers[key].append(officer)
    sanctions: dict[int, list[Sanction]] = defaultdict(list)
    for sanction in in_force_now(keys, now).order_by("-pk"):
        sanctions[sanction.player_id].append(sanction)

    def of(user_id: int) -> Joined:
        player = players.get(user_id)
        if player is None:
            nothing = Decimal(0)
            first = policy.bundle.first.name
            unknown = present(Membership.UNKNOWN)
            return Joined(
                *(user_id, first, now, nothing, nothing, nothing, 0, None, None, [], 0),
                known=False,
                membership=unknown,
                member_since=None,
                counts=what,
            )
        return Joined(
            user_id=user_id,
            rank=player.rank.name,
            rank_since=player.rank_since,
            points=player.points,
            elsewhere=elsewhere.get(player.pk, Decimal(0)),
            adjusted=player.adjusted,
            adjusted_sequence=player.adjusted_sequence,
            sanction=sanction_of(player.banned, player.rank.is_punishment),
            ban=_ban(sanctions[player.pk], origin) if player.banned else None,
            parts=parts[player.pk],
            recommendations=len(officers[player.pk]),
            known=True,
            membership=present(player.member),
            member_since=player.member_since,
            counts=what,
            recommended_by=[
                officer for officer in officers[player.pk] if officer is not None
            ],  # the erased have none
            warnings=sum(one.kind == Sanction.Kind.WARNING for one in sanctions[player.pk]),
            cases=[
                Case(one.kind, one.code, one.ends_at) for one in sanctions[player.pk][:MOST_CASES]
            ],
        )

    return [of(user_id) for user_id in asked]


def _ban(sanctions: list[Sanction], origin: str) -> Ban | None:
    ban = next((one for one in sanctions if one.kind == Sanction.Kind.BAN), None)
    if ban is None:
        return None
    experience = Experience.objects.get(key=origin)
    lifts = settings.ROBLOX_WRITES and experience.writes and experience.universe_id is not None
    return Ban(ban.code, ban.ends_at, told_to_player(ban.reason, ban.code), lifts, ban.alt_accounts)


def found(prefix: str, limit: int) -> list[tuple[leaderboard.Line, str | None]]:
    """Up to `limit` players whose present or former username starts with `prefix`, members or not,
    each with the sanction that games are told of.
    """
    lines = leaderboard.search(prefix, limit, everybody=True)
    if len(lines) < limit:
        known = {line.id for line in lines}
        former = former_usernames.beginning_with(prefix, limit).keys() - known
        lines += leaderboard.lines_of(sorted(former))[: limit - len(lines)]
    rows = Player.objects.filter(pk__in=[line.id for line in lines]).values_list(
        "pk", "banned", "rank__is_punishment"
    )
    sanctions = {key: sanction_of(banned, punished) for key, banned, punished in rows}
    return [(line, sanctions.get(line.id)) for line in lines]
