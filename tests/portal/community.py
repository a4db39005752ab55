"""Fill an empty database with a community that has every special case.

`python -m tests.portal.community` fills the database at DATABASE_URL.
"""

import dataclasses
import datetime as dt
import itertools
import json
import os
import random
import sys
from collections import defaultdict
from typing import Any

import django

# Not the role of `manage.py portal_role`, whose password other tests change.
ROLE, PASSWORD = "grps_portal_tests", "portal-of-the-tests"
PLAYERS = 330
DAYS = 100  # days of play up to today
LARGEST = 2**63 - 1
# Awards of the policy. A WO costs points.
AWARDS = {"training": 1500, "operation": 2500, "ko": 25, "wo": -10, "activity": 100}
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "\u202etfel ot thgir",
    'O\'Neill "&" Söhne',
    "名前" * 20,
    "🦊" * 12,
    "javascript:alert(1)",
)
SAME_POINTS = (0, 12_345, 700_000)  # hundredths, shared by several players
SUSPENDED, BANNED, LEFT, UNLISTED, WARNED, ERASED = (
    range(first, first + 6) for first in range(20, 80, 10)
)


def user_ids() -> list[int]:
    """Return the ids of all players: small, ordinary, past what a double holds, and the largest."""
    small, large = range(1, 31), range(LARGEST - 29, LARGEST + 1)
    inexact = range(2**53 - 5, 2**53 + 35)
    ordinary = random.Random(15).sample(range(10_000, 5_000_000_000), PLAYERS - 100)
    return [*ordinary, *small, *inexact, *large]


def fill(now: dt.datetime) -> None:
    from django.core.management import call_command

    call_command("bootstrap", quiet=True)
    ids = user_ids()
    _play(ids, now)
    _spread_points(ids, now)
    _promote(ids, now)
    _hold_events(ids, now)
    _discipline(ids, now)
    _hide(ids)
    _roll_up(now)


def _play(ids: list[int], now: dt.datetime) -> None:
    from players.points import event_parser, ingestion

    for body in _batches(ids, now):
        batch = event_parser.parse(json.dumps(body).encode(), now)
        receipt = ingestion.ingest("nexus", batch, now=now)
        assert not receipt.rejected, receipt.rejected[:1]


def _batches(ids: list[int], now: dt.datetime) -> list[dict[str, Any]]:
    """Return batches of at most 500 events, day by day."""
    dice = random.Random(7)
    days = defaultdict[int, list[dict[str, Any]]](list)
    for number, user_id in enumerate(ids):
        for day in dice.sample(range(DAYS), dice.randrange(1, 8)) + [0] * (number % 3 == 0):
            stay = _stay(user_id, _name(number, renamed=day < DAYS // 2), day, now, dice)
            days[day] += stay
    events = itertools.chain.from_iterable(days[day] for day in sorted(days, reverse=True))
    return [
        {"server": {"placeId": 1, "jobId": "a job"}, "events": list(part)}
        for part in itertools.batched(events, 400)
    ]


def _stay(
    user_id: int, name: str, day: int, now: dt.datetime, dice: random.Random
) -> list[dict[str, Any]]:
    """Return the events of one stay in a game, `day` days ago."""
    total, events = 0, []
    start = now - dt.timedelta(days=day, seconds=dice.randrange(3_600))
    for sequence in range(1, dice.randrange(2, 7)):
        kind = dice.choice(list(AWARDS))
        total += AWARDS[kind]
        events.append(
            {
                "userId": user_id,
                "username": name,
                "session": 1_000 - day,
                "sequence": sequence,
                "type": kind,
                "awarded": AWARDS[kind] / 100,
                "total": total / 100,
                "occurredAt": (start + dt.timedelta(minutes=sequence)).isoformat(),
                "duration": 600,
                "privateServer": dice.random() < 0.05,
            }
        )
    return events


def _name(number: int, *, renamed: bool) -> str:
    if number < len(HOSTILE_NAMES):
        return HOSTILE_NAMES[number]
    name = f"{('Storm', 'volt', 'Nia')[number % 3]}_{number:03}"
    return f"New{name}" if renamed and number % 5 == 0 else name


def _spread_points(ids: list[int], now: dt.datetime) -> None:
    """Add points by hand, so that every rank has players and some share their points."""
    from players.active_policy import active
    from players.models import Player
    from players.statistics import snapshots

    policy = active()
    dice = random.Random(3)
    snapshots.run(now - dt.timedelta(days=7))
    for player in Player.objects.filter(user_id__in=ids).order_by("id"):
        started = now - dt.timedelta(days=dice.randrange(120, 700))
        player.adjusted = dice.choice([0, 50, 400, 1_500, 4_000, 9_000, dice.randrange(12_000)])
        if dice.random() < 0.2:
            player.adjusted = dice.choice(SAME_POINTS) / 100 - float(player.earned)
        if dice.random() < 0.7:  # the others are promoted below
            points = max(0, player.adjusted * 100)
            fits = [rank for rank in policy.bundle.ladder if rank.min_points <= points]
            player.rank_id = policy.rank_ids[fits[-1].name]
        player.display_name = dice.choice(["", f"Captain {player.user_id % 97}", "Ana"])
        player.created_at = player.rank_since = started
        player.save(update_fields=["adjusted", "rank", "display_name", "created_at", "rank_since"])


def _promote(ids: list[int], now: dt.datetime) -> None:
    from players.models import Player
    from players.moderation.actors import officer
    from players.points import recommendations
    from players.ranks import schedule

    while schedule.evaluate_due():
        pass
    _set_rank(ids[80], "Brigadier General", now)
    recommender = dataclasses.replace(_command(now), by=officer(ids[80]))
    low = Player.objects.filter(points__lt=500).exclude(user_id=ids[80])
    for player in low.order_by("id")[:8]:
        recommendations.recommend(player.user_id, recommender)
    for user_id, rank in zip(ids[90:110], itertools.cycle(["Tempest Major", "Initiate"])):
        _set_rank(user_id, rank, now)


def _set_rank(user_id: int, rank: str, now: dt.datetime) -> None:
    from players.models import Player
    from players.ranks import decisions

    if Player.objects.get(user_id=user_id).rank.name != rank:
        decisions.set_rank(user_id, rank, _command(now))


def _discipline(ids: list[int], now: dt.datetime) -> None:
    from players.discipline import sanctions
    from players.moderation.actors import at_the_shell
    from players.privacy import erasure

    for number in WARNED:
        sanctions.warn(ids[number], _command(now))
    for number in SUSPENDED:
        sanctions.suspend(ids[number], _command(now), until=now + dt.timedelta(days=14))
    for number in BANNED:
        sanctions.ban(ids[number], _command(now))
    for number in ERASED:
        erasure.erase(ids[number], by=at_the_shell(), reason="They asked for it.", now=now)


def _hold_events(ids: list[int], now: dt.datetime) -> None:
    """Add hosted events: held, running and planned, also by hosts who are in no list."""
    from players.models import HostedEvent, HostedEventAttendance, HostedEventHost, Player

    hour = dt.timedelta(hours=1)
    people = [Player.objects.get(user_id=ids[number]) for number in (5, 6, UNLISTED[0])]
    for number, host in enumerate(people):
        at = now - (number + 1) * 24 * hour
        held = HostedEvent.objects.create(
            kind="training",
            experience="nexus",
            host=host,
            status="ended",
            started_at=at,
            ended_at=at + hour,
        )
        HostedEventHost.objects.create(event=held, player=host)
        for guest in people:
            if guest != host:
                HostedEventAttendance.objects.create(event=held, player=guest, attended=True)
        planned = {"kind": "operation", "experience": "nexus", "host": host}
        HostedEvent.objects.create(status="planned", starts_at=now + (number + 1) * hour, **planned)
        HostedEvent.objects.create(status="running", started_at=now, **planned)


def _command(now: dt.datetime) -> Any:
    from players.moderation.actors import at_the_shell
    from players.moderation.command import Command

    return Command(by=at_the_shell(), reason="Exploiting in the training.", now=now)


def _hide(ids: list[int]) -> None:
    from players.models import Player

    Player.objects.filter(user_id__in=[ids[number] for number in UNLISTED]).update(listed=False)
    Player.objects.filter(user_id__in=[ids[number] for number in LEFT]).update(
        listed=False, member="left"
    )


def _roll_up(now: dt.datetime) -> None:
    from players import leaderboard, tasks

    leaderboard.rebuild()
    for task in (
        tasks.roll_up_statistics,
        tasks.close_periods,
        tasks.keep_positions,
        tasks.count_ranks,
        tasks.take_down_figures,
    ):
        task()


def grant() -> None:
    """Let Django's role and the portal's role in."""
    from grps_site.ops import database_roles, portal_role

    database_roles.grant(database_roles.role_of(os.environ["DATABASE_APPLICATION_URL"]))
    portal_role.ensure(PASSWORD, ROLE)


def main() -> int:
    django.setup()
    fill(dt.datetime.now(dt.UTC))
    grant()
    return 0


if __name__ == "__main__":
    sys.exit(main())
