"""What the public and the game servers may know of a player: one read each, nothing disciplinary in public."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from players import leaderboard
from players.amounts import hundredths
from players.decisions import Candidate, assess
from players.measures import in_force, told_to_player
from players.models import REST, Player, Recommendation, Sanction
from players.policies import ActivePolicy, active
from players.policy.ranks import Evaluation
from players.policy.sanctions import sanction_of
from roblox.models import Experience

PLAYER = f"""
    SELECT p.id, p.user_id, p.username, p.display_name, p.points, coalesce(p.former_rank_id, p.rank_id),
           coalesce(p.former_rank_since, p.rank_since), p.kos, p.wos, p.updated_at,
           ({leaderboard.AHEAD.format(value="(p.points * 100)::bigint")} + 1)::bigint
    FROM players p WHERE p.user_id = %s AND p.listed"""

HISTORY = """
    SELECT l.id, l.origin, l.type, l.magnitude, l.awarded, l.occurred_at FROM ledger l
    WHERE l.player_id = %s AND (l.occurred_at, l.id) < (%s, %s)
    ORDER BY l.occurred_at DESC, l.id DESC LIMIT """


@dataclass(frozen=True, slots=True)
class Profile:
    """A listed player as the public sees them: the rank is the one kept for them while they are suspended."""

    id: int
    user_id: int
    username: str
    display_name: str
    points: Decimal
    rank_id: int
    rank_since: dt.datetime
    kos: int
    wos: int
    updated_at: dt.datetime
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
class Ban:
    """A ban for the game server that is to carry it out. `until` None: for good; `reason`: what the player may read;
    `lifted_by_us`: whether GRPS writes to this universe, and so lifts there what it lifts here."""

    case: int
    until: dt.datetime | None
    reason: str
    lifted_by_us: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """A player for the game server that they joined."""

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
    warnings: int = 0  # in force
    recommended_by: list[int] = field(default_factory=list)  # user ids of officers, for the rank that is held


def profile(user_id: int) -> Profile | None:
    """A listed player with their position; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(PLAYER, [user_id])
        row = cursor.fetchone()
    return Profile(*row) if row else None


def progress(player: Profile, policy: ActivePolicy, now: dt.datetime) -> Evaluation | None:
    """What the policy says of the player's public rank; None when that rank left the policy."""
    candidate = Candidate(
        player.id, player.user_id, player.username, player.rank_id, player.rank_since, hundredths(player.points)
    )
    return assess([candidate], policy, now).get(player.id)


def listed_id(user_id: int) -> tuple[int, Decimal] | None:
    """Our id and the points of a listed player."""
    return Player.objects.filter(user_id=user_id, listed=True).values_list("id", "points").first()


def history(player_id: int, limit: int, before: tuple[dt.datetime, int]) -> list[HistoryRow]:
    """Up to `limit` ledger rows, the newest first, older than `before` (moment and id)."""
    with connection.cursor() as cursor:
        cursor.execute(f"{HISTORY}{limit:d}", [player_id, *before])
        return [HistoryRow(*row) for row in cursor.fetchall()]


def joined(user_id: int, origin: str, after: int = REST) -> Joined:
    """What the experience `origin` is told of a player; somebody new has the first rank and nothing else."""
    policy = active()
    player = Player.objects.filter(user_id=user_id).select_related("rank").first()
    if player is None:
        first = policy.bundle.first.name
        nothing = Decimal(0)
        return Joined(first, timezone.now(), nothing, nothing, nothing, 0, None, None, [], 0, known=False)
    rows = player.sessions.filter(origin=origin, session__gt=after).order_by("session")
    elsewhere = player.sessions.exclude(origin=origin).aggregate(total=Sum("total"))["total"]
    parts = [Part(*row) for row in rows.values_list("session", "sequence", "total", "confirmed")]
    sanction = sanction_of(player.banned, player.rank.is_punishment)
    recommended = Recommendation.objects.filter(player=player, rank=player.rank_id).order_by("pk")
    officers = list(recommended.values_list("officer__user_id", flat=True))
    return Joined(
        rank=player.rank.name,
        rank_since=player.rank_since,
        points=player.points,
        elsewhere=elsewhere or Decimal(0),
        adjusted=player.adjusted,
        adjusted_sequence=player.adjusted_sequence,
        sanction=sanction,
        ban=_ban(player, origin) if player.banned else None,
        parts=parts,
        recommendations=len(officers),
        known=True,
        recommended_by=[user_id for user_id in officers if user_id is not None],  # of the erased there is none
        warnings=in_force(player, Sanction.Kind.WARNING, timezone.now()).count(),
    )


def _ban(player: Player, origin: str) -> Ban | None:
    ban = in_force(player, Sanction.Kind.BAN, timezone.now()).order_by("-pk").first()
    if ban is None:
        return None
    experience = Experience.objects.get(key=origin)
    lifts = settings.ROBLOX_WRITES and experience.writes and experience.universe_id is not None
    return Ban(ban.pk, ban.ends_at, told_to_player(ban.reason, ban.pk), lifts)


def found(prefix: str, limit: int) -> list[tuple[leaderboard.Line, str | None]]:
    """Up to `limit` listed players whose name starts with `prefix`, each with the sanction that games are told of."""
    lines = leaderboard.search(prefix, limit)
    rows = Player.objects.filter(pk__in=[line.id for line in lines]).values_list("pk", "banned", "rank__is_punishment")
    sanctions = {key: sanction_of(banned, punished) for key, banned, punished in rows}
    return [(line, sanctions.get(line.id)) for line in lines]
