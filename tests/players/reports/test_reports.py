"""Member reports: filing, its limits, joining, one answer for all, mutes, erasure."""

import datetime as dt

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from grps_site import old_rows
from players.models import MemberReport, Player, ReportMute
from players.moderation.actors import at_the_shell, officer
from players.moderation.command import Command
from players.privacy import erasure
from players.reports import decisions, filing, queries
from players.reports.filing import Filing, Source
from tests.players.discipline.conftest import make

MAJOR, GENERAL, PEOPLE = 901, 902, range(1, 9)
NOW = timezone.now()
Status = MemberReport.Status


@pytest.fixture(autouse=True)
def crowd(bootstrapped: None) -> None:
    for user_id in PEOPLE:
        make(user_id, "Captain I", days=1)
    make(MAJOR, "Tempest Major", days=1)
    make(GENERAL, "Brigadier General", days=1)


def file(reporter: int, reported: int, **more: object) -> MemberReport:
    given = Filing("spammed", ["https://example.org/clip"], **more)  # type: ignore[arg-type]
    return filing.file(reporter, reported, given, NOW)


def command(user_id: int = MAJOR) -> Command:
    return Command(by=officer(user_id), reason="thank you", now=NOW)


def test_a_report_is_stored_without_naming_the_reporter_in_the_log() -> None:
    made = file(1, 2)
    event = AuditEvent.objects.get(action="member.reported")
    assert (event.actor_kind, event.target_id) == ("system", str(made.reported_id))
    assert event.details["report"] == made.pk
    assert queries.waiting().get() == made
    assert filing.user_id_of("@PLAYER_2") == filing.user_id_of("2") == 2


def test_what_cannot_be_reported_is_refused() -> None:
    file(1, 2)
    Player.objects.filter(user_id=3).update(banned=True)
    for reporter, reported, why in (
        (1, 1, "nobody reports themselves"),
        (1, 2, "already"),
        (1, 4040, "nobody is known"),
        (4040, 1, "does not know you"),
        (3, 1, "Only members"),
    ):
        with pytest.raises(Refused, match=why):
            file(reporter, reported)
    with pytest.raises(Refused, match="evidence"):
        filing.file(1, 3, Filing("x", ["http://example.org"]), NOW)
    for reported in (3, 4, 5, 6):
        file(1, reported)
    with pytest.raises(Refused, match="5 times in a day"):
        file(1, 7)
    assert filing.file(1, 7, Filing("x"), NOW + dt.timedelta(days=1, minutes=1)).pk


def test_joined_reports_get_one_answer() -> None:
    first, second, third = file(1, 3), file(2, 3), file(4, 3, source=Source.GAME)
    decisions.join(second.pk, [third.pk], command())
    decisions.join(first.pk, [second.pk], command())
    assert list(queries.waiting()) == [first]
    with pytest.raises(Refused, match=f"joined to report {first.pk}"):
        decisions.answer(third.pk, Status.ACTED, command())
    with pytest.raises(Refused, match="pick open reports"):
        decisions.join(first.pk, [file(1, 2).pk], command())
    decisions.answer(first.pk, Status.ACTED, command())
    answered = MemberReport.objects.filter(reported__user_id=3)
    assert set(answered.values_list("status", "answer")) == {("acted", "thank you")}
    assert AuditEvent.objects.get(action="report.answered").details["reports"] == 3
    with pytest.raises(Refused, match="answered already"):
        decisions.answer(first.pk, Status.NO_ACTION, command())
    assert queries.record_of(first.reporter) == {"open": 1, "acted": 1, "no_action": 0}
    assert old_rows.delete(NOW + dt.timedelta(days=399)) == 0
    old_rows.delete(NOW + dt.timedelta(days=402))
    assert MemberReport.objects.count() == 1


def test_nobody_decides_about_themselves_or_their_own_report() -> None:
    about_major, by_major = file(1, MAJOR), file(MAJOR, 2)
    for report, who in ((about_major, MAJOR), (by_major, MAJOR), (about_major, 5)):
        with pytest.raises(NotAllowed):
            decisions.answer(report.pk, Status.NO_ACTION, command(who))
    with pytest.raises(NotAllowed):
        decisions.mute(GENERAL, None, command())
    decisions.answer(about_major.pk, Status.NO_ACTION, command(GENERAL))
    decisions.answer(by_major.pk, Status.NO_ACTION, command(GENERAL))


def test_a_muted_member_reports_nothing_until_the_end() -> None:
    decisions.mute(1, NOW + dt.timedelta(days=7), command())
    with pytest.raises(Refused, match="thank you"):
        file(1, 2)
    with pytest.raises(Refused, match="muted already"):
        decisions.mute(1, None, command())
    later = NOW + dt.timedelta(days=8)
    assert filing.file(1, 2, Filing("x"), later).pk
    decisions.mute(1, None, Command(by=officer(MAJOR), reason="again", now=later))
    decisions.unmute(1, Command(by=officer(MAJOR), reason="enough", now=later))
    with pytest.raises(Refused, match="accepted already"):
        decisions.unmute(1, Command(by=officer(MAJOR), reason="enough", now=later))
    assert ReportMute.objects.filter(ended_at=None).count() == 0
    actions = ("reports.muted", "reports.unmuted")
    assert AuditEvent.objects.filter(action__in=actions).count() == 3


def test_an_erased_persons_reports_hold_no_words() -> None:
    decisions.mute(5, None, command())
    file(1, 2)
    file(2, 3)
    erasure.erase(2, by=at_the_shell(), reason="asked", now=NOW)
    assert set(MemberReport.objects.values_list("reason", flat=True)) == {""}
    assert list(MemberReport.objects.values_list("evidence", flat=True)) == [[], []]
    assert queries.waiting().count() == 1  # the one about somebody who is still here
