"""Multipliers reach the games that they are for, and what games claim is checked by them."""

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from players.active_policy import activate, active
from players.policy.bundle import parse_bundle
from tests.conftest import TESTER
from tests.players.conftest import Game

HOUR = dt.timedelta(hours=1)


def put_in_force(*multipliers: dict[str, Any]) -> None:
    now = timezone.now()
    times = {"from": f"{now - HOUR:%Y-%m-%dT%H:%M:%SZ}", "to": f"{now + HOUR:%Y-%m-%dT%H:%M:%SZ}"}
    documents = json.loads(json.dumps(active().bundle.documents))
    documents["points"]["multipliers"] = [times | one for one in multipliers]
    activate(parse_bundle(documents), actor=TESTER, reason="a test")


def test_a_game_gets_its_own_multipliers_beside_the_documents(game: Game) -> None:
    here = {"name": "Here", "factor": 2, "experiences": ["nexus"]}
    put_in_force(here, here | {"name": "There", "experiences": ["training_site"]})
    body = game.client.get("/roblox/policy").json()
    (only,) = body["multipliers"]
    assert (only["name"], "experiences" in only) == ("Here", False)
    # Older modules refuse a field of a document that they do not know.
    assert "multipliers" not in body["points"]
    assert set(body["community"]) <= {"hostedEvents", "activity", "quotas", "leave"}


@pytest.mark.parametrize(("awarded", "notices"), [(30, 0), (30.01, 1)])
def test_a_claim_may_be_as_high_as_the_multiplier(game: Game, awarded: float, notices: int) -> None:
    put_in_force({"name": "Double", "factor": 2, "events": ["training"], "experiences": ["nexus"]})
    receipt = game.send(game.event(1, 1, type="training", awarded=awarded, total=awarded))
    assert len(receipt["notices"]) == notices


def test_a_multiplier_of_another_experience_allows_nothing(game: Game) -> None:
    put_in_force({"name": "There", "factor": 2, "experiences": ["training_site"]})
    receipt = game.send(game.event(1, 1, type="training", awarded=30, total=30))
    assert [one["code"] for one in receipt["notices"]] == ["AWARD_ABOVE_WEIGHT"]
