"""Races of member reports: one is filed once, answered once, and a reporter is muted once."""

import pytest
from django.utils import timezone

from players.models import MemberReport, ReportMute
from players.moderation.actors import officer
from players.reports import decisions, filing
from players.reports.filing import Filing
from tests import first_start
from tests.players.discipline.conftest import COMMAND, MARSHAL
from tests.race.together import at_once, lost, won
from tests.race.world import OTHER, TARGET, acting, populate, told

pytestmark = pytest.mark.django_db(transaction=True)
Status = MemberReport.Status


def test_reports_answers_and_mutes_happen_once() -> None:
    first_start.bootstrap()
    populate()
    now = timezone.now()
    filed = at_once(*[lambda: filing.file(OTHER, TARGET, Filing("spam"), now)] * 3)
    assert len(won(filed)) == 1, filed
    assert all("already" in why for why in lost(filed))
    report = MemberReport.objects.get()
    answers = at_once(
        acting(lambda c: decisions.answer(report.pk, Status.ACTED, c), by=officer(MARSHAL)),
        acting(lambda c: decisions.answer(report.pk, Status.NO_ACTION, c), by=officer(COMMAND)),
    )
    assert len(won(answers)) == 1, answers
    assert lost(answers) == ["The report is answered already."]
    assert told("report.answered") == 1
    mutes = at_once(
        *(
            acting(lambda c: decisions.mute(OTHER, None, c), by=officer(user_id))
            for user_id in (MARSHAL, COMMAND)
        )
    )
    assert len(won(mutes)) == 1, mutes
    assert (ReportMute.objects.count(), told("reports.muted")) == (1, 1)
