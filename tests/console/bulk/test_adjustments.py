"""Large adjustments through their pages: file, preview, second person, progress and undo."""

import csv
import io
import re
import uuid
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.bulk import pages
from console.bulk.forms import LARGEST_FILE
from console.decorators import SIGNED_IN_AT
from players.active_policy import active
from players.mass_adjustments import chunk_executor, file_previews, row_checks
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, Player
from players.moderation.actors import at_the_shell
from players.moderation.authorization import MASS_POINTS
from tests.console.conftest import Make
from tests.console.people import client_as

pytestmark = pytest.mark.django_db
LIST = "/admin/adjustments/"
MASS = MASS_POINTS // 100 + 1


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def send(
    client: Client, *lines: str, name: str = "prizes.csv", token: str = "", reason: str = "an event"
) -> Any:
    body = "\n".join(["userId,amount", *lines]).encode()
    sent = {
        "file": SimpleUploadedFile(name, body),
        "reason": reason,
        "token": token or str(uuid.uuid4()),
    }
    return client.post(f"{LIST}new/", sent)


def taken(client: Client, *lines: str) -> Adjustment:
    answer = send(client, *lines)
    assert answer.status_code == 302, text(answer)
    return Adjustment.objects.order_by("-pk")[0]


def do(client: Client, found: Adjustment, verb: str, reason: str = "checked") -> str:
    return text(client.post(f"{LIST}{found.pk}/{verb}/", {"reason": reason}, follow=True))


def state(found: Adjustment) -> str:
    found.refresh_from_db()
    return found.status


def adjusted() -> list[str]:
    return [
        str(amount)
        for amount in Player.objects.order_by("user_id").values_list("adjusted", flat=True)
    ]


def test_a_file_is_previewed_applied_and_undone(owner: Client, player: Make) -> None:
    for user_id in (1, 2):
        player(user_id)
    found = taken(owner, "1,12.50", "2,-3", "404,5")
    seen = text(owner.get(f"{LIST}{found.pk}/"))
    assert "3 rows, 2 will change, 1 skipped" in seen
    assert f"1 {row_checks.UNKNOWN} 404" in seen
    assert adjusted() == ["0.00", "0.00"]
    do(owner, found, "start")
    chunk_executor.run(found.pk)
    assert adjusted() == ["12.50", "-3.00"]
    assert "2 of 2 applied" in text(owner.get(f"{LIST}{found.pk}/"))
    do(owner, found, "invert", "a mistake")
    inverse = Adjustment.objects.get(inverse_of=found)
    do(owner, inverse, "start")
    chunk_executor.run(inverse.pk)
    assert adjusted() == ["0.00", "0.00"]
    assert f"adjustment {inverse.pk}" in text(owner.get(f"{LIST}{found.pk}/"))


def test_past_a_limit_another_owner_approves_with_a_reason(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    found = taken(owner, f"1,{MASS}")
    assert "a second person approves it first" in text(owner.get(f"{LIST}{found.pk}/"))
    assert "a second person must approve" in do(owner, found, "start")
    assert "a second person must decide" in do(owner, found, "approve")
    assert state(found) == "waiting"
    assert "This field is required" in do(deputy, found, "approve", reason="")
    assert state(found) == "waiting"
    assert f"Adjust 1 player, {MASS:+,}" in text(deputy.get("/admin/")).replace(".00", "")
    assert f"{LIST}{found.pk}/approve/" in deputy.get("/admin/?kind=adjustments").content.decode()
    assert (
        f"{LIST}{found.pk}/approve/" not in owner.get("/admin/?kind=adjustments").content.decode()
    )
    do(deputy, found, "approve")
    chunk_executor.run(found.pk)
    assert state(found) == "done"
    assert "dora" in text(owner.get(f"{LIST}{found.pk}/"))


def test_an_owner_approves_what_the_shell_asked_for(owner: Client, player: Make) -> None:
    player(1)
    shell = at_the_shell()
    made = file_previews.preview(
        [FileRow(1, 1, MASS * 100)], by=shell, reason="an event", now=timezone.now()
    )
    ADJUSTMENTS.start(made.pk, by=shell, now=timezone.now())
    do(owner, made, "approve")
    assert state(made) == "applying"


def test_the_requester_withdraws_and_another_rejects(
    owner: Client, deputy: Client, player: Make
) -> None:
    player(1)
    for client in (owner, deputy):
        found = taken(owner, f"1,{MASS}")
        do(owner, found, "start")
        assert "nobody was changed" in do(client, found, "reject")
        assert state(found) == "rejected"
    assert adjusted() == ["0.00"]


def test_every_line_that_is_wrong_is_named_with_its_fix(owner: Client, player: Make) -> None:
    player(1)
    seen = text(send(owner, "1,1.234", "x,5", "1,2", "1,3"))
    for told in (
        "line 2: amount: must have at most two decimals",
        "line 3: userId",
        "nothing was changed",
    ):
        assert told in seen
    assert "name it .csv or .jsonl" in text(send(owner, "1,5", name="prizes.xlsx"))
    assert "This field is required" in text(send(owner, "1,5", reason=""))
    assert not Adjustment.objects.exists()


def test_a_file_too_large_for_the_browser_says_what_takes_it(owner: Client) -> None:
    seen = text(send(owner, *["1,5"] * (LARGEST_FILE // 4 + 1)))
    assert "1,000,000 are the most here" in seen
    assert "manage.py adjust file" in seen


def test_sent_twice_it_is_one_adjustment(owner: Client, player: Make) -> None:
    player(1)
    token = str(uuid.uuid4())
    assert (
        send(owner, "1,5", token=token).headers["Location"]
        == send(owner, "1,5", token=token).headers["Location"]
    )
    assert Adjustment.objects.count() == 1


def test_its_rows_leave_as_csv(owner: Client, player: Make) -> None:
    player(1)
    found = taken(owner, "1,5", "404,5")
    answer = owner.get(f"{LIST}{found.pk}/rows.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert [(row["userId"], row["status"]) for row in rows] == [
        ("1", "pending"),
        ("404", "skipped"),
    ]


def test_the_list_narrows_by_status_and_pages(
    owner: Client, player: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    player(1)
    monkeypatch.setattr(pages, "SIZE", 2)
    made = [taken(owner, f"1,{amount}") for amount in (5, 6, 7)]
    do(owner, made[2], "reject")
    assert text(owner.get(f"{LIST}?status=rejected")).count("an event") == 1
    first = owner.get(LIST).content.decode()
    assert f"before={made[1].pk}" in first
    assert f"{LIST}{made[0].pk}/" in owner.get(f"{LIST}?before={made[1].pk}").content.decode()


def test_a_moderator_looks_at_none_and_settles_none(owner: Client, player: Make) -> None:
    player(1)
    found = taken(owner, f"1,{MASS}")
    do(owner, found, "start")
    major = client_as(player(2, rank="Tempest Major", points=5000))
    assert major.get(LIST).status_code == 403
    assert major.post(f"{LIST}{found.pk}/approve/", {"reason": "me"}).status_code == 403
    assert state(found) == "waiting"
    assert owner.get(f"{LIST}{found.pk}/burn/").status_code == 404
    assert Client().get(LIST).status_code == 302


def test_an_old_sign_in_is_asked_for_again(owner: Client, player: Make) -> None:
    player(1)
    found = taken(owner, "1,5")
    session = owner.session
    session[SIGNED_IN_AT] = 1.0
    session.save()
    answer = owner.post(f"{LIST}{found.pk}/start/")
    assert (answer.status_code, "/admin/sign-in/" in answer.headers["Location"]) == (302, True)
    assert state(found) == "preview"


def test_a_page_queries_as_often_for_one_row_as_for_many(owner: Client, player: Make) -> None:
    for user_id in range(1, 21):
        player(user_id)
    active()  # parsed once per process
    counts = []
    for user_ids in ([1], range(1, 21)):
        found = taken(owner, *(f"{user_id},5" for user_id in user_ids))
        with CaptureQueriesContext(connection) as asked:
            text(owner.get(f"{LIST}{found.pk}/"))
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 25
