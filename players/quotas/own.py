"""What a member sees of their own activity: the last weeks, and the quotas that bind them."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from players.active_policy import active
from players.activity import queries
from players.activity.queries import Week
from players.models import Player, QuotaPeriod
from players.policy.quotas import Figures, State, bound_ranks, foresee
from players.quotas.standings import BoundPlayer, Selection, span_of, standings

WEEKS = 8
DAY = dt.timedelta(days=1)


class OwnQuota(NamedTuple):
    """A quota's present period: what it asks for and what is done. `ends_on`: its last day."""

    name: str
    period: str
    ends_on: dt.date
    targets: Figures
    done: Figures
    state: State


@dataclass(frozen=True, slots=True)
class OwnActivity:
    """The last weeks with the present one first, and the quotas of the present periods."""

    weeks: list[Week]
    quotas: list[OwnQuota]


def facts(player: Player, now: dt.datetime) -> OwnActivity:
    """Return a player's own activity. Without `activity` in the policy there are no weeks."""
    today = now.astimezone(dt.UTC).date()
    counted = active().bundle.community.activity is not None
    weeks = queries.weeks(player.pk, today, WEEKS) if counted else []
    return OwnActivity(weeks, _quotas(player, now, today))


def _quotas(player: Player, now: dt.datetime, today: dt.date) -> list[OwnQuota]:
    policy = active()
    rank = policy.ranks.get(player.rank_id)
    bound = [
        quota.name
        for quota in policy.bundle.community.quotas
        if rank is not None and rank.name in bound_ranks(quota, policy.bundle)
    ]
    periods = QuotaPeriod.objects.filter(quota__in=bound, starts_on__lte=today, ends_on__gt=today)
    return [_quota(period, player, now) for period in periods.order_by("ends_on", "quota")]


def _quota(period: QuotaPeriod, player: Player, now: dt.datetime) -> OwnQuota:
    row = BoundPlayer(player.pk, player.user_id, player.username, player.rank_id, player.rank_since)
    standing = standings(period, [row])[player.pk]
    judged = foresee(Selection(period, active()).quota, span_of(period), standing, now)
    return OwnQuota(
        period.quota, period.key, period.ends_on - DAY, judged.asked, standing.done, judged.state
    )
