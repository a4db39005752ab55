"""Imports from files: preview, application, repetition, undo."""

import datetime as dt
import io
import os
import resource
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone

from common.errors import Refused
from players.imports import lifecycle, runner
from players.imports.files import ImportFile
from players.imports.values import parse
from players.models import Import, ImportRow, LedgerEntry, Player, Rank, Sanction, Session
from players.points import consistency
from players.privacy import orders
from players.privacy.erasure import erase
from tests.players.imports.conftest import OWNER, applied, begun, notes, player, previewed, undone
from tests.players.mass_adjustments.conftest import officer

pytestmark = pytest.mark.django_db
People = Callable[..., None]
HEADER = "Roblox Username;User ID;Total XP;Rank;Promoted at;Kills;Warns"


def test_a_spreadsheet_with_its_own_names(people: People) -> None:
    people(range(1, 3))
    job = previewed(
        HEADER,
        "player_1;1;1250,50;Captain I;2025-03-01;40;",
        ";2;0;;;;",
        "Alva;;75;;;;2025-01-02 spam | 2026-11-01 abuse",
    )
    assert (job.status, job.rows, job.changing, job.unchanged) == ("preview", 3, 2, 1)
    assert job.total == Decimal("1325.50")
    assert not Player.objects.filter(user_id=11).exists()
    done = applied(job)
    assert (done.status, done.applied) == ("done", 2)
    one, alva = player(1), player(11)
    assert (one.points, one.kos, one.rank.name) == (Decimal("1250.50"), 40, "Captain I")
    assert one.rank_since == dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    assert (alva.username, alva.points) == ("alva", Decimal(75))
    entry = LedgerEntry.objects.get(player=one)
    assert (entry.origin, entry.session, entry.sequence, entry.type) == ("nexus", 0, 2, "imported")
    assert consistency.verify() == []


def test_the_same_file_again_does_nothing(people: People) -> None:
    people(range(1, 3))
    lines = ("userId,points,rank,warnings", "1,100,Captain I,2", "2,50,,")
    first = applied(previewed(*lines))
    assert begun(*lines).pk == first.pk
    Player.objects.filter(user_id=1).update(rank=player(2).rank)  # demoted meanwhile
    again = previewed(*lines, "3,7,,")
    assert (again.changing, again.unchanged) == (1, 2)
    applied(again)
    assert player(1).rank.name == "Initiate"
    assert Sanction.objects.filter(player=player(1)).count() == 2
    assert player(1).points == 100


def test_a_newer_export_sets_the_new_total(people: People) -> None:
    people(range(1, 2))
    applied(previewed("userId,points,kos", "1,100,5"))
    job = previewed("userId,points,kos", "1,130,7")
    assert job.total == 30
    applied(job)
    assert (player(1).points, player(1).kos) == (130, 7)
    assert list(Session.objects.values_list("sequence", "total")) == [(3, Decimal(130))]
    assert consistency.verify() == []


def test_undo_takes_exactly_back_what_it_did(people: People) -> None:
    people(range(1, 3))
    applied(previewed("userId,points", "1,10"))
    since = player(1).rank_since
    job = applied(
        previewed("userId,points,kos,rank,rankSince,warnings", "1,100,5,Captain I,2025-01-02,1")
    )
    assert player(1).rank.name == "Captain I"
    assert Sanction.objects.filter(lifted_at=None).count() == 1
    back = undone(job)
    assert (back.applied, back.total) == (1, -90)
    one = player(1)
    assert (one.points, one.kos, one.rank.name, one.rank_since) == (10, 0, "Initiate", since)
    assert not Sanction.objects.filter(lifted_at=None).exists()
    assert consistency.verify() == []
    with pytest.raises(Refused, match="undone already"):
        lifecycle.preview_undo(job.pk, by=OWNER, reason="again", now=timezone.now())


def test_undo_leaves_a_rank_that_changed_since(people: People) -> None:
    people(range(1, 2))
    job = applied(previewed("userId,points,rank", "1,100,Captain I"))
    Player.objects.update(rank=officer_rank("Volt Specialist I"))
    undone(job)
    assert (player(1).points, player(1).rank.name) == (0, "Volt Specialist I")


def test_rows_with_errors_say_line_and_fix(people: People) -> None:
    people(range(1, 3))
    erase(2, by=OWNER, reason="ordered", now=timezone.now())
    job = previewed(
        "userId,username,points,rank,since",
        "1.5E+9,,5,,",
        ",nobody_here,5,,",
        ",a b,5,,",
        '1,,"1,250",,',
        ",cora,5,,",
        "13,,6,,",
        "1,,5,Baron,",
        "2000000,,5,,",
        "12,,5,Captain I,45658",
        "4,,,,",
    )
    found = {line: (status, note) for line, status, note in notes(job)}
    assert found[2] == (
        "unread", "userId: a spreadsheet has rewritten it: format the column as text"
    )  # fmt: skip
    assert "no Roblox account" in found[3][1]
    assert "not a display name" in found[4][1]
    assert "without thousands separators" in found[5][1]
    assert found[6] == ("pending", "cora is a former name of cora_new")
    assert found[7] == (
        "unread", "line 6 is the same player already; keep one line for a player"
    )  # fmt: skip
    assert found[8][0] == "pending"
    assert "there is no rank 'Baron'" in found[8][1]
    assert "no account with this user id" in found[9][1]
    assert "rewritten the date" in found[10][1]
    assert "says nothing" in found[11][1]


def test_a_preview_names_whom_the_policy_would_promote(people: People) -> None:
    people(range(1, 2))
    Player.objects.update(rank_since=timezone.now() - dt.timedelta(days=900))
    job = previewed("userId,points,warnings", "1,90000,9")
    assert sum(job.effects["promotions"].values()) == 1
    assert job.effects["thresholds"] == ["1: 9 warnings"]
    applied(job)
    assert player(1).rank.name in job.effects["promotions"]
    assert not Sanction.objects.filter(kind="suspension").exists()


def test_an_officer_imports_nobody_above_them(people: People) -> None:
    people(range(1, 2))
    people(range(5, 6), rank="Supreme Council")
    by = officer("Captain I", 1)
    planner = lifecycle.checks.planner_for(Import(experience="nexus"), by, timezone.now())
    row = lifecycle.ImportRow(user_id=5)
    assert "above your own position" in planner.why_not(row, player(5))
    row = lifecycle.ImportRow(user_id=9, rank="Imperator")
    assert "above your own position" in planner.why_not(row, None)


def test_nobody_comes_back_whose_erasure_was_ordered(people: People) -> None:
    people(range(1, 2))
    orders.order_by_hand(1, by=OWNER, reason="a right", now=timezone.now())
    orders.carry_out_due()
    assert not Player.objects.filter(user_id=1).exists()
    job = previewed("userId,points", "1,40")
    assert job.lines.get().note == "the person was erased"
    assert not Player.objects.filter(user_id=1).exists()


@pytest.mark.skipif(not os.environ.get("GRPS_LONG"), reason="50,000 rows take a minute")
def test_a_large_file_is_read_with_flat_memory(people: People) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = ImportFile(io.BytesIO(), "old.csv", timezone.now())
    rows = (parse(n, {"userId": str(n), "points": "5"}, source.now, commas=False)
            for n in range(1, 50_001))  # fmt: skip
    request = lifecycle.ImportRequest("nexus", OWNER, "we move in", timezone.now())
    job = lifecycle.begin_file(request, rows)
    runner.run(job.pk)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert lifecycle.find(job.pk).changing == 50_000
    assert grown < 100 * 1024  # kilobytes


def test_points_that_the_data_store_brought_are_left_out(people: People) -> None:
    people(range(1, 2))
    Session.objects.create(
        player=player(1), origin="nexus", session=-1, sequence=1, total=40, count=1, awarded=40,
        confirmed=1, started_at=timezone.now(), last_at=timezone.now(),
    )  # fmt: skip
    job = previewed("userId,points", "1,40")
    assert (job.changing, job.skipped) == (0, 1)
    assert "came with the data store of nexus already" in job.lines.get().note


def officer_rank(name: str) -> Rank:
    return Rank.objects.get(name=name)


def test_what_cannot_be_stored_as_text_is_a_defect_of_its_line(people: Callable[..., None]) -> None:
    people([11])
    job = begun(
        r'{"username": "a\u0000b", "points": 1}',
        r'{"username": "a\ud800b", "points": 1}',
        r'{"userId": 11, "rank": "Cadet", "rankSince": "2250-01-01\u000000:00"}',
        name="old.jsonl",
    )
    assert ImportRow.objects.filter(job=job, status="unread").count() == 3
