"""Give the emulator's community a past, so that `make up` shows more than points of today.

Some veterans have played for months. Their events come in through ingestion, as of the days on
which they happened, so that promotions, sums and the audit log are as a real community has them.
"""

import datetime as dt
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings
from django.db import connection
from django.db.models import Count, Max

from audits.chain.sealing import seal_pending
from audits.models import SealedEvent
from common.amounts import points
from players.active_policy import ActivePolicy, active
from players.models import Counted, DailyFigure, Decision, Player, Rank
from players.points.event_parser import MAX_EVENTS, parse
from players.points.ingestion import ingest
from players.policy.points import full_award
from roblox.emulator.demo import ROLE_IDS

FIRST_USER = 2000  # the emulator's own players have other ids
WEEKS = 16
STEP = dt.timedelta(days=4)  # events that come in together, so that ranks change along the way
DAY = dt.timedelta(days=1)
LATEST = 22 * 3600  # when a stay may begin at the latest, in seconds of the day
FIRST_WORDS = ("Arc", "Bolt", "Cinder", "Dusk", "Ember", "Frost", "Gale", "Halo")
SECOND_WORDS = ("Fox", "Hawk", "Mira", "Nova", "Otter", "Rook")
JOINED_LATE = 0.4  # the share of veterans who joined after the first day

BALANCES = """
    INSERT INTO daily_balances (player_id, day, balance)
    SELECT player_id, day, greatest(0, sum(awarded) OVER (PARTITION BY player_id ORDER BY day))
    FROM (SELECT player_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, sum(awarded) AS awarded
          FROM ledger GROUP BY 1, 2) d"""


@dataclass(frozen=True, slots=True)
class Veteran:
    """A player of the demo. `zeal`: the share of days on which they play."""

    user_id: int
    name: str
    joined: dt.datetime
    zeal: float


def found(now: dt.datetime) -> int:
    """Create the veterans and their months of play in an empty database; return their number."""
    if Player.objects.exists():
        return 0
    began = now.replace(hour=0, minute=0, second=0, microsecond=0) - WEEKS * 7 * DAY
    veterans = list(_veterans(began))
    _create(veterans)
    for start in _steps(began, now):
        end = min(start + STEP, now)
        for number, experience in enumerate(_experiences()):
            _play(experience, veterans[number::2], start, end)
    _keep_balances()
    _date_promotions(now)
    _join_group(veterans)
    return len(veterans)


def _experiences() -> list[str]:
    return [one.key for one in settings.INTEGRATIONS.experiences[:2]]


def _veterans(began: dt.datetime) -> Iterator[Veteran]:
    dice = random.Random(WEEKS)
    names = [first + second for first in FIRST_WORDS for second in SECOND_WORDS]
    for user_id, name in enumerate(names, start=FIRST_USER):
        late = dice.random() < JOINED_LATE
        joined = began + (dice.randrange(1, 7 * WEEKS - 7) * DAY if late else dt.timedelta(0))
        yield Veteran(user_id, name, joined, 0.15 + 0.8 * dice.random() ** 1.5)


def _create(veterans: Sequence[Veteran]) -> None:
    """Create the players as members, who joined in the past."""
    policy = active()
    first = Rank.objects.get(name=policy.bundle.first.name)
    Player.objects.bulk_create(
        Player(
            user_id=one.user_id,
            username=one.name,
            display_name=one.name,
            rank=first,
            rank_since=one.joined,
            named_at=one.joined,
            member="member",
            member_since=one.joined,
            created_at=one.joined,
            updated_at=one.joined,
            synced_at=one.joined,
        )
        for one in veterans
    )


def _steps(began: dt.datetime, now: dt.datetime) -> Iterator[dt.datetime]:
    while began < now:
        yield began
        began += STEP


def _play(
    experience: str, veterans: Sequence[Veteran], start: dt.datetime, end: dt.datetime
) -> None:
    """Send the events between two moments to ingestion, as of the last of them."""
    policy, events = active(), list[dict[str, Any]]()
    for veteran in veterans:
        day = start
        while day < end:
            if day >= veteran.joined:
                events += _played(veteran, day, end, policy)
            day += DAY
    for first in range(0, len(events), MAX_EVENTS):
        sent = {
            "server": {"placeId": 1, "jobId": "demo"},
            "events": events[first : first + MAX_EVENTS],
        }
        batch = parse(json.dumps(sent).encode(), end)
        ingest(experience, batch, now=max(event.at for event in batch.events))


def _played(
    veteran: Veteran, day: dt.datetime, end: dt.datetime, policy: ActivePolicy
) -> Iterator[dict[str, Any]]:
    """Yield the events of one day up to `end`, if the veteran plays on it."""
    dice = random.Random(veteran.user_id * 1_000_000 + day.toordinal())
    weekend = 1.25 if day.isoweekday() > 5 else 1.0
    if dice.random() > veteran.zeal * weekend:
        return
    at = day + dt.timedelta(seconds=dice.randrange(LATEST))
    total = 0
    for sequence, (type_, magnitude) in enumerate(_deeds(dice, policy), start=1):
        at += dt.timedelta(seconds=dice.randrange(60, 400))
        if at > end:
            return
        awarded = full_award(type_, magnitude, None, policy.bundle.points) or 0
        total += awarded
        yield {
            "userId": veteran.user_id,
            "username": veteran.name,
            "displayName": veteran.name,
            "session": day.toordinal(),
            "sequence": sequence,
            "type": type_,
            "magnitude": magnitude,
            "awarded": float(points(awarded)),
            "total": float(points(total)),
            "occurredAt": at.isoformat(),
        }


def _deeds(dice: random.Random, policy: ActivePolicy) -> Iterator[tuple[str, int]]:
    """Yield types of events with their magnitudes, as far as the policy has them."""
    deeds = [("activity", dice.randrange(5, 25))]
    deeds += [("training", 1)] * dice.choice([0, 1, 1, 2])
    deeds += [("operation", 1)] * dice.choice([0, 0, 1])
    deeds += [("ko", dice.randrange(1, 9))] * dice.randrange(3)
    deeds += [("wo", dice.randrange(1, 5))] * dice.randrange(2)
    return iter([deed for deed in deeds if deed[0] in policy.bundle.points.events])


def _keep_balances() -> None:
    """Write the balance of each day. Each veteran plays in one experience alone."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES)


def _date_promotions(now: dt.datetime) -> None:
    """Count the promotions on their own days. In the audit log all of them are of today."""
    while seal_pending():
        pass
    last = SealedEvent.objects.aggregate(last=Max("position"))["last"] or 0
    Counted.objects.update_or_create(name="figures", defaults={"position": last})
    applied = Decision.objects.filter(kind=Decision.Kind.PROMOTION, decided_at__gt=now - 14 * DAY)
    days = applied.values_list("decided_at__date").annotate(Count("pk"))
    DailyFigure.objects.bulk_create(
        DailyFigure(day=day, what="promotions", value=count) for day, count in days
    )


def _join_group(veterans: Sequence[Veteran]) -> None:
    """Give the veterans the roles of their ranks in the emulated group."""
    roles = dict(Player.objects.values_list("user_id", "rank__role"))
    members = [
        {
            "userId": one.user_id,
            "username": one.name,
            "roles": [ROLE_IDS + roles[one.user_id]],
        }
        for one in veterans
    ]
    body = {"groupId": settings.ROBLOX_GROUP_ID, "members": members}
    answer = httpx.post(f"{settings.OPEN_CLOUD_URL}/_emulator/members", json=body, timeout=30)
    answer.raise_for_status()
