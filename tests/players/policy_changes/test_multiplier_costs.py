"""A simulation says what the multipliers of a policy cost, by command, in JSON and on the page."""

import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from players import daily_figures
from players.active_policy import active
from players.models import DailyFigure, DailyPoints, ExperiencePoints, Player, PolicyVersion
from players.policy.bundle import Bundle, parse_bundle
from players.policy_changes.multiplier_costs import costs
from tests.players.conftest import Game

DAY = dt.timedelta(days=1)
TODAY = timezone.now().date()


def with_multipliers(*rows: dict[str, Any]) -> Bundle:
    documents = json.loads(json.dumps(dict(active().bundle.documents)))
    start = timezone.now().replace(microsecond=0) + DAY
    for number, row in enumerate(rows):
        end = start + row.pop("days") * DAY
        row |= {"name": f"M{number}", "from": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
        row |= {"to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    documents["points"]["multipliers"] = list(rows)
    return parse_bundle(documents)


def earned(day: int, origin: str, awarded: int) -> None:
    """Let somebody have earned points so many days ago."""
    player = Player.objects.get(user_id=1)
    when = TODAY - day * DAY
    DailyPoints.objects.create(player=player, origin=origin, day=when, awarded=awarded, events=1)
    ExperiencePoints.objects.get_or_create(
        player=player, origin=origin, defaults={"total": awarded, "counted": True}
    )


@pytest.fixture
def history(game: Game) -> None:
    """Have 100 points of two past days, 30 of these in `arena`, and a ledger of today."""
    game.send(
        game.event(1, 1, type="training", awarded=15, total=15),
        game.event(1, 2, type="ko", awarded=0.25, total=15.25),
    )
    DailyPoints.objects.all().delete()
    for days, origin, awarded in ((1, "nexus", 40), (2, "nexus", 30), (2, "arena", 30)):
        earned(days, origin, awarded)
    daily_figures.take_down(timezone.now())


def test_whole_days_are_exact_and_others_are_scaled(history: None) -> None:
    found = costs(
        with_multipliers(
            {"days": 2, "factor": 1.5},
            {"days": 1, "factor": 3},
            {"days": 1.5, "factor": 2},
            {"days": 2, "factor": 2, "experiences": ["nexus"]},
            {"days": 2, "factor": 2, "experiences": ["nowhere"]},
        ),
        timezone.now(),
    )
    assert [one.extra for one in found] == [50, 80, 75, 70, 0]
    assert [one.exact for one in found] == [True, True, False, True, True]
    assert (found[0].first, found[0].last) == (TODAY - 2 * DAY, TODAY - DAY)
    assert found[0].basis == (
        "Points earned on 2 whole days. Caps are left out, so it is at most this."
    )
    assert "scaled to the length of the period (times 0.75)" in found[2].basis


def test_some_events_are_estimated_from_a_sample(history: None) -> None:
    bundle = with_multipliers(
        {"days": 2, "factor": 2, "events": ["ko"]},
        {"days": 2, "factor": 2, "events": ["ko"], "experiences": ["arena"]},
    )
    ko, unknown = costs(bundle, timezone.now())
    assert ko.extra == (Decimal(100) * Decimal("0.25") / Decimal("15.25")).quantize(Decimal("0.01"))
    assert not ko.exact
    assert "its events earned 1.6% of the newest 20,000 rows" in ko.basis
    assert unknown.extra is None
    assert "earned nothing" in unknown.basis


def test_without_figures_nothing_is_claimed(game: Game) -> None:
    DailyFigure.objects.all().delete()
    (found,) = costs(with_multipliers({"days": 2, "factor": 2}), timezone.now())
    assert (found.extra, found.first, found.exact) == (None, None, False)
    assert found.basis == "There are no figures of past days yet."


def test_a_period_of_decades_is_scaled(history: None) -> None:
    (found,) = costs(with_multipliers({"days": 20_000, "factor": 2}), timezone.now())
    assert found.extra is not None
    assert found.extra > 10**5
    assert not found.exact


def simulated(bundle: Bundle) -> str:
    number = PolicyVersion.objects.latest("number").number + 1
    PolicyVersion.objects.create(
        number=number, content_hash=bundle.version, documents=dict(bundle.documents)
    )
    said = StringIO()
    call_command("policy", "simulate", str(number), stdout=said)
    return said.getvalue()


def test_the_command_says_it_in_words_and_in_json(history: None) -> None:
    bundle = with_multipliers({"days": 2, "factor": 1.5})
    words = simulated(bundle)
    assert "M0, 1.5 times from" in words
    assert f": 50.00 more points from {TODAY - 2 * DAY} to {TODAY - DAY}." in words
    said = StringIO()
    number = str(PolicyVersion.objects.latest("number").number)
    call_command("policy", "simulate", number, "--json", stdout=said)
    found = json.loads(said.getvalue())
    assert found["version"] == bundle.version
    assert (found["holders"], found["moved"]) == (1, 0)
    assert found["multipliers"][0]["extraPoints"] == "50.00"
    assert found["multipliers"][0]["exact"] is True
    with pytest.raises(CommandError, match="only for simulate"):
        call_command("policy", "show", "--json", stdout=said)
