"""Quotas are judged once after their period, with leave, exemptions and first periods."""

import datetime as dt
import json
from typing import Any

import pytest

from audits.models import AuditEvent
from audits.record import Actor
from players.active_policy import activate, active
from players.activity.landing import SessionDay, number_of, write
from players.models import Decision, Leave, Player, QuotaPeriod, QuotaResult, Rank, Sanction
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.quotas import closing, exemption_ending, exemptions, own
from tests.players.conftest import OWNER
from tests.shared_clock import clock_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]
MONDAY = dt.datetime(2026, 11, 2, 1, tzinfo=dt.UTC)
WEEK, DAY = dt.timedelta(days=7), dt.timedelta(days=1)
QUOTA: dict[str, Any] = {
    "name": "Captains' week",
    "levels": [],
    "ranks": ["Captain I"],
    "period": "week",
    "minutes": 70,
    "attended": 0,
    "hosted": 0,
    "freePeriods": 0,
    "misses": [
        {"after": 1, "outcome": "report"},
        {"after": 2, "outcome": "warn"},
        {"after": 3, "outcome": "propose"},
    ],
}


def put_in_force(**changes: Any) -> None:
    documents = json.loads(json.dumps(dict(active().bundle.documents)))
    documents["community"]["quotas"] = [QUOTA | changes]
    activate(parse_bundle(documents), actor=Actor("system", "test", "test"), reason="a quota")


@pytest.fixture
def captain() -> Player:
    """Return a captain who is bound from the first Monday on."""
    put_in_force()
    return make(1)


def make(user_id: int, since: dt.datetime = MONDAY - WEEK) -> Player:
    made: Player = Player.objects.create(
        user_id=user_id,
        username=f"citizen_{user_id}",
        rank=Rank.objects.get(name="Captain I"),
        rank_since=since,
        named_at=since,
        earned=5000,
        member="member",
        listed=True,
    )
    return made


def play(player: Player, day: dt.datetime, minutes: int) -> None:
    write("nexus", [SessionDay(player.pk, 1, number_of(day.date()), minutes)])


def close(moment: dt.datetime) -> int:
    with clock_at(moment):
        return closing.run(moment)


def states(player: Player) -> list[tuple[str, int, str]]:
    rows = QuotaResult.objects.filter(player=player).order_by("period__starts_on")
    return list(rows.values_list("state", "misses", "outcome"))


def test_misses_in_a_row_bring_what_the_policy_says(captain: Player) -> None:
    close(MONDAY)
    for week in range(1, 4):
        play(captain, MONDAY + (week - 1) * WEEK, 69)
        close(MONDAY + week * WEEK)
    assert states(captain) == [
        ("missed", 1, "report"),
        ("missed", 2, "warn"),
        ("missed", 3, "propose"),
    ]
    assert Sanction.objects.get(player=captain).kind == "warning"
    assert (
        Decision.objects.get(player=captain, status="proposed").to_rank.name == "Arc Lieutenant II"
    )
    missed = AuditEvent.objects.filter(action="quota.missed").order_by("id").first()
    assert missed is not None
    assert missed.details["missing"] == ["69 of 70 active minutes"]

    play(captain, MONDAY + 3 * WEEK, 70)
    close(MONDAY + 4 * WEEK)
    assert states(captain)[-1] == ("met", 0, "")


def test_a_period_is_judged_once(captain: Player) -> None:
    close(MONDAY)
    close(MONDAY + WEEK)
    play(captain, MONDAY, 90)  # too late
    for _ in range(3):
        close(MONDAY + WEEK + DAY)
    assert states(captain) == [("missed", 1, "report")]
    closed = QuotaPeriod.objects.get(starts_on=MONDAY.date())
    assert (closed.status, closed.missed) == ("closed", 1)
    assert AuditEvent.objects.filter(action="quota.closed").count() == 1


def test_a_new_quota_does_not_judge_a_week_that_had_begun(captain: Player) -> None:
    close(MONDAY + 3 * DAY)
    close(MONDAY + WEEK)
    assert states(captain) == []
    assert QuotaPeriod.objects.get(starts_on=MONDAY.date()).status == "dropped"
    close(MONDAY + 2 * WEEK)
    assert states(captain) == [("missed", 1, "report")]


def test_leave_and_exemptions_lower_or_lift_what_is_asked(captain: Player) -> None:
    away, excused = make(2), make(3)
    leave = {"reason": "exams", "status": Leave.Status.APPROVED, "source": Leave.Source.PAGE}
    first = MONDAY.date()
    Leave.objects.create(player=away, first_day=first, last_day=first + 2 * DAY, **leave)
    close(MONDAY)
    play(away, MONDAY + 4 * DAY, 40)  # four sevenths of 70
    with clock_at(MONDAY):
        exemptions.exempt(3, Command(by=OWNER, now=MONDAY, reason="founder"))
    close(MONDAY + WEEK)
    assert [states(one)[0][0] for one in (captain, away, excused)] == ["missed", "met", "excused"]


def test_an_exemption_that_ends_by_time_leaves_one_event(captain: Player) -> None:
    def exempt(now: dt.datetime) -> None:
        with clock_at(now):
            command = Command(by=OWNER, now=now, reason="exams")
            exemptions.exempt(1, command, until=now + 2 * DAY)

    exempt(MONDAY)
    assert exemption_ending.end_due(MONDAY + 2 * DAY) == 0
    assert exemption_ending.end_due(MONDAY + 3 * DAY) == 1
    assert exemption_ending.end_due(MONDAY + 3 * DAY) == 0
    event = AuditEvent.objects.get(action="exemption.ended")
    assert (event.actor_id, event.details["before"]["until"]) == ("schedule", "2026-11-04")
    exempt(MONDAY + WEEK)
    exempt(MONDAY + 2 * WEEK)  # nothing ended the one before meanwhile
    assert AuditEvent.objects.filter(action="exemption.ended").count() == 2
    assert captain.exemptions.filter(ended_at=None).count() == 1


def test_the_first_periods_are_free(captain: Player) -> None:
    put_in_force(freePeriods=1)
    close(MONDAY)
    newcomer = make(2, since=MONDAY + WEEK + DAY)
    for week in range(1, 5):
        close(MONDAY + week * WEEK)
    assert [one[0] for one in states(captain)] == ["free", "missed", "missed", "missed"]
    assert [one[0] for one in states(newcomer)][:2] == ["free", "missed"]


def test_a_member_sees_how_they_stand(captain: Player) -> None:
    close(MONDAY)
    play(captain, MONDAY, 11)
    for day, state in ((1, "on_course"), (6, "will_miss")):
        now = MONDAY + day * DAY
        with clock_at(now):
            found = own.facts(captain, now)
        assert found.weeks[0].minutes == 11
        assert [(one.name, str(one.state)) for one in found.quotas] == [("Captains' week", state)]


def test_a_quota_that_the_policy_dropped_is_not_judged(captain: Player) -> None:
    close(MONDAY)
    put_in_force(name="Another week")
    close(MONDAY + WEEK)
    assert states(captain) == []
    assert QuotaPeriod.objects.get(quota="Captains' week").status == "dropped"
