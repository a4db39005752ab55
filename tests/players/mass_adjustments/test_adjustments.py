"""Life of a large adjustment: judged as a whole, started, applied in chunks, undone."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audits.models import AuditEvent
from audits.record import Actor
from common.errors import Refused
from common.leases import LeaseLost, claim
from players.mass_adjustments import chunk_executor, file_previews, lifecycle, row_checks
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, AdjustmentRow, Decision, LedgerEntry, Player
from players.moderation import authorization
from players.moderation.actors import Staff
from players.moderation.authorization import MASS_POINTS
from players.moderation.command import Command
from players.points import consistency
from players.points.adjustments import adjust
from players.privacy.erasure import erase
from players.tasks import apply_adjustments
from tests.players.mass_adjustments.conftest import OWNER, SECOND, adjusted, make_people, officer
from tests.shared_clock import clock_at

People = Callable[..., None]


@pytest.fixture
def within_a_day() -> Iterator[None]:
    """Stop the clock, so that midnight does not fall within a test."""
    with clock_at(timezone.now()), time_machine.travel(timezone.now(), tick=False):
        yield


def rows(*pairs: tuple[int, int]) -> list[FileRow]:
    return [FileRow(line, user_id, amount) for line, (user_id, amount) in enumerate(pairs, start=2)]


def made(*pairs: tuple[int, int], by: Staff = OWNER, **options: str) -> Adjustment:
    return file_previews.preview(
        rows(*pairs), by=by, reason="a test", now=timezone.now(), **options
    )


def go(adjustment: Adjustment, by: Staff = OWNER) -> Adjustment:
    started = ADJUSTMENTS.start(adjustment.pk, by=by, now=timezone.now())
    apply_adjustments()
    started.refresh_from_db()
    return started


def test_a_preview_says_who_is_skipped_and_why(people: People) -> None:
    people(range(1, 4))
    erase(3, by=OWNER, reason="ordered", now=timezone.now())
    found = made((1, 250), (2, -100), (3, 5), (404, 7))
    assert (found.rows, found.skipped, str(found.total), str(found.moved)) == (4, 2, "1.50", "3.50")
    assert list(found.lines.filter(status="skipped").values_list("line", "note")) == [
        (4, row_checks.UNKNOWN),
        (5, row_checks.UNKNOWN),
    ]
    assert set(adjusted().values()) == {Decimal(0)}
    assert found.status == "preview"


def test_applied_rows_are_in_ledger_audit_log_and_books(people: People) -> None:
    people(range(1, 4))
    done = go(made((1, 250), (2, -100), (404, 7)))
    assert (done.status, done.applied, done.skipped, done.error) == ("done", 2, 1, "")
    assert adjusted() == {1: Decimal("2.50"), 2: Decimal("-1.00"), 3: Decimal(0)}
    assert Player.objects.get(user_id=2).points == 0
    chunk, end = AuditEvent.objects.filter(action="adjustment.applied").order_by("id")
    assert (chunk.actor_kind, chunk.actor_id, chunk.target_id) == ("staff", "1", str(done.pk))
    assert (chunk.details["lines"], chunk.details["count"], chunk.details["sum"]) == (
        [2, 3],
        2,
        "1.50",
    )
    assert end.details == {"done": True, "count": 2, "skipped": 1, "sum": "1.50"}
    assert set(LedgerEntry.objects.filter(origin="console").values_list("batch", flat=True)) == {
        chunk.pk
    }
    assert list(done.lines.order_by("line").values_list("status", "points")) == [
        ("applied", Decimal("2.50")),
        ("applied", Decimal(0)),
        ("skipped", None),
    ]
    assert consistency.verify() == []


def test_ranks_follow_the_points(people: People) -> None:
    people(range(1, 3))
    Player.objects.update(rank_since=timezone.now() - timezone.timedelta(days=30))
    go(made((1, 60_00), (2, 1)))
    decision = Decision.objects.get()
    assert (decision.player.user_id, decision.status, decision.source) == (1, "applied", "staff")
    assert AuditEvent.objects.get(action="rank.promoted").actor_id == "1"


def test_the_inverse_gives_everybody_back_what_they_had(people: People) -> None:
    people(range(1, 6))
    adjust(1, 1000, Command(by=OWNER, reason="before", now=timezone.now()))
    before = adjusted()
    done = go(made((1, -2500), (2, 75), (3, 99_00), (404, 1)))
    inverse = go(
        file_previews.preview_undo(done.pk, by=OWNER, reason="a mistake", now=timezone.now())
    )
    assert (inverse.status, inverse.applied, inverse.inverse_of_id) == ("done", 3, done.pk)
    assert adjusted() == before
    assert consistency.verify() == []
    with pytest.raises(Refused, match=f"by adjustment {inverse.pk}"):
        file_previews.preview_undo(done.pk, by=OWNER, reason="twice", now=timezone.now())


def test_a_rejected_inverse_can_be_asked_for_again(people: People) -> None:
    people(range(1, 3))
    done = go(made((1, 100)))
    inverse = file_previews.preview_undo(done.pk, by=OWNER, reason="a mistake", now=timezone.now())
    with pytest.raises(Refused, match="only one that is done"):
        file_previews.preview_undo(inverse.pk, by=OWNER, reason="no", now=timezone.now())
    lifecycle.reject(inverse.pk, by=SECOND, reason="it was right", now=timezone.now())
    again = file_previews.preview_undo(done.pk, by=OWNER, reason="it was not", now=timezone.now())
    assert again.inverse_of_id == done.pk


def test_a_key_stands_for_one_content(people: People) -> None:
    people(range(1, 3))
    first = made((1, 100), idempotency_key="k")
    assert made((1, 100), idempotency_key="k").pk == first.pk
    with pytest.raises(file_previews.KeyConflict, match=f"adjustment {first.pk}"):
        made((1, 101), idempotency_key="k")
    with pytest.raises(file_previews.KeyConflict):
        made((1, 100), by=SECOND, idempotency_key="k")
    assert Adjustment.objects.count() == 1


def test_a_player_stands_in_it_once(people: People) -> None:
    people(range(1, 3))
    with pytest.raises(file_previews.Invalid) as refused:
        made((1, 100), (2, 5), (1, 7), (1, 9))
    assert refused.value.errors.shown == [
        "line 4: userId: 1 stands on line 2 already; keep one line for a player",
        "line 5: userId: 1 stands on line 2 already; keep one line for a player",
    ]
    assert not Adjustment.objects.exists()
    found = made((1, 100))
    with pytest.raises(IntegrityError), transaction.atomic():
        AdjustmentRow.objects.create(adjustment=found, line=9, user_id=1, amount=1)


def test_nothing_at_all_and_too_much_are_refused(people: People) -> None:
    people(range(1, 3))
    with pytest.raises(file_previews.Invalid, match="rows: there is none"):
        made()
    with pytest.raises(file_previews.Invalid, match="less than a trillion"):
        made(*[(user_id, 10**13 - 1) for user_id in range(1, 12)])
    with pytest.raises(Refused, match="reason"):
        file_previews.preview(rows((1, 1)), by=OWNER, reason=" ", now=timezone.now())


def test_an_officer_adjusts_only_players_below(people: People) -> None:
    people(range(1, 3))
    people(range(900, 902), rank="Electro Colonel")
    people(range(902, 903), rank="Imperator")
    found = made((1, 10), (900, 10), (901, 10), (902, 10), by=officer("Electro Colonel", 900))
    assert dict(found.lines.filter(status="skipped").values_list("user_id", "note")) == {
        900: row_checks.OWN,
        901: row_checks.ABOVE,
        902: row_checks.ABOVE,
    }
    with pytest.raises(Refused, match="not entitle"):
        made((1, 10), by=officer("Tempest Major", 900))


def test_past_the_daily_limit_approval_is_needed(within_a_day: None, people: People) -> None:
    people(range(1, 9))
    people(range(900, 901), rank="Electro Colonel")
    colonel = officer("Electro Colonel", 900)
    adjust(8, 30_00, Command(by=colonel, reason="single", now=timezone.now()))
    assert go(made((1, 40_00), (2, -20_00), by=colonel), by=colonel).status == "done"
    within = ADJUSTMENTS.start(made((3, 9_00), by=colonel).pk, by=colonel, now=timezone.now())
    past = ADJUSTMENTS.start(made((4, 2_00), by=colonel).pk, by=colonel, now=timezone.now())
    assert (within.status, past.status) == ("applying", "waiting")


def test_a_row_above_the_second_person_limit_waits(
    people: People,
) -> None:
    people(range(1, 4))
    people(range(900, 901), rank="Imperator")
    imperator = officer("Imperator", 900)
    without_rank = Staff(Actor("staff", "9", "Olga", "staff:9"), rank=None)
    assert go(made((1, 1_000_00), (2, -1_000_00), by=imperator), by=imperator).status == "done"
    for number, by in enumerate((imperator, without_rank), start=1):
        waiting = go(made((1, number), (3, -1_000_01), by=by), by=by)
        assert (waiting.status, adjusted()[3]) == ("waiting", 0)
    assert (
        go(made((3, 1_000_01), by=OWNER), by=OWNER).status == "done"
    )  # the operator alone at the shell


def test_a_mass_change_waits_for_a_second_person_whoever_asked(
    within_a_day: None, people: People
) -> None:
    people(range(1, 4))
    assert go(made((1, MASS_POINTS))).status == "done"
    waiting = go(made((2, -1)))
    assert (waiting.status, adjusted()[2]) == ("waiting", 0)
    with pytest.raises(Refused, match="yourself"):
        lifecycle.approve(waiting.pk, by=OWNER, reason="sure", now=timezone.now())
    lifecycle.approve(waiting.pk, by=SECOND, reason="looked at it", now=timezone.now())
    apply_adjustments()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.approved_by, adjusted()[2]) == (
        "done",
        "staff:2",
        Decimal("-0.01"),
    )
    assert AuditEvent.objects.get(action="adjustment.approved").actor_id == "2"
    with pytest.raises(Refused, match="does not wait"):
        lifecycle.approve(waiting.pk, by=SECOND, reason="again", now=timezone.now())


def test_a_mass_change_is_also_one_of_very_many_players(
    within_a_day: None, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(range(1, 4))
    monkeypatch.setattr(authorization, "MASS_PLAYERS", 2)
    assert go(made((1, 1), (2, 1), (404, 1))).status == "done"
    assert go(made((3, 1))).status == "waiting"
    assert go(made((3, 1), by=SECOND), by=SECOND).status == "done"


def test_the_database_itself_holds_the_second_person(people: People) -> None:
    people(range(1, 2))
    found = made((1, 1))
    with pytest.raises(IntegrityError, match="adjustments_second_person"), transaction.atomic():
        Adjustment.objects.filter(pk=found.pk).update(approved_by=found.requested_by)


def test_whoever_approves_must_be_entitled_to_every_row(people: People) -> None:
    people(range(1, 3))
    people(range(900, 901), rank="Brigadier General")
    waiting = go(made((1, MASS_POINTS), (2, 1), (900, 1)))
    general = officer("Brigadier General", 900)
    with pytest.raises(Refused, match="line 4 yourself"):
        lifecycle.approve(waiting.pk, by=general, reason="fine", now=timezone.now())
    with pytest.raises(Refused, match="line 4 stands at or above"):
        lifecycle.approve(
            waiting.pk, by=officer("Electro Colonel", 901), reason="fine", now=timezone.now()
        )
    with pytest.raises(Refused, match="not entitle"):
        lifecycle.approve(
            waiting.pk, by=officer("Initiate", 901), reason="fine", now=timezone.now()
        )
    approved = lifecycle.approve(
        waiting.pk, by=officer("Supreme Council", 902), reason="fine", now=timezone.now()
    )
    assert approved.status == "applying"


def test_a_rejected_one_stays_without_effect(people: People) -> None:
    people(range(1, 2))
    found = made((1, 100))
    lifecycle.reject(found.pk, by=SECOND, reason="no", now=timezone.now())
    assert go(found).status == "rejected"
    with pytest.raises(Refused, match="rejected already"):
        lifecycle.reject(found.pk, by=SECOND, reason="no", now=timezone.now())
    assert set(adjusted().values()) == {Decimal(0)}


def test_only_whoever_asked_lets_a_preview_go(people: People) -> None:
    people(range(1, 2))
    with pytest.raises(Refused, match="Somebody else"):
        ADJUSTMENTS.start(made((1, 100)).pk, by=SECOND, now=timezone.now())


def test_who_changed_since_the_preview_is_skipped(people: People) -> None:
    people(range(1, 5))
    people(range(900, 901), rank="Electro Colonel")
    colonel = officer("Electro Colonel", 900)
    waiting = go(made((1, 100_00), (2, 5_00), (3, -7_00), by=colonel), by=colonel)
    erase(2, by=OWNER, reason="ordered", now=timezone.now())
    make_people(range(2, 3))  # another player with the id of the deleted one
    Player.objects.filter(user_id=3).update(rank=Player.objects.get(user_id=900).rank)
    lifecycle.approve(waiting.pk, by=SECOND, reason="fine", now=timezone.now())
    apply_adjustments()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.applied, waiting.skipped) == ("done", 1, 2)
    assert (str(waiting.total), str(waiting.moved)) == ("100.00", "100.00")
    assert adjusted()[2] == 0
    assert list(
        waiting.lines.filter(status="skipped").order_by("line").values_list("note", flat=True)
    ) == [
        row_checks.ERASED,
        row_checks.ABOVE,
    ]


def test_an_erased_persons_id_and_reason_leave_the_rows(people: People) -> None:
    people(range(1, 3))
    found = file_previews.preview(
        [FileRow(1, 2, 5, "was ill")], by=OWNER, reason="a test", now=timezone.now()
    )
    erase(2, by=OWNER, reason="ordered", now=timezone.now())
    row = found.lines.get()
    assert (row.user_id < 0, row.reason) == (True, "")


def test_a_sum_too_large_to_store_is_skipped(people: People) -> None:
    people(range(1, 3))
    Player.objects.filter(user_id=1).update(earned=Decimal("999999999999.99"))
    done = go(made((1, 1), (2, 1)))
    assert (done.status, done.applied, done.skipped) == ("done", 1, 1)
    assert done.lines.get(status="skipped").note == row_checks.OVERFLOW


def test_a_process_that_lost_its_lease_writes_nothing(people: People) -> None:
    people(range(1, 3))
    started = ADJUSTMENTS.start(made((1, 100)).pk, by=OWNER, now=timezone.now())
    zombie = claim(Adjustment.objects.all(), 1)[0]
    Adjustment.objects.filter(pk=started.pk).update(lease="somebody else")
    with pytest.raises(LeaseLost):
        chunk_executor.step(zombie)
    assert set(adjusted().values()) == {Decimal(0)}
    assert not chunk_executor.run(started.pk)


def test_what_fails_is_pushed_forward_told_and_tried_again(people: People) -> None:
    people(range(1, 6))
    _run_sql("ALTER TABLE ledger ADD CONSTRAINT broken CHECK (awarded <> 1) NOT VALID")
    started = ADJUSTMENTS.start(made((1, 100)).pk, by=OWNER, now=timezone.now())
    with pytest.raises(Exception, match="broken"):
        chunk_executor.run(started.pk)
    started.refresh_from_db()
    assert (started.attempts, started.lease, started.status) == (1, "", "applying")
    assert "broken" in started.error
    assert apply_adjustments() == 0
    _run_sql("ALTER TABLE ledger DROP CONSTRAINT broken")
    Adjustment.objects.update(retry_at=timezone.now())
    assert apply_adjustments() == 1
    started.refresh_from_db()
    assert (started.status, started.error, started.attempts) == ("done", "", 0)


def _run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
