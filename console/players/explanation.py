"""The explanation of a player's points and rank: the rules, the parts, the caps and the rows."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from common.amounts import points
from players.active_policy import ActivePolicy
from players.experiences import origins
from players.membership.status import present
from players.models import CONSOLE, Player
from players.policy.ranks import Condition, Evaluation

ROWS = 50
PARTS = 50

SUMS = """
    SELECT s.origin, count(*), e.total, max(s.last_at), sum(s.sequence - s.count), e.counted FROM sessions s
    JOIN experience_points e ON e.player_id = s.player_id AND e.origin = s.origin
    WHERE s.player_id = %s GROUP BY s.origin, e.total, e.counted ORDER BY s.origin"""

CAPS = """
    SELECT origin, coalesce(sum(awarded) FILTER (WHERE day = %s), 0), coalesce(sum(awarded), 0) FROM daily_points
    WHERE player_id = %s AND day >= %s GROUP BY origin ORDER BY origin"""

LEDGER = """
    SELECT l.id, l.occurred_at, l.origin, l.session, l.sequence, l.type, l.magnitude, l.awarded, l.total, a.username
    FROM ledger l LEFT JOIN players a ON a.id = l.actor_id
    WHERE l.player_id = %s AND (l.occurred_at, l.id) < (%s, %s)
    ORDER BY l.occurred_at DESC, l.id DESC LIMIT """

RECOMMENDATIONS = f"""
    SELECT o.user_id, o.username, r.name, c.created_at FROM recommendations c
    JOIN players o ON o.id = c.officer_id JOIN ranks r ON r.id = c.rank_id
    WHERE c.player_id = %s ORDER BY c.created_at DESC LIMIT {PARTS}"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of the next rank: the required value, the present value, whether it is met."""

    name: str
    asked: str
    found: str
    met: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The points of one experience or of a part of it, or the points adjusted by staff."""

    origin: str
    sessions: int
    total: Decimal
    last_at: dt.datetime | None
    missing: int
    counted: bool

    @property
    def told(self) -> str:
        return origins.told(self.origin)

    @property
    def shown(self) -> Decimal:
        """The points that count: an experience never reduces points from another one."""
        if self.origin == CONSOLE:
            return self.total
        return max(self.total, Decimal(0)) if self.counted else Decimal(0)


@dataclass(frozen=True, slots=True)
class Cap:
    """The points that count toward the caps of one experience, today and this week."""

    origin: str
    today: Decimal
    week: Decimal
    day_full: bool
    week_full: bool


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """A row of the ledger."""

    id: int
    at: dt.datetime
    origin: str
    session: int
    sequence: int
    type: str
    magnitude: int
    awarded: Decimal
    total: Decimal
    officer: str | None

    @property
    def told(self) -> str:
        return origins.told(self.origin)


def rules(
    player: Player, evaluation: Evaluation | None, policy: ActivePolicy, now: dt.datetime
) -> list[Rule]:
    """Return the conditions of the next rank, as the active policy judges them now."""
    if evaluation is None or evaluation.target is None:
        return []
    target, missing, failed = evaluation.target, evaluation.missing, set(evaluation.failed)
    days = (now - player.rank_since) / dt.timedelta(days=1)
    given = target.required_recommendations - missing.recommendations
    sanctioned = Condition.SANCTION in failed
    return [
        Rule(
            "Points",
            f"{points(target.min_points):,}",
            f"{player.points:,}",
            Condition.POINTS not in failed,
        ),
        Rule(
            "Days in the present rank",
            str(target.min_time_days),
            f"{days:.1f}",
            Condition.TIME not in failed,
        ),
        Rule(
            "Recommendations",
            str(target.required_recommendations),
            f"{given} of these" if target.required_recommendations else "none asked for",
            Condition.RECOMMENDATIONS not in failed,
        ),
        Rule("Sanction in force", "none", "one" if sanctioned else "none", not sanctioned),
        Rule(
            "Membership of the group",
            "a member",
            present(player.member).value,
            Condition.MEMBERSHIP not in failed,
        ),
        Rule(
            "Locked promotions or denied rank",
            "neither",
            "in force" if Condition.LOCKED in failed else "neither",
            Condition.LOCKED not in failed,
        ),
        Rule(
            "Who gives it",
            "an officer approves" if target.privileged else "nobody has to",
            "a privileged rank" if target.privileged else "an automatic one",
            True,
        ),
    ]


def parts(player: Player) -> list[Part]:
    """Return the parts whose sum is the player's points."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [player.pk])
        found = [Part(*row) for row in cursor.fetchall()]
    return [*found, Part(CONSOLE, player.adjusted_sequence, player.adjusted, None, 0, True)]


def caps(player: Player, policy: ActivePolicy, now: dt.datetime) -> list[Cap]:
    """Return the points that count toward the caps today and since Monday, by experience."""
    today = now.astimezone(dt.UTC).date()
    monday = today - dt.timedelta(days=today.weekday())
    daily, weekly = points(policy.bundle.points.daily_cap), points(policy.bundle.points.weekly_cap)
    with connection.cursor() as cursor:
        cursor.execute(CAPS, [today, player.pk, monday])
        return [
            Cap(origins.told(origin), day, week, day >= daily, week >= weekly)
            for origin, day, week in cursor.fetchall()
        ]


def rows(player: Player, before: tuple[dt.datetime, int]) -> list[ExplainedRow]:
    """Return up to ROWS + 1 ledger rows older than `before`, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(f"{LEDGER}{ROWS + 1:d}", [player.pk, *before])
        return [ExplainedRow(*row) for row in cursor.fetchall()]


def recommendations(player: Player) -> list[tuple[int, str, str, dt.datetime]]:
    """Return who recommended the player, at which rank, and when."""
    with connection.cursor() as cursor:
        cursor.execute(RECOMMENDATIONS, [player.pk])
        return list(cursor.fetchall())
