"""Bulk jobs: previews change nothing, large jobs need a second person, each row happens once."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from players.bulk import previews, row_executor
from players.bulk.results import reasons, state
from players.bulk.row_executor import BULK_JOBS
from players.discipline import sanctions
from players.models import (
    BULK_ALONE,
    BulkJob,
    BulkRow,
    Decision,
    Note,
    Player,
    Rank,
    Sanction,
    StaffAct,
)
from players.moderation import approvals
from players.moderation.actors import Staff, at_the_shell
from players.moderation.command import Command
from players.points import adjustments
from players.privacy import erasure
from players.ranks import decisions
from tests.players.bulk.helpers import (
    OLGA,
    SVEN,
    colleague,
    go,
    go_as_far_as_the_request,
    make,
    preview,
)


def results(job: BulkJob) -> dict[int, tuple[str, str]]:
    rows = BulkRow.objects.filter(job=job).select_related("player")
    return {row.player.user_id: (row.status, row.note) for row in rows if row.player is not None}


def warned() -> int:
    return Sanction.objects.filter(kind="warning", lifted_at=None).count()


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]


def test_a_preview_changes_nobody_and_says_who_is_left_out() -> None:
    make(range(1, 4))
    sanctions.suspend(2, Command(by=at_the_shell(), reason="seen", now=timezone.now()))
    before = AuditEvent.objects.count()
    job = preview("suspend", [1, 2, 3])
    assert (job.rows, job.changing, job.skipped, job.status) == (3, 2, 1, "preview")
    assert results(job)[2] == ("skipped", "They are suspended already.")
    assert [(one.note, one.count) for one in reasons(job)] == [("They are suspended already.", 1)]
    assert Sanction.objects.count() == 1
    assert AuditEvent.objects.count() == before


def test_a_small_job_starts_at_once_and_links_events() -> None:
    make(range(1, 4))
    job = go(preview("warn", [1, 2, 3]))
    assert (job.status, job.done, job.approval) == ("done", 3, None)
    assert warned() == 3
    for row in BulkRow.objects.filter(job=job).select_related("player"):
        event = AuditEvent.objects.get(pk=row.event)
        assert (event.action, event.target_id) == ("player.warned", str(row.player_id))
    started = AuditEvent.objects.get(action="bulk.started")
    assert started.details == {"act": "warn", "rows": 3}
    assert AuditEvent.objects.get(action="bulk.finished").details["done"] == 3


def test_more_than_a_few_rows_wait_for_a_second_person() -> None:
    make(range(1, BULK_ALONE + 2))
    job = BULK_JOBS.start(preview("warn", range(1, BULK_ALONE + 2)).pk, by=OLGA, now=timezone.now())
    assert job.status == "waiting"
    assert row_executor.run_due() == 0
    assert warned() == 0
    assert job.approval is not None
    with pytest.raises(NotAllowed, match="second person"):
        approvals.approve(job.approval.pk, by=OLGA, reason="mine", now=timezone.now())
    approvals.approve(job.approval.pk, by=SVEN, reason="agreed", now=timezone.now())
    assert row_executor.run_due() == BULK_ALONE + 1
    assert warned() == BULK_ALONE + 1


def test_the_database_refuses_a_large_job_without_approval() -> None:
    make(range(1, BULK_ALONE + 2))
    job = preview("warn", range(1, BULK_ALONE + 2))
    with pytest.raises(IntegrityError, match="bulk_jobs_second_person"), transaction.atomic():
        BulkJob.objects.filter(pk=job.pk).update(status="running", event=1)


def test_many_small_jobs_are_no_way_around_the_second_person() -> None:
    make(range(1, 31))
    assert go(preview("warn", range(1, 16))).approval is None
    assert StaffAct.objects.filter(person=OLGA.person).count() == 15
    second = preview("warn", range(16, 31))
    assert "last minutes" in second.second
    assert BULK_JOBS.start(second.pk, by=OLGA, now=timezone.now()).status == "waiting"
    assert warned() == 15


def test_a_job_that_was_turned_down_changes_nobody() -> None:
    make(range(1, BULK_ALONE + 2))
    job = BULK_JOBS.start(preview("warn", range(1, BULK_ALONE + 2)).pk, by=OLGA, now=timezone.now())
    assert job.approval is not None
    approvals.reject(job.approval.pk, by=SVEN, reason="too many", now=timezone.now())
    assert row_executor.run_due() == 0
    assert state(BulkJob.objects.select_related("approval").get(pk=job.pk)) == "rejected"
    assert warned() == 0


def test_the_approver_may_do_it_to_each_player() -> None:
    make(range(1, BULK_ALONE + 1))
    make([99], "Tempest Major", 5000)
    colonel = colleague(501, "Electro Colonel")
    peer = colleague(502, "Tempest Major")
    asked = go_as_far_as_the_request(
        preview("warn", [*range(1, BULK_ALONE + 1), 99], colonel), colonel
    )
    assert "Row 21" in approvals.may_decide(asked, peer)
    with pytest.raises(NotAllowed, match="above your own position"):
        approvals.approve(asked.pk, by=peer, reason="fine", now=timezone.now())
    approvals.approve(
        asked.pk, by=colleague(503, "Brigadier General"), reason="fine", now=timezone.now()
    )
    assert row_executor.run_due() == BULK_ALONE + 1


def test_each_row_is_judged_by_rank_like_the_act_itself() -> None:
    make([1])
    make([2], "Brigadier General", 9000)
    colonel = colleague(3, "Electro Colonel")
    job = preview("warn", [1, 2, 3], colonel)
    assert results(job) == {
        1: ("pending", ""),
        2: ("skipped", "You may not: the player stands at or above your own position."),
        3: ("skipped", "You may not: nobody acts on themselves."),
    }


def test_rows_are_judged_again_when_they_are_carried_out() -> None:
    make([1, 2])
    job = preview("suspend", [1, 2])
    sanctions.suspend(1, Command(by=at_the_shell(), reason="seen meanwhile", now=timezone.now()))
    go(job)
    assert (job.done, job.skipped) == (1, 1)
    assert "suspended already" in results(job)[1][1]


def test_whoever_lost_their_rank_meanwhile_does_nothing_more() -> None:
    make(range(1, 4))
    colonel = colleague(9, "Electro Colonel")
    job = BULK_JOBS.start(preview("warn", [1, 2, 3], colonel).pk, by=colonel, now=timezone.now())
    assert row_executor.step(job.pk)
    sanctions.suspend(9, Command(by=at_the_shell(), reason="ran wild", now=timezone.now()))
    row_executor.run(job.pk)
    job.refresh_from_db()
    assert (job.status, job.done, job.skipped) == ("done", 1, 2)
    assert warned() == 1


def test_an_adjustment_past_the_daily_limit_needs_approval() -> None:
    make([1, 2, 3])
    colonel = colleague(9, "Electro Colonel")  # 100 points a day
    within = preview("adjust", [1, 2], colonel, amount=50_00)
    assert within.second == ""
    past = preview("adjust", [1, 2, 3], colonel, amount=50_00)
    assert "limit" in past.second
    asked = go_as_far_as_the_request(past, colonel)
    assert "own limit" in approvals.may_decide(asked, colleague(10, "Electro Colonel"))
    approvals.approve(
        asked.pk, by=colleague(11, "Brigadier General"), reason="fine", now=timezone.now()
    )
    row_executor.run_due()
    past.refresh_from_db()
    assert (past.done, past.held) == (3, 0)
    assert {str(player.adjusted) for player in Player.objects.filter(user_id__lte=3)} == {"50.00"}


def test_points_of_a_running_job_count_toward_the_limit() -> None:
    make([1, 2])
    colonel = colleague(9, "Electro Colonel")
    job = preview("adjust", [1, 2], colonel, amount=50_00)
    BULK_JOBS.start(job.pk, by=colonel, now=timezone.now())
    assert (
        adjustments.adjust(
            1, 10_00, Command(by=colonel, reason="between", now=timezone.now())
        ).approval
        is not None
    )
    row_executor.run_due()
    job.refresh_from_db()
    assert (job.done, job.held, str(job.reserved)) == (2, 0, "0.00")


def test_three_previews_do_not_pass_the_limit() -> None:
    make([1, 2, 3])
    colonel = colleague(9, "Electro Colonel")  # 100 points a day
    made = [preview("adjust", [user_id], colonel, amount=100_00) for user_id in (1, 2, 3)]
    assert [job.second for job in made] == ["", "", ""]
    started = [BULK_JOBS.start(job.pk, by=colonel, now=timezone.now()).status for job in made]
    row_executor.run_due()
    assert started == ["running", "waiting", "waiting"]
    assert sum(player.adjusted for player in Player.objects.filter(user_id__lte=3)) == 100


def test_what_a_job_passes_over_is_given_back_to_the_day() -> None:
    make([1, 2])
    colonel = colleague(9, "Electro Colonel")
    job = preview("adjust", [1, 2], colonel, amount=50_00)
    BULK_JOBS.start(job.pk, by=colonel, now=timezone.now())
    Player.objects.filter(user_id=2).update(rank=Rank.objects.get(name="Imperator"))
    row_executor.run_due()
    assert (
        adjustments.adjust(
            1, 50_00, Command(by=colonel, reason="the rest", now=timezone.now())
        ).approval
        is None
    )
    assert (
        adjustments.adjust(
            1, 1, Command(by=colonel, reason="too much", now=timezone.now())
        ).approval
        is not None
    )


def test_each_row_is_checked_by_the_limit_of_its_moment() -> None:
    make([1, 2])
    general = colleague(9, "Brigadier General")  # 500 points a day
    job = preview("adjust", [1, 2], general, amount=200_00)
    BULK_JOBS.start(job.pk, by=general, now=timezone.now())
    row_executor.step(job.pk)
    Player.objects.filter(user_id=9).update(rank=Rank.objects.get(name="Electro Colonel"))
    row_executor.run_due()
    job.refresh_from_db()
    assert (job.done, job.held) == (1, 1)
    held = BulkRow.objects.get(job=job, status="held")
    assert held.request is not None
    assert held.request.status == "waiting"


ACTS: dict[str, tuple[dict[str, Any], Callable[[], int]]] = {
    "warn": ({"evidence": ["https://example.org/clip"]}, warned),
    "note": (
        {"text": "was part of the raid"},
        lambda: Note.objects.filter(withdrawn_at=None).count(),
    ),
    "adjust": ({"amount": -250}, lambda: Player.objects.filter(adjusted=-2.5).count()),
    "suspend": ({}, lambda: Player.objects.filter(rank__is_punishment=True).count()),
    "propose": ({"rank": "Captain I"}, lambda: Decision.objects.filter(status="proposed").count()),
    "rank": ({"rank": "Captain I"}, lambda: Player.objects.filter(rank__name="Captain I").count()),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_done_to_each_and_taken_back_as_a_whole(act: str) -> None:
    arguments, count = ACTS[act]
    make([1, 2])
    job = go(preview(act, [1, 2], **arguments))
    assert (job.done, count()) == (2, 2)
    if act == "propose":
        return  # a proposal is rejected, not undone
    undo = go(
        previews.preview_undo(job.pk, Command(by=OLGA, reason="a mistake", now=timezone.now()))
    )
    assert (undo.done, count()) == (2, 0)
    with pytest.raises(Refused, match="nothing to start"):
        BULK_JOBS.start(
            previews.preview_undo(job.pk, Command(by=OLGA, reason="again", now=timezone.now())).pk,
            by=OLGA,
            now=timezone.now(),
        )


def test_undo_finds_pardons_lifts_and_decisions() -> None:
    make([1, 2])
    now, shell = timezone.now(), at_the_shell()
    major = colleague(9, "Tempest Major")
    sanctions.warn(1, Command(by=shell, reason="seen", now=now))
    assert results(preview("pardon", [1, 2]))[2] == ("skipped", "They have no active warning.")
    go(preview("pardon", [1, 2]))
    assert warned() == 0
    sanctions.suspend(1, Command(by=shell, reason="seen", now=now))
    assert go(preview("lift", [1, 2])).done == 1
    assert go(preview("recommend", [1, 2], major), major).done == 2
    assert (
        results(preview("recommend", [1], major))[1][1]
        == "You recommended them at this rank already."
    )
    decisions.propose(1, "Captain I", Command(by=major, reason="does the work", now=now))
    decisions.propose(2, "Captain I", Command(by=major, reason="does the work", now=now))
    assert go(preview("approve", [1])).done == 1
    assert go(preview("reject", [1, 2])).done == 1
    assert {player.rank.name for player in Player.objects.filter(user_id=1)} == {"Captain I"}


@pytest.mark.parametrize(
    ("act", "user_ids", "arguments", "told"),
    [
        ("promote", [1], {}, "act:"),
        ("warn", [], {}, "players:"),
        ("warn", list(range(1, 1_002)), {}, "players:"),
        ("warn", [1, 404], {}, "404"),
        ("warn", [1], {"evidence": ["http://x"]}, "evidence:"),
        ("adjust", [1], {"amount": 0}, "amount:"),
        ("adjust", [1], {"amount": 10**14}, "amount:"),
        ("rank", [1], {"rank": "King"}, "rank:"),
        ("rank", [1], {"rank": "Suspended"}, "rank:"),
        ("note", [1], {"text": " "}, "text:"),
        ("suspend", [1], {"until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "until:"),
        ("recommend", [1], {}, "only an officer"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_mend(
    act: str, user_ids: list[int], arguments: dict[str, Any], told: str
) -> None:
    make([1])
    with pytest.raises(Refused, match=told):
        preview(act, user_ids, **arguments)
    assert not BulkJob.objects.exists()


def test_only_its_maker_starts_a_preview() -> None:
    make([1])
    job = preview("warn", [1])
    with pytest.raises(Refused, match="Somebody else"):
        BULK_JOBS.start(job.pk, by=SVEN, now=timezone.now())
    bare = Staff(OLGA.actor, rank=None)
    with pytest.raises(NotAllowed):
        BULK_JOBS.start(job.pk, by=bare, now=timezone.now())
    with pytest.raises(NotAllowed):
        preview("warn", [1], bare)
    assert AuditEvent.objects.filter(action="act.refused").count() == 2


def test_a_failing_row_is_undone_and_the_others_continue() -> None:
    make([1, 2, 3])
    broken = Player.objects.get(user_id=2).pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE ledger ADD CONSTRAINT broken CHECK (player_id <> {broken}) NOT VALID"
        )
    job = go(preview("adjust", [1, 2, 3], amount=1_00))
    assert (job.status, job.done, job.failed) == ("done", 2, 1)
    assert results(job)[2] == ("failed", row_executor.FAULT)
    assert list(
        Player.objects.filter(adjusted=1).order_by("user_id").values_list("user_id", flat=True)
    ) == [1, 3]


def test_started_twice_it_is_done_once() -> None:
    make([1])
    job = preview("warn", [1])
    for _ in range(2):
        BULK_JOBS.start(job.pk, by=OLGA, now=timezone.now())
        row_executor.run_due()
    assert warned() == 1
    assert AuditEvent.objects.filter(action="bulk.started").count() == 1


def test_a_bulk_revert_takes_back_what_one_actor_did_in_a_span() -> None:
    make(range(1, 6))
    rogue, other = colleague(7, "Brigadier General"), colleague(8, "Brigadier General")
    start = timezone.now()
    for user_id in (1, 2, 3):
        sanctions.warn(user_id, Command(by=rogue, reason="for fun", now=timezone.now()))
    adjustments.adjust(4, 25_00, Command(by=rogue, reason="for a friend", now=timezone.now()))
    sanctions.suspend(5, Command(by=rogue, reason="for fun", now=timezone.now()))
    sanctions.lift(5, Command(by=rogue, reason="bored", now=timezone.now()))
    sanctions.warn(4, Command(by=other, reason="rightly", now=timezone.now()))
    end = timezone.now() + dt.timedelta(seconds=1)
    job = revert(rogue, start, end)
    assert (job.rows, job.changing) == (6, 4)
    assert {one.note for one in reasons(job)} == {
        "It was taken back already.",
        "It took back another event of this span; both stay as they are.",
    }
    go(job)
    assert (job.done, warned()) == (4, 1)
    assert Player.objects.get(user_id=4).adjusted == 0
    assert AuditEvent.objects.exclude(reverts=None).filter(actor_id="olga").count() == 4
    assert revert(rogue, start, end).changing == 0


def revert(whose: Staff, since: dt.datetime, until: dt.datetime, by: Staff = OLGA) -> BulkJob:
    actors = ((whose.actor.kind, whose.actor.id),)
    return previews.preview_revert(
        actors, (since, until), Command(by=by, reason="the account was stolen", now=timezone.now())
    )


def test_bulk_unbanning_needs_a_second_person() -> None:
    make([1])
    now = timezone.now()
    sanctions.ban(1, Command(by=at_the_shell(), reason="seen", now=now))
    actor = at_the_shell()
    job = revert(actor, now - dt.timedelta(minutes=1), now + dt.timedelta(minutes=1))
    assert job.second
    asked = go_as_far_as_the_request(job, OLGA)
    assert "entitle" in approvals.may_decide(asked, colleague(9, "Electro Colonel"))
    approvals.approve(asked.pk, by=SVEN, reason="agreed", now=timezone.now())
    row_executor.run_due()
    assert not Player.objects.get(user_id=1).banned


def test_a_span_without_events_or_upside_down_is_refused() -> None:
    now = timezone.now()
    with pytest.raises(Refused, match="nothing that can be taken back"):
        revert(SVEN, now - dt.timedelta(days=1), now)
    with pytest.raises(Refused, match="until:"):
        revert(SVEN, now, now - dt.timedelta(days=1))


def test_a_preview_that_nobody_lets_go_is_forgotten_after_a_day() -> None:
    make([1])
    job = preview("note", [1], text="was part of it")
    assert previews.purge(timezone.now()) == 0
    assert previews.purge(timezone.now() + dt.timedelta(days=2)) == 1
    assert not BulkJob.objects.filter(pk=job.pk).exists()


def test_a_note_s_text_stays_in_the_notes_alone() -> None:
    make([1])
    job = go(preview("note", [1], text="was part of it"))
    assert job.arguments == {}
    assert Note.objects.get().text == "was part of it"


def test_no_job_names_an_erased_person() -> None:
    make([1, 2])
    made = preview("note", [1, 2], text="player_1 led it, player_12 did not")
    done = go(preview("note", [1], text="seen"))
    BulkJob.objects.update(reason="the raid of player_1")
    erasure.erase(1, by=OLGA, reason="ordered", now=timezone.now())
    made.refresh_from_db()
    done.refresh_from_db()
    assert (made.reason, done.reason) == ("the raid of …", "the raid of …")
    assert made.arguments["text"].startswith("… led it")
    made = go(made)
    assert (made.done, made.skipped + made.failed) == (1, 1)


def test_a_preview_queries_as_often_for_one_as_for_many(
    django_assert_max_num_queries: Any,
) -> None:
    make(range(1, 201))
    for act, arguments in [(name, given) for name, (given, _) in ACTS.items()] + [
        ("pardon", {}),
        ("approve", {}),
    ]:
        with django_assert_max_num_queries(25):
            preview(act, range(1, 201), **arguments)
