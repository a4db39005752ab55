"""The emulator's community has a past that the books agree with."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from devserver import community
from players import tasks
from players.models import (
    DailyFigure,
    Decision,
    Period,
    PeriodTotal,
    Player,
    PlayerRecord,
    Quarantine,
)
from players.points import consistency


@pytest.fixture
def roles(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the members that the emulated group was given."""
    given: list[dict[str, Any]] = []

    def post(url: str, json: dict[str, Any], **_: Any) -> Any:
        given.extend(json["members"])
        return community.httpx.Response(200, request=community.httpx.Request("POST", url))

    monkeypatch.setattr(community.httpx, "post", post)
    return given


def test_veterans_have_a_past(
    bootstrapped: None, roles: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(community, "WEEKS", 9)
    now = timezone.now()
    count = community.found(now)
    assert count == Player.objects.filter(listed=True).count() == len(roles) > 40
    assert consistency.verify() == []
    assert not Quarantine.objects.exists()
    assert not AuditEvent.objects.filter(action="points.mismatch").exists()
    promoted = Decision.objects.filter(status="applied", kind="promotion")
    assert promoted.values("decided_at__date").distinct().count() > 10
    ranks = dict(Player.objects.values_list("user_id", "rank__role"))
    assert {one["userId"]: one["roles"] for one in roles} == {
        user_id: [community.ROLE_IDS + role] for user_id, role in ranks.items()
    }
    tasks.take_down_figures()
    recent = promoted.filter(decided_at__date__gt=now.date() - dt.timedelta(days=14))
    figures = DailyFigure.objects.filter(what="promotions")
    assert sum(figure.value for figure in figures) == recent.count() < promoted.count()
    tasks.roll_up_statistics()
    tasks.close_periods()
    closed = Period.objects.filter(kind="week", closed_at__isnull=False)
    assert closed.count() >= 8
    assert PeriodTotal.objects.filter(period__in=closed, position=1).count() >= 8
    assert PlayerRecord.objects.filter(best_day__gt=0, longest_streak__gt=1).count() > 20
    assert community.found(now) == 0
