"""The list of all players for staff, by pages. The cost does not grow with their number.

A page starts after a row. If no index serves a filter, a page searches at most LOOKED rows and
shows that it did not search all.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import QueryDict

from common import database_clock
from common.parsing import is_row_id, whole_number
from discord.models import DiscordLink
from players import former_usernames
from players.leave import queries as leave_queries
from players.models import CONSOLE, ActiveDay, LedgerEntry, Player, Rank, Sanction
from players.models.fields import REST

PAGE = 50
LOOKED = 5_000  # rows that one page searches if no index serves the filter
MOST_MATCHING = 1_000  # players that one bulk action takes from a filter
FORMER = 10  # players that a search finds by a former username
POINTS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")

NAME = 'lower(p.username) COLLATE "C"'
ORDERS = {"points": "most points first", "name": "by name"}
STATES = {
    "": "Everybody",
    "suspended": "Suspended",
    "banned": "Banned",
    "warned": "Warned",
    "hidden": "Not in public lists",
    "away": "On leave",
}
CONDITIONS = {
    "banned": "p.banned",
    "warned": (
        "EXISTS (SELECT 1 FROM sanctions s WHERE s.player_id = p.id AND s.kind = 'warning' AND s.lifted_at IS NULL"
        " AND (s.ends_at IS NULL OR s.ends_at > %(now)s))"
    ),
    "hidden": "NOT p.listed",
    "away": (
        "EXISTS (SELECT 1 FROM leaves l WHERE l.player_id = p.id AND l.status = 'approved'"
        " AND (%(now)s AT TIME ZONE 'UTC')::date BETWEEN l.first_day AND l.last_day)"
    ),
}


@dataclass(frozen=True, slots=True)
class PlayerFilter:
    """The filter of the list.

    `q`: the beginning of a present or former username, or a whole id on Roblox or Discord. The other fields are as
    in the query string.
    """

    q: str = ""
    rank: int | None = None
    level: str = ""
    state: str = ""
    order: str = "points"

    @property
    def query(self) -> str:
        """The filter as a query string. "" for all players in the usual order."""
        given = {"q": self.q, "rank": self.rank or "", "level": self.level, "state": self.state}
        if self.order != "points" and not self.q:
            given["order"] = self.order
        return urlencode({name: value for name, value in given.items() if value})

    def but(self, **changes: Any) -> str:
        """Return the query string of this filter with changes, for a link."""
        named = {name: getattr(self, name) for name in ("q", "rank", "level", "state", "order")}
        return PlayerFilter(**(named | changes)).query


@dataclass(frozen=True, slots=True)
class PlayerListRow:
    player: Player
    sanction: Sanction | None
    state: str
    mark: str
    on_leave_until: dt.date | None = None
    formerly: str = ""  # the former username by which the search found the player
    last_day: dt.date | None = None  # of activity in a game


@dataclass(frozen=True, slots=True)
class PlayerPage:
    """A page of the list.

    `after` and `before`: cursors of the neighbouring pages, "" at the ends. `cut`: the search
    stopped early, so there may be more matches.
    """

    rows: list[PlayerListRow]
    after: str
    before: str
    cut: bool


def filter_of(given: Mapping[str, str] | str) -> PlayerFilter:
    """Return the filter of a query string. Invalid values are left out."""
    values = QueryDict(given).dict() if isinstance(given, str) else given
    rank, level, state = values.get("rank", ""), values.get("level", ""), values.get("state", "")
    order = values.get("order", "")
    q = " ".join(values.get("q", "").replace("\0", "").split())[:50]
    return PlayerFilter(
        q=q,
        rank=whole_number(rank, most=10**9),
        level=level[:20].replace("\0", ""),
        state=state if state in STATES else "",
        order="name" if q or order == "name" else "points",
    )


def page(wanted: PlayerFilter, *, after: str = "", before: str = "") -> PlayerPage:
    """Return the page after the cursor `after`, or the one that ends before `before`."""
    back = bool(before)
    place = _place(wanted, before or after)
    ids, last, cut = _find(wanted, place, back=back, limit=PAGE + 1)
    shown = ids[:PAGE]
    more = len(ids) > PAGE
    direct = _direct(wanted) if not place and not back else {}
    shown = [*direct, *(pk for pk in shown if pk not in direct)]
    players = _players(shown[::-1] if back else shown)
    edge = _cursor(wanted, players[0 if back else -1]) if players and more else last
    begin = _cursor(wanted, players[-1 if back else 0]) if players and place else ""
    if back:
        return PlayerPage(_rows(players, direct), begin, edge, cut and not more)
    return PlayerPage(_rows(players, direct), edge, begin, cut and not more)


def matching(query: str, limit: int = MOST_MATCHING) -> tuple[list[int], bool]:
    """Return at most `limit` user ids of players whom a query string finds.

    The second value is True if there may be more.
    """
    wanted = filter_of(query)
    ids, _, cut = _find(wanted, None, back=False, limit=limit + 1)
    ids = [*(pk for pk in _direct(wanted) if pk not in ids), *ids]
    found = dict(Player.objects.filter(pk__in=ids[:limit]).values_list("pk", "user_id"))
    return [found[pk] for pk in ids[:limit] if pk in found], cut or len(ids) > limit


def beginning_with(q: str, limit: int) -> list[Player]:
    """Return up to `limit` players whose present or former name begins with `q`.

    A player with the id `q` on Roblox or Discord is included.
    """
    wanted = filter_of({"q": q})
    if not wanted.q:
        return []
    ids, _, _ = _find(wanted, None, back=False, limit=limit)
    direct = _direct(wanted)
    return _players([*direct, *(pk for pk in ids if pk not in direct)][:limit])


def with_activity(players: QuerySet[Player]) -> QuerySet[Player]:
    """Annotate when players were last active in a game, for `last_day`.

    What was merged from a data store has no moment of its own, and staff's rows are no presence.
    """
    days = ActiveDay.objects.filter(player=OuterRef("pk")).order_by("-day").values("day")
    played = LedgerEntry.objects.filter(player=OuterRef("pk"), session__gt=REST)
    rows = played.exclude(origin=CONSOLE).order_by("-occurred_at", "-id").values("occurred_at")
    return players.annotate(active_day=Subquery(days[:1]), played_at=Subquery(rows[:1]))


def last_day(player: Any) -> dt.date | None:
    """Return the last UTC day on which a player of `with_activity` was active in a game."""
    played = player.played_at.astimezone(dt.UTC).date() if player.played_at else None
    return max(filter(None, (player.active_day, played)), default=None)


def state_of(player: Player, sanction: Sanction | None) -> tuple[str, str]:
    """Return the name of a player's present state, and its CSS class."""
    if player.erased_at is not None:
        return "Erased", "is-quiet"
    if player.banned:
        return "Banned", "is-critical"
    if player.rank.is_punishment or (
        sanction is not None and sanction.kind == Sanction.Kind.SUSPENSION
    ):
        return "Suspended", "is-warning"
    if not player.listed:
        return "Not listed", "is-quiet"
    return "", ""


def _find(
    wanted: PlayerFilter, place: tuple[Any, int] | None, *, back: bool, limit: int
) -> tuple[list[int], str, bool]:
    """Return ids in the list's order (reversed if `back`).

    Also return the cursor where the search stopped early, and whether it did.
    """
    ranks = _ranks(wanted)
    if ranks is not None and wanted.order == "points" and wanted.state in {"", "suspended"}:
        return _by_rank(ranks, place, back=back, limit=limit), "", False
    values: dict[str, Any] = {"now": database_clock.now(), "ranks": ranks}
    tests = [CONDITIONS[wanted.state]] if wanted.state in CONDITIONS else []
    tests += ["p.rank_id = ANY(%(ranks)s)"] if ranks is not None else []
    indexed = not tests or (wanted.state == "banned" and ranks is None and wanted.order == "points")
    bounds = list(tests) if indexed else []
    key, descending = ("p.points", not back) if wanted.order == "points" else (NAME, back)
    if wanted.q:
        values |= {"first": wanted.q.lower(), "last": wanted.q.lower() + "\U0010ffff"}
        bounds.append(f"{NAME} >= %(first)s AND {NAME} < %(last)s")
    if place:
        values |= {"key": place[0], "id": place[1]}
        bounds.append(f"({key}, p.id) {'<' if descending else '>'} (%(key)s, %(id)s)")
    way, reverse = ("DESC", "ASC") if descending else ("ASC", "DESC")
    looked = limit if indexed else max(LOOKED, limit)
    inner = (
        f"SELECT {key} AS key, p.* FROM players p {'WHERE ' + ' AND '.join(bounds) if bounds else ''}"
        f" ORDER BY {key} {way}, p.id {way} LIMIT {looked}"
    )
    sifted = " AND ".join(tests) if tests and not indexed else "true"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.id FROM ({inner}) p WHERE {sifted} ORDER BY p.key {way}, p.id {way} LIMIT {limit}",
            values,
        )
        ids = [row[0] for row in cursor.fetchall()]
        if indexed or len(ids) == limit:
            return ids, "", False
        cursor.execute(
            f"SELECT count(*) OVER (), p.key, p.id FROM ({inner}) p ORDER BY p.key {reverse}, p.id {reverse} LIMIT 1",
            values,
        )
        end = cursor.fetchone()
    if end is None or end[0] < looked:
        return ids, "", False
    return ids, f"{end[2]}.{end[1]}", True


def _by_rank(
    ranks: list[int], place: tuple[Any, int] | None, *, back: bool, limit: int
) -> list[int]:
    """Return the first players of these ranks by points.

    The result is merged from one index look-up for each rank.
    """
    way = "ASC" if back else "DESC"
    behind = f"AND (p.points, p.id) {'>' if back else '<'} (%(key)s, %(id)s)" if place else ""
    values: dict[str, Any] = {"ranks": ranks, "limit": limit}
    if place:
        values |= {"key": place[0], "id": place[1]}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT f.id FROM unnest(%(ranks)s::bigint[]) r, LATERAL (
                    SELECT p.id, p.points FROM players p WHERE p.rank_id = r {behind}
                    ORDER BY p.points {way}, p.id {way} LIMIT %(limit)s) f
                ORDER BY f.points {way}, f.id {way} LIMIT %(limit)s""",
            values,
        )
        return [row[0] for row in cursor.fetchall()]


def _ranks(wanted: PlayerFilter) -> list[int] | None:
    """Return the ids of the ranks in a filter, None if it has no rank."""
    if wanted.rank is None and not wanted.level and wanted.state != "suspended":
        return None
    ranks = Rank.objects.order_by()
    if wanted.rank is not None:
        ranks = ranks.filter(pk=wanted.rank)
    if wanted.level:
        ranks = ranks.filter(level=wanted.level)
    if wanted.state == "suspended":
        ranks = ranks.filter(is_punishment=True)
    return list(ranks.values_list("pk", flat=True))


def _direct(wanted: PlayerFilter) -> dict[int, str]:
    """Return the players whom a search finds by an id or a former username.

    The value is the former username.
    """
    exact = _exact(wanted)
    found = {exact: ""} if exact else {}
    return found | (former_usernames.beginning_with(wanted.q, FORMER) if wanted.q else {})


def _exact(wanted: PlayerFilter) -> int | None:
    """Return our id of the player with the entered id, of Roblox or of a linked Discord account."""
    entered = whole_number(wanted.q)
    if entered is None:
        return None
    links = DiscordLink.objects.filter(discord_id=entered)
    user_ids = [entered, *links.values_list("user_id", flat=True)]
    found = dict(Player.objects.filter(user_id__in=user_ids).values_list("user_id", "pk"))
    return next((found[user_id] for user_id in user_ids if user_id in found), None)


def _players(ids: list[int]) -> list[Player]:
    found = with_activity(Player.objects.select_related("rank")).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _rows(players: list[Player], direct: Mapping[int, str]) -> list[PlayerListRow]:
    kinds = (Sanction.Kind.SUSPENSION, Sanction.Kind.BAN)
    in_force = Sanction.objects.filter(player__in=players, kind__in=kinds, lifted_at=None)
    # Later rows overwrite earlier ones, so a ban replaces a suspension.
    by_player = {one.player_id: one for one in in_force.order_by("-kind")}
    today = database_clock.now().astimezone(dt.UTC).date()
    away = leave_queries.away([player.pk for player in players], today)
    rows = []
    for player in players:
        sanction = by_player.get(player.pk)
        leave = away.get(player.pk)
        rows.append(
            PlayerListRow(
                *(player, sanction, *state_of(player, sanction)),
                leave.last_day if leave else None,
                direct.get(player.pk, ""),
                last_day(player),
            )
        )
    return rows


def _cursor(wanted: PlayerFilter, player: Player) -> str:
    return f"{player.pk}.{player.points if wanted.order == 'points' else player.username.lower()}"


def _place(wanted: PlayerFilter, cursor: str) -> tuple[Any, int] | None:
    """Return the position of a cursor, None for the beginning or an invalid cursor."""
    pk, dot, key = cursor.replace("\0", "").partition(".")
    if not (dot and is_row_id(pk)):
        return None
    if wanted.order == "name":
        return key[:50], int(pk)
    return (Decimal(key), int(pk)) if POINTS.fullmatch(key) else None
