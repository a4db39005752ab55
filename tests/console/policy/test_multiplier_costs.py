"""The page of a simulation says what the multipliers of a policy cost."""

import datetime as dt

import pytest
from django.test import Client

from common import database_clock
from players.models import DailyFigure
from tests.console.policy.test_policy import Make, documents, keep, simulate

pytestmark = pytest.mark.django_db


def test_a_simulation_says_what_multipliers_cost(owner: Client, player: Make) -> None:
    player(5)
    yesterday = database_clock.now().date() - dt.timedelta(days=1)
    for what, value in (("points", 400), ("asOf", 0)):
        DailyFigure.objects.create(day=yesterday, what=what, value=value)
    found = documents()
    period = {"from": "2030-01-01T00:00:00Z", "to": "2030-01-02T00:00:00Z"}
    found["points"]["multipliers"] = [{"name": "<b>Party</b>", "factor": 2, **period}]
    version = keep(owner, found)
    page = " ".join(simulate(owner, version.number).content.decode().split())
    assert "&lt;b&gt;Party&lt;/b&gt;" in page
    assert "2 times from 2030-01-01 00:00 to 2030-01-02 00:00 UTC: 400.00 more points" in page
    assert "Points earned on 1 whole day." in page
