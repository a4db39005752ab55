"""The simulation of a policy in SQL agrees with the rules in Python for every player."""

import datetime as dt
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from players.active_policy import active
from players.membership.status import present
from players.models import Player, Rank, Recommendation
from players.policy.bundle import Bundle, parse_bundle
from players.policy.ranks import RankState, evaluate
from players.policy_changes.simulation_query import LEFT_OUT, RankMoves, last_id, simulate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]
NOW = timezone.now()


def changed(chance: random.Random) -> Bundle:
    """Return the active policy with other requirements, sometimes with one rank less."""
    found: dict[str, Any] = json.loads(json.dumps(dict(active().bundle.documents)))
    rows = found["ranks"]["ranks"]
    factor = chance.choice([0.5, 0.9, 1.3, 2])
    for row in rows:
        row["minPoints"] = round(row["minPoints"] * factor, 2)
        row["minTimeDays"] = round(row["minTimeDays"] * chance.choice([0.5, 1, 1.5]))
        if not row["privileged"] and row["minPoints"] and chance.random() < 0.3:
            row["requiredRecommendations"] = chance.randrange(3)
    found["ranks"]["demotion"] = chance.choice(["off", "auto", "propose"])
    if chance.random() < 0.5:
        gone = next(row for row in rows if row["name"] == "Captain I")
        rows.remove(gone)
        del found["permissions"]["ranks"]["Captain I"]
    return parse_bundle(found)


def populate(chance: random.Random, count: int) -> None:
    policy = active()
    ranks = [Rank.objects.get(pk=pk) for pk in policy.ranks]

    def someone(user_id: int) -> Player:
        rank = chance.choice(ranks)
        near = float(chance.choice(ranks).min_points) + chance.choice([-0.01, 0, 0.01, 20])
        return Player(
            user_id=user_id,
            username=f"player_{user_id}",
            rank=rank,
            rank_since=NOW - dt.timedelta(days=chance.randrange(60), seconds=chance.randrange(2)),
            earned=Decimal(str(round(max(near, 0), 2))),
            banned=chance.random() < 0.1,
            resting_since=NOW - dt.timedelta(days=chance.randrange(60))
            if chance.random() < 0.3
            else None,
            named_at=NOW,
        )

    people = Player.objects.bulk_create([someone(user_id) for user_id in range(1, count + 1)])
    Recommendation.objects.bulk_create(
        [
            Recommendation(player=player, officer=officer, rank=player.rank)
            for player in chance.sample(people, count // 2)
            for officer in chance.sample(
                [one for one in people if one != player], chance.randrange(1, 4)
            )
        ]
    )


def kind_of(player: Player, bundle: Bundle, words: int) -> str:
    """Return what the rules in Python decide for one player with so many recommendations."""
    rank = bundle.by_name.get(player.rank.name)
    if rank is None:
        return LEFT_OUT
    sanctioned = rank.is_punishment or player.banned
    membership = present(player.member)
    standing = RankState(
        rank,
        int(player.points * 100),
        player.rank_since,
        words,
        sanctioned,
        membership=membership,
        resting_since=player.resting_since,
    )
    return evaluate(standing, bundle, NOW).kind or ""


@pytest.mark.parametrize("seed", range(4))
def test_the_database_counts_what_the_rules_say_of_each_player(seed: int) -> None:
    chance = random.Random(seed)
    populate(chance, 120)
    other, present = changed(chance), active().bundle
    told: Counter[tuple[str, str, str]] = Counter()
    words = Counter(Recommendation.objects.values_list("player_id", "rank_id"))
    for player in Player.objects.select_related("rank"):
        said = words[player.pk, player.rank_id]
        kinds = kind_of(player, present, said), kind_of(player, other, said)
        told[player.rank.name, *kinds] += 1
    rows = simulate(other, NOW)
    assert sum(row.moved + row.held_back + row.spared for row in rows) > 0
    for row in rows:
        own = {(old, new): count for (rank, old, new), count in told.items() if rank == row.rank}
        assert row == RankMoves(
            row.rank,
            sum(own.values()),
            promoted=sum(count for (old, new), count in own.items() if new == "promotion" != old),
            demoted=sum(count for (old, new), count in own.items() if new == "demotion" != old),
            held_back=sum(count for (old, new), count in own.items() if old == "promotion" != new),
            spared=sum(count for (old, new), count in own.items() if old == "demotion" != new),
            left_out=sum(count for (old, new), count in own.items() if new == LEFT_OUT),
            earning="",
        )


def test_the_policy_in_force_changes_nothing() -> None:
    populate(random.Random(9), 60)
    rows = simulate(active().bundle, NOW)
    assert sum(row.holders for row in rows) == 60
    assert all(row.moved + row.held_back + row.spared == 0 for row in rows)


def test_a_rank_that_may_earn_no_more_is_told() -> None:
    found: dict[str, Any] = json.loads(json.dumps(dict(active().bundle.documents)))
    row = next(row for row in found["ranks"]["ranks"] if row["name"] == "Captain I")
    row["canEarn"] = False
    rows = simulate(parse_bundle(found), NOW)
    assert {row.rank: row.earning for row in rows if row.earning} == {"Captain I": "locked"}


def test_every_range_is_counted_without_erased_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    populate(random.Random(3), 150)
    stretch = last_id() // 4 + 1  # ids go on from those of earlier tests
    monkeypatch.setattr("players.policy_changes.simulation_query.STRETCH", stretch)
    Player.objects.filter(user_id=1).update(erased_at=NOW)
    steps: list[tuple[int, int]] = []
    rows = simulate(active().bundle, NOW, progress=lambda done, last: steps.append((done, last)))
    assert sum(row.holders for row in rows) == 149
    assert len(steps) > 1
    assert steps[-1][0] == steps[-1][1]


def test_the_command_tells_who_would_move(capsys: pytest.CaptureFixture[str]) -> None:
    populate(random.Random(4), 20)
    call_command("policy", "simulate")
    assert "0 of 20 players would move" in capsys.readouterr().out
