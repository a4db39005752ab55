"""Bodies of public answers about players. Nothing disciplinary is in them."""

import datetime as dt
from decimal import Decimal
from typing import Literal

from players.api.next_rank import NextRankOut
from players.api.schemas import Next, Out, Time, UserId, Whole


class RefOut(Out, frozen=True):
    """A player as named in lists. `userIdString` is the same id, for clients whose numbers are doubles."""

    user_id: UserId
    user_id_string: str
    username: str
    display_name: str
    rank: str
    rank_slug: str


class LineOut(Out, frozen=True):
    """One line of a list. Players with the same amount share a position, and are `tied`.

    `amount`: what the list is ordered by. `change`: positions gained in about 7 days; null if
    unknown. `spark`: points of the last 14 UTC days, today last.
    """

    position: Whole
    tied: bool
    user_id: UserId
    user_id_string: str
    username: str
    display_name: str
    rank: str
    rank_slug: str
    points: Decimal
    amount: Decimal
    kos: Whole
    wos: Whole
    change: int | None
    spark: list[Decimal]
    last_synced_at: Time


class PeriodOut(Out, frozen=True):
    """A week, month or season of UTC days. `endsOn`: the first day after it.

    `closedAt`: since then nothing of it changes; null while it is open. `players`: the number who
    earned points in it.
    """

    kind: Literal["week", "month", "season"]
    key: str
    starts_on: dt.date
    ends_on: dt.date
    closed_at: Time | None
    players: Whole


class TopOut(Out, frozen=True):
    """One page of a list. `total`: the number of its players; null if it is not kept.

    `lastSyncedAt`: the latest of this page.
    """

    players: list[LineOut]
    total: Whole | None
    by: Literal["points", "kos", "wos"]
    period: PeriodOut | None
    as_of: Time
    last_synced_at: Time | None
    next: Next


class AroundOut(Out, frozen=True):
    players: list[LineOut]
    as_of: Time


class BestDayOut(Out, frozen=True):
    player: RefOut
    amount: Decimal
    day: dt.date


class BestWeekOut(Out, frozen=True):
    player: RefOut
    amount: Decimal
    week: str


class StreakOut(Out, frozen=True):
    player: RefOut
    days: Whole
    ended_on: dt.date


class FastestOut(Out, frozen=True):
    """The shortest time from joining to the promotion into a rank."""

    player: RefOut
    rank: str
    rank_slug: str
    seconds: Whole


class RecordsOut(Out, frozen=True):
    """The best of each kind. `fastest`: the best of each rank of the ladder."""

    kos: list[LineOut]
    wos: list[LineOut]
    best_day: list[BestDayOut]
    best_week: list[BestWeekOut]
    longest_streak: list[StreakOut]
    fastest: list[FastestOut]
    as_of: Time


class PeriodsOut(Out, frozen=True):
    """Periods of a kind, newest first."""

    periods: list[PeriodOut]
    next: Next


class StatsOut(Out, frozen=True):
    """Figures of the community, summed every two minutes. Days and weeks are of UTC."""

    players: Whole
    points_today: Decimal
    points_week: Decimal
    promotions_week: Whole
    active_today: Whole
    as_of: Time


class PlayerStreakOut(Out, frozen=True):
    """Days in a row with points. `current` is 0 when neither today nor yesterday had any."""

    current: Whole
    longest: Whole


class PlayerDayOut(Out, frozen=True):
    day: dt.date
    amount: Decimal


class PlayerWeekOut(Out, frozen=True):
    week: str
    amount: Decimal


class ExperienceOut(Out, frozen=True):
    experience: str
    name: str
    points: Decimal


class PlayerOut(Out, frozen=True):
    """A player in public, without disciplinary data.

    A suspended player is shown with the rank they held before. `percentile`: the share of listed
    players with fewer points, in percent; null for the only player. `pace`: points a day over the
    last 14 UTC days. `recommendations`: for the present rank.
    """

    user_id: UserId
    user_id_string: str
    username: str
    display_name: str
    points: Decimal
    rank: str
    rank_slug: str
    level: str
    rank_since: Time
    joined_at: Time
    position: Whole
    total: Whole
    percentile: Whole | None
    change: int | None
    kos: Whole
    wos: Whole
    pace: Decimal
    streak: PlayerStreakOut
    best_day: PlayerDayOut | None
    best_week: PlayerWeekOut | None
    experiences: list[ExperienceOut]
    recommendations: Whole
    next_rank: NextRankOut | None
    last_synced_at: Time
    as_of: Time


class DayOut(Out, frozen=True):
    """A UTC day. `balance`: the points at its end; null while they are not known."""

    day: dt.date
    awarded: Decimal
    kos: Whole
    wos: Whole
    balance: Decimal | None


class SeriesOut(Out, frozen=True):
    """Every day, oldest first."""

    days: list[DayOut]
    as_of: Time


class HistoryEntryOut(Out, frozen=True):
    """One entry of the ledger. The experience `console` stands for adjustments by staff."""

    id: str
    experience: str
    experience_name: str
    type: str
    magnitude: int
    awarded: Decimal
    occurred_at: Time


class HistoryOut(Out, frozen=True):
    entries: list[HistoryEntryOut]
    next: Next


class PromotionOut(Out, frozen=True):
    """A promotion. `player` has the present rank."""

    id: str
    player: RefOut
    rank: str
    rank_slug: str
    from_rank: str
    from_rank_slug: str
    promoted_at: Time


class PlayerPromotionsOut(Out, frozen=True):
    promotions: list[PromotionOut]


class PromotionsOut(Out, frozen=True):
    promotions: list[PromotionOut]
    next: Next


class FoundOut(Out, frozen=True):
    """A search result. `matchedText`: the name or the id by which the player was found."""

    user_id: UserId
    user_id_string: str
    username: str
    display_name: str
    rank: str
    rank_slug: str
    points: Decimal
    matched: Literal["username", "displayName", "formerName", "userId"]
    matched_text: str


class SearchOut(Out, frozen=True):
    """Players found. `suggestions`: up to three usernames, only if nobody is found."""

    players: list[FoundOut]
    suggestions: list[str]
    next: Next
