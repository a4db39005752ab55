"""Who is awarded what for a hosted event, under each player's caps."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection

from common.pg_arrays import numbers
from players.active_policy import ActivePolicy, active
from players.hosted_events import kinds
from players.hosted_events.spent import spent
from players.locking import PlayerRow, lock_players
from players.membership.status import present
from players.models import HostedEvent, HostedEventAttendance, HostedEventHost
from players.moderation.actors import Staff
from players.policy.hosting import capped, why_not_award
from players.policy.multipliers import Occasion
from players.policy.points import award_at

BANNED = "they are banned"
OUTSIDE = "their rank is not part of the active policy"
NO_AWARD = "the policy names no award"
NONE = (0, 0)

# What games earned in the event's experience in a day and its week. Hundredths.
SPENT = """
    SELECT player_id, (coalesce(sum(awarded) FILTER (WHERE day = %s), 0) * 100)::bigint,
           (sum(awarded) * 100)::bigint
    FROM daily_points
    WHERE player_id = ANY(%s::bigint[]) AND origin = %s AND day >= %s AND day < %s
    GROUP BY player_id"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one locked player is awarded. `full`: the hundredths before caps."""

    player: PlayerRow
    type: str
    full: int
    amount: int
    seconds: int | None = None
    hosted: bool = False


@dataclass(slots=True)
class Shares:
    """What an award gives. `skipped`: why attendees get nothing, by our player id."""

    attendees: list[Share] = field(default_factory=list)
    hosts: list[Share] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    added: int = 0
    players: Mapping[int, PlayerRow] = field(default_factory=dict)

    @property
    def all(self) -> list[Share]:
        return [*self.attendees, *self.hosts]

    @property
    def moved(self) -> int:
        return sum(share.amount for share in self.all)

    @property
    def largest(self) -> int:
        return max((share.amount for share in self.all), default=0)


@dataclass(frozen=True, slots=True)
class _Award:
    """Who awards which event, when, by which policy."""

    event: HostedEvent
    by: Staff
    now: dt.datetime
    policy: ActivePolicy

    def share(self, player: PlayerRow, type_: str, used: tuple[int, int]) -> Share:
        points = self.policy.bundle.points
        occasion = Occasion(type_, self.now, self.event.experience)
        kind = points.events.get(type_)
        weight = max(0, kind.weight or 0) if kind is not None else 0
        full = award_at(weight, occasion, points)
        amount = capped(full, *used, (points.daily_cap, points.weekly_cap))
        return Share(player, type_, full, amount)


def plan(event: HostedEvent, by: Staff, now: dt.datetime) -> Shares:
    """Lock the hosts and attendees of a locked event, and return what each is awarded."""
    policy, kind = active(), kinds.find(event.kind)
    rows, hosts = _attended(event), _hosts(event)
    present_ones = {row.player.user_id: row for row in rows if row.player_id not in hosts}
    players = lock_players([*present_ones, *hosts.values()])
    used = _used(event, [player.id for player in players.values()], now)
    award, found = _Award(event, by, now, policy), Shares(players=players)
    for user_id, row in present_ones.items():
        player = players.get(user_id)
        if player is None:
            continue
        if why := _why_not(player, award):
            found.skipped[player.id] = why
            continue
        share = award.share(player, kind.award, used.get(player.id, NONE))
        found.attendees.append(_with_seconds(share, row))
        found.added += bool(row.added_by)
    if kind.host_award and found.attendees:
        found.hosts = _of_hosts(hosts.values(), kind.host_award, award, found, used)
    return found


def _attended(event: HostedEvent) -> Sequence[HostedEventAttendance]:
    rows = HostedEventAttendance.objects.filter(event=event, attended=True, struck_by="")
    fields = ("player__user_id", "event_id", "seconds", "added_by")
    return list(rows.select_related("player").only(*fields))


def _hosts(event: HostedEvent) -> dict[int, int]:
    rows = HostedEventHost.objects.filter(event=event)
    return dict(rows.values_list("player_id", "player__user_id"))


def _with_seconds(share: Share, row: HostedEventAttendance) -> Share:
    return Share(share.player, share.type, share.full, share.amount, row.seconds)


def _of_hosts(
    user_ids: Iterable[int],
    type_: str,
    award: _Award,
    found: Shares,
    used: Mapping[int, tuple[int, int]],
) -> list[Share]:
    """Return the shares of hosts who may earn. The policy fixes them, so nobody judges their own."""
    shares = []
    for user_id in user_ids:
        player = found.players.get(user_id)
        rank = award.policy.ranks.get(player.rank_id) if player is not None else None
        if player is None or rank is None or rank.is_punishment or not rank.can_earn:
            continue
        share = award.share(player, type_, used.get(player.id, NONE))
        shares.append(Share(player, type_, share.full, share.amount, hosted=True))
    return shares


def _why_not(player: PlayerRow, award: _Award) -> str:
    if player.banned:
        return BANNED
    rank = award.policy.ranks.get(player.rank_id)
    if rank is None:
        return OUTSIDE
    by = award.by
    refusal = why_not_award(
        by.rank,
        rank,
        own=by.user_id == player.user_id or by.is_person(f"player:{player.id}"),
        membership=present(player.member),
    )
    return str(refusal or "")


def _used(
    event: HostedEvent, player_ids: Sequence[int], now: dt.datetime
) -> dict[int, tuple[int, int]]:
    day = now.astimezone(dt.UTC).date()
    monday = day - dt.timedelta(days=day.weekday())
    week = [monday, monday + dt.timedelta(days=7)]
    with connection.cursor() as cursor:
        cursor.execute(SPENT, [day, numbers(player_ids), event.experience, *week])
        games = {player: (of_day, of_week) for player, of_day, of_week in cursor.fetchall()}
    hosted = spent(player_ids, event.experience, now)
    return {player: _both(games, hosted, player) for player in games.keys() | hosted.keys()}


def _both(
    games: Mapping[int, tuple[int, int]], hosted: Mapping[int, tuple[int, int]], player: int
) -> tuple[int, int]:
    (day, week), (hosted_day, hosted_week) = games.get(player, NONE), hosted.get(player, NONE)
    return day + hosted_day, week + hosted_week
