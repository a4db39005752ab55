"""What a simulated month must have left in each of five places, compared with what was played."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
from django.conf import settings
from django.db.models import Sum

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify as verify_chain
from bench.month import HOSTS, Month
from bench.month_stage import ACCOUNTS, Stage, linked
from players.hosted_events.counts import counts
from players.models import HostedEvent, Leave, LedgerEntry, Player, QuotaResult
from players.points import consistency
from tests.roblox_world import ROLES, role_id

Portal = psycopg.Connection[Any]


@dataclass
class Place:
    """The comparisons of one place. `errors` are sentences."""

    name: str
    compared: int = 0
    errors: list[str] = field(default_factory=list)

    def compare(self, what: str, expected: object, found: object) -> None:
        self.compared += 1
        if found != expected:
            self.errors.append(f"{self.name}: {what}: {expected} expected, {found} found")


def check(month: Month, stage: Stage, portal: Portal) -> list[Place]:
    """Return the five places. `portal`: a connection with the portal's role."""
    people = {one.user_id: one for one in Player.objects.select_related("rank")}
    members = {user_id: people[user_id] for user_id in month.everybody if user_id in people}
    return [
        _ledger(month, people),
        _data_stores(month, stage, members),
        _roblox(stage, members),
        _discord(month, stage, members),
        _portal(month, portal, members),
    ]


def _points(month: Month) -> dict[int, int]:
    return dict(month.expected.earned + month.expected.awarded)


def _ledger(month: Month, people: dict[int, Player]) -> Place:
    """Compare points, events, quotas and leaves, and verify the books."""
    place, points = Place("ledger"), _points(month)
    place.compare("members", set(month.everybody), set(people) & set(month.everybody))
    sums = LedgerEntry.objects.values_list("player__user_id").annotate(Sum("awarded"))
    rows = {user_id: int(total * 100) for user_id, total in sums if total}
    for user_id, player in people.items():
        place.compare(f"rows of {user_id}", points.get(user_id, 0), rows.get(user_id, 0))
        place.compare(f"balance of {user_id}", points.get(user_id, 0), int(player.points * 100))
    open_events = HostedEvent.objects.exclude(status=HostedEvent.Status.AWARDED)
    place.compare("events without an award", 0, open_events.count())
    ids = {player.pk: user_id for user_id, player in people.items()}
    attended = counts(list(ids), month.first, month.end.date())
    for player_id, user_id in ids.items():
        found = attended.get(player_id, (0, 0))
        place.compare(f"events of {user_id}", _events(month, user_id), found)
    _quotas(month, place)
    _leaves(month, place)
    while seal_pending():
        pass
    place.compare("disagreements of derived data", [], consistency.verify())
    place.compare("findings in the audit chain", [], verify_chain().findings)
    return place


def _events(month: Month, user_id: int) -> tuple[int, int]:
    """Return how many events somebody attended and hosted."""
    hosted = sum(month.expected.hosted[user_id].values())
    return month.expected.attended[user_id], hosted


def _quotas(month: Month, place: Place) -> None:
    judged = defaultdict(list)
    rows = QuotaResult.objects.order_by("period__starts_on")
    for user_id, state in rows.values_list("player__user_id", "state"):
        judged[user_id].append(state)
    place.compare("whom quotas bind", set(HOSTS), set(judged))
    for host in HOSTS:
        expected = month.expected.quota_states(host, month.first)
        place.compare(f"quotas of {host}", expected, judged[host])


def _leaves(month: Month, place: Place) -> None:
    for host in HOSTS:
        rows = Leave.objects.filter(player__user_id=host, started_at__isnull=False)
        found = {(row.first_day, row.last_day): str(row.status) for row in rows}
        expected = {
            (days.first, days.last): str(
                Leave.Status.ENDED if days.last < month.end.date() else Leave.Status.APPROVED
            )
            for days in month.expected.leaves[host]
        }
        place.compare(f"leaves of {host}", expected, found)


def _data_stores(month: Month, stage: Stage, members: dict[int, Player]) -> Place:
    """Compare each session with the ledger, and the rank that games read."""
    place = Place("data store")
    rows = LedgerEntry.objects.filter(origin="nexus").values_list("player__user_id", "session")
    sessions: dict[int, Counter[int]] = defaultdict(Counter)
    for user_id, session, total in rows.annotate(Sum("awarded")):
        sessions[user_id][session] += int(total * 100)
    for user_id, player in members.items():
        saved = stage.roblox.entry("GRPS_Points", f"player:{user_id}") or {"sessions": {}}
        found = {int(key): one["total"] for key, one in saved["sessions"].items()}
        place.compare(f"sessions of {user_id}", dict(sessions[user_id]), found)
        place.compare(f"total of {user_id}", month.expected.earned[user_id], sum(found.values()))
        state = stage.roblox.entry("GRPS_State", f"player:{user_id}")
        if state is not None or player.rank.name != "Initiate":
            told = ((state or {}).get("standing") or {}).get("rank")
            place.compare(f"rank of {user_id}", player.rank.name, told)
    return place


def _roblox(stage: Stage, members: dict[int, Player]) -> Place:
    """Compare the roles of the group with the ranks that it has a role for."""
    place = Place("Roblox")
    for user_id, player in members.items():
        if player.rank.name in ROLES:
            expected = {role_id(player.rank.name)} - {role_id("Initiate")}
            place.compare(f"roles of {user_id}", expected, stage.roblox.roles(user_id))
    return place


def _discord(month: Month, stage: Stage, members: dict[int, Player]) -> Place:
    """Compare the roles of everybody who linked their account with their rank and level."""
    place, roles = Place("Discord"), settings.DISCORD_ROLES
    for user_id in linked(month):
        rank = members[user_id].rank
        expected = {roles.linked, roles.ranks.get(rank.name), roles.levels.get(rank.level)}
        held = stage.discord.held(ACCOUNTS + user_id)
        place.compare(f"roles of {user_id}", expected - {None}, held)
    return place


def _portal(month: Month, portal: Portal, members: dict[int, Player]) -> Place:
    """Compare what the portal reads in the database: points, rank, events and positions."""
    place, points = Place("portal"), _points(month)
    for user_id, player in members.items():
        query = "SELECT points, rank FROM portal.player(%s)"
        expected = Decimal(points.get(user_id, 0)) / 100, player.rank.name
        place.compare(f"player {user_id}", expected, _first(portal, query, user_id))
        query = """SELECT count(*) FILTER (WHERE NOT hosted), count(*) FILTER (WHERE hosted)
            FROM portal.events_of(%s, 100)"""
        found = _first(portal, query, user_id)
        place.compare(f"events of {user_id}", _events(month, user_id), found)
    best = sorted((points.get(user_id, 0) for user_id in members), reverse=True)[:20]
    shown = portal.execute("SELECT points FROM portal.leaderboard(20)").fetchall()
    place.compare("best points", best, [int(row[0] * 100) for row in shown])
    return place


def _first(portal: Portal, query: str, user_id: int) -> object:
    return portal.execute(query.encode(), [user_id]).fetchone()


def sentences(places: list[Place]) -> Iterator[str]:
    """Yield every error of every place."""
    for place in places:
        yield from place.errors
