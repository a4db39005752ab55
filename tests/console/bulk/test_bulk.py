"""Mass changes through their pages: select, preview, start, approve, watch and undo."""

import csv
import datetime as dt
import io
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits.models import AuditEvent
from console.decorators import SIGNED_IN_AT
from players.bulk import row_executor
from players.discipline import sanctions
from players.models import BULK_ALONE, Approval, BulkJob, Note, Player, Sanction
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from tests.console.conftest import Make
from tests.console.people import client_as

pytestmark = pytest.mark.django_db
REASON = {"words": "seen in the raid"}
LIST = "/admin/bulk/"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def preview(client: Client, act: str, user_ids: range | list[int], **fields: Any) -> BulkJob:
    """Send a selection and the act's form. Returns the previewed job."""
    asked = client.post(LIST, {"act": act, "ids": list(user_ids)})
    token = re.search(r'name="token" value="([^"]+)"', asked.content.decode())
    assert token is not None
    selected = re.search(r'name="selected" value="([^"]+)"', asked.content.decode())
    assert selected is not None
    sent = (
        {"act": act, "selected": selected[1], "preview": "1", "token": token[1]} | REASON | fields
    )
    answer = client.post(LIST, sent)
    assert answer.status_code == 302, text(answer)
    return BulkJob.objects.order_by("-pk")[0]


def start(client: Client, job: BulkJob) -> str:
    return text(client.post(f"/admin/bulk/{job.pk}/start/", follow=True))


def look(client: Client, job: BulkJob, query: str = "") -> str:
    return text(client.get(f"/admin/bulk/{job.pk}/?{query}"))


def warnings() -> int:
    return Sanction.objects.filter(kind="warning", lifted_at=None).count()


def test_a_selection_is_previewed_let_go_and_taken_back(owner: Client, player: Make) -> None:
    for user_id in (1, 2, 3):
        player(user_id)
    job = preview(owner, "warn", [1, 2, 3], evidence="https://example.org/clip")
    assert "3 selected, 3 will change, 0 skipped" in look(owner, job)
    assert warnings() == 0
    start(owner, job)
    assert row_executor.run_due() == 3
    seen = look(owner, job)
    assert "3 done" in seen
    assert "player_2" in seen
    answer = owner.post(f"/admin/bulk/{job.pk}/undo/", {"reason": "the wrong ones"})
    undo = BulkJob.objects.order_by("-pk")[0]
    assert answer.headers["Location"] == f"/admin/bulk/{undo.pk}/"
    start(owner, undo)
    row_executor.run_due()
    assert warnings() == 0


def test_the_preview_says_why_some_are_passed_over(owner: Client, player: Make) -> None:
    for user_id in (1, 2, 3):
        player(user_id)
    for user_id in (1, 2):
        sanctions.suspend(user_id, Command(by=at_the_shell(), reason="seen", now=timezone.now()))
    seen = look(owner, preview(owner, "suspend", [1, 2, 3], duration="7"))
    assert "3 selected, 1 will change, 2 skipped" in seen
    assert "2 They are suspended already. player_1, player_2" in seen


def test_many_rows_wait_until_another_owner_approves(
    owner: Client, deputy: Client, player: Make
) -> None:
    for user_id in range(1, BULK_ALONE + 2):
        player(user_id)
    job = preview(owner, "warn", range(1, BULK_ALONE + 2))
    assert "Ask for approval" in look(owner, job)
    assert "a second person must approve" in start(owner, job)
    request = Approval.objects.get(act="bulk")
    page = f"/admin/approvals/{request.pk}/"
    assert f"Warn {BULK_ALONE + 1} players" in text(deputy.get(page))
    assert "second person must decide" in text(owner.get(page))
    owner.post(page, {"verb": "approve", "words": "mine"})
    assert row_executor.run_due() == 0
    deputy.post(page, {"verb": "approve", "words": "agreed"})
    assert row_executor.run_due() == BULK_ALONE + 1
    assert warnings() == BULK_ALONE + 1
    assert f"Done {BULK_ALONE + 1} of {BULK_ALONE + 1}" in text(owner.get(LIST))


def test_only_its_maker_lets_a_preview_go(owner: Client, deputy: Client, player: Make) -> None:
    player(1)
    job = preview(owner, "warn", [1])
    assert "Only who made the preview" in look(deputy, job)
    assert "Somebody else made this preview" in start(deputy, job)
    assert row_executor.run_due() == 0


@pytest.mark.parametrize(
    ("act", "fields", "told"),
    [
        ("warn", {"words": ""}, "Choose a reason"),
        ("adjust", {"amount": "0"}, "An adjustment of nothing"),
        ("adjust", {"amount": "1.234"}, "2 decimal places"),
        ("warn", {"evidence": "http://example.org"}, "is not an https:// link"),
        ("note", {"text": ""}, "This field is required"),
        ("rank", {"rank": "King"}, "valid choice"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field(
    owner: Client, player: Make, act: str, fields: dict[str, str], told: str
) -> None:
    player(1)
    asked = {
        "act": act,
        "selected": "1",
        "preview": "1",
        "token": "2f4d6a1e-0000-4000-8000-000000000000",
    }
    assert told in text(owner.post(LIST, asked | REASON | fields))
    assert not BulkJob.objects.exists()


def test_each_act_has_a_form_and_reaches_a_preview(owner: Client, player: Make) -> None:
    player(1)
    for act, fields in {
        "pardon": {},
        "lift": {},
        "note": {"text": "was part of it"},
        "adjust": {"amount": "-2.50"},
        "propose": {"rank": "Captain I"},
        "rank": {"rank": "Captain I"},
        "approve": {},
        "reject": {},
    }.items():
        assert preview(owner, act, [1], **fields).act == act
    assert BulkJob.objects.get(act="adjust").arguments == {"amount": -250}


def test_a_note_is_written_on_each(owner: Client, player: Make) -> None:
    for user_id in (1, 2):
        player(user_id)
    start(owner, preview(owner, "note", [1, 2], text="was part of it"))
    row_executor.run_due()
    assert Note.objects.filter(text="was part of it").count() == 2


def test_a_filter_of_the_list_is_a_selection_too(owner: Client, player: Make) -> None:
    for user_id in (1, 2, 30):
        player(user_id)
    seen = text(owner.post(LIST, {"act": "warn", "query": "q=player_"}))
    assert "3 players are selected" in seen


def test_no_selection_leads_back_to_the_list(owner: Client) -> None:
    answer = owner.post(LIST, {"act": "warn"}, follow=True)
    assert "Select the players first" in text(answer)


def test_rows_are_filtered_and_leave_as_csv(owner: Client, player: Make) -> None:
    for user_id in (1, 2):
        player(user_id)
    sanctions.suspend(1, Command(by=at_the_shell(), reason="seen", now=timezone.now()))
    job = preview(owner, "suspend", [1, 2], duration="7")
    start(owner, job)
    row_executor.run_due()
    assert "player_2" in look(owner, job, "show=done")
    assert (
        'href="/admin/players/1/"'
        not in owner.get(f"/admin/bulk/{job.pk}/?show=done").content.decode()
    )
    answer = owner.get(f"/admin/bulk/{job.pk}/rows.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert [(row["userId"], row["status"]) for row in rows] == [("1", "skipped"), ("2", "done")]
    assert rows[1]["event"].isdigit()


def test_no_cell_of_the_results_is_a_formula(owner: Client, player: Make) -> None:
    player(1)
    Player.objects.update(username="=HYPERLINK(1)")
    job = preview(owner, "warn", [1])
    answer = owner.get(f"/admin/bulk/{job.pk}/rows.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert rows[0]["username"] == "'=HYPERLINK(1)"


def test_what_somebody_did_in_a_span_is_taken_back(owner: Client, player: Make) -> None:
    player(1)
    rogue = player(2, rank="Brigadier General", points=9000)
    client_as(rogue).post(
        "/admin/acts/warn/1/", {"token": "2f4d6a1e-0000-4000-8000-000000000001", "words": "for fun"}
    )
    assert warnings() == 1
    now, hour = timezone.now(), dt.timedelta(hours=1)
    asked = {
        "actor": "player_2",
        "since": f"{now - hour:%Y-%m-%dT%H:%M}",
        "until": f"{now + hour:%Y-%m-%dT%H:%M}",
        "reason": "stolen",
    }
    answer = owner.post("/admin/bulk/revert/", asked, follow=True)
    assert "1 selected, 1 will change" in text(answer)
    start(owner, BulkJob.objects.get())
    row_executor.run_due()
    assert warnings() == 0
    warned = AuditEvent.objects.get(action="player.warned")
    assert AuditEvent.objects.filter(reverts=warned.pk, action="player.pardoned").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"actor": "nobody_here"}, "Nobody here is called"),
        ({"until": "2020-01-01T00:00"}, "It ends before it begins"),
        ({"reason": ""}, "This field is required"),
        ({}, "nothing that can be taken back"),
    ],
)
def test_a_revert_of_nothing_is_said_beside_the_field(
    owner: Client, player: Make, changes: dict[str, str], told: str
) -> None:
    player(2)
    asked = {
        "actor": "player_2",
        "since": "2026-01-01T00:00",
        "until": "2026-01-02T00:00",
        "reason": "stolen",
    }
    assert told in text(owner.post("/admin/bulk/revert/", asked | changes))


def test_who_may_only_warn_changes_no_masses(player: Make) -> None:
    player(1)
    major = client_as(player(2, rank="Tempest Major", points=5000))
    assert major.post(LIST, {"act": "warn", "ids": [1]}).status_code == 403
    assert major.get("/admin/bulk/revert/").status_code == 403
    assert AuditEvent.objects.filter(action="act.refused").exists()
    assert major.get(LIST).status_code == 200
    assert Client().get(LIST).status_code == 302


def test_an_old_sign_in_is_asked_for_again(owner: Client, player: Make) -> None:
    player(1)
    job = preview(owner, "warn", [1])
    session = owner.session
    session[SIGNED_IN_AT] = 1.0
    session.save()
    for address, sent in (
        (LIST, {"act": "warn", "ids": [1]}),
        (f"/admin/bulk/{job.pk}/start/", {}),
    ):
        answer = owner.post(address, sent)
        assert (answer.status_code, "/admin/sign-in/" in answer.headers["Location"]) == (302, True)
    assert row_executor.run_due() == 0


def test_pages_query_as_often_for_one_row_as_for_many(owner: Client, player: Make) -> None:
    for user_id in range(1, 61):
        player(user_id)
    counts = []
    for user_ids in ([1], range(1, 61)):
        job = preview(owner, "warn", user_ids)
        with CaptureQueriesContext(connection) as asked:
            look(owner, job)
        counts.append(len(asked))
        with CaptureQueriesContext(connection) as listed:
            text(owner.get(LIST))
        counts.append(len(listed))
    assert max(counts) <= 25
    assert counts[0] == counts[2]


def test_a_job_that_is_not_there_is_not_found(owner: Client) -> None:
    assert owner.get("/admin/bulk/99/").status_code == 404
    assert "no bulk job 99" in text(owner.post("/admin/bulk/99/start/", follow=True))
    assert Player.objects.count() == 0
