"""An import through its pages: a file, the preview, a second person, and the undo."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from players.imports import name_resolution, runner
from players.models import Import, Player
from tests.console.conftest import Make
from tests.console.people import client_as, owner_client

pytestmark = pytest.mark.django_db
LIST = "/admin/imports/"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def sent(client: Client, *lines: str, **changes: Any) -> Any:
    file = SimpleUploadedFile("old.csv", "\n".join(lines).encode())
    body = {"file": file, "experience": "nexus", "reason": "we move in"} | changes
    return client.post(f"{LIST}new/file/", body)


def run() -> Import:
    runner.run_due()
    return Import.objects.latest("pk")


@pytest.fixture(autouse=True)
def no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_resolution.accounts, "by_id", lambda asked: {})
    monkeypatch.setattr(name_resolution.accounts, "by_name", lambda asked: {})


def test_a_second_person_approves_a_large_import(player: Make) -> None:
    for user_id in range(1, 31):
        player(user_id, points=0)
    mine, theirs = owner_client("olga"), owner_client("sven")
    rows = [f"{user_id},10" for user_id in range(1, 31)]
    answer = sent(mine, "userId,Gold,Notes", *rows, "x,1", columns="points=Gold")
    assert answer.status_code == 302, text(answer)
    job = run()
    page = text(mine.get(f"{LIST}{job.pk}/"))
    assert "31 rows, 30 change a player, 1 cannot be read" in page
    assert "line 32" in page
    assert "Ask for approval" in page
    mine.post(f"{LIST}{job.pk}/start/")
    theirs.post(f"{LIST}{job.pk}/approve/", {"reason": "checked"})
    assert (run().status, Player.objects.get(user_id=30).points) == ("done", 10)
    theirs.post(f"{LIST}{job.pk}/undo/", {"reason": "the wrong sheet"})
    back = run()
    assert (back.status, back.changing, back.inverse_of_id) == ("preview", 30, job.pk)
    assert f"import {job.pk}" in text(theirs.get(f"{LIST}{back.pk}/"))


def test_a_file_without_known_columns_is_refused(player: Make) -> None:
    page = text(sent(owner_client(), "Who,What", "1,2"))
    assert "Name a column userId or username" in page
    assert not Import.objects.exists()


def test_the_form_of_a_data_store_and_the_list(player: Make) -> None:
    client = owner_client()
    body = {"source": "store", "experience": "nexus", "store": "PlayerData", "scope": "global"}
    body |= {"key_form": "Player_{userId}", "reader": "auto", "divisor": "1", "reason": "old"}
    body |= {"fields_read": "points=Stats.Gold"}
    assert client.post(f"{LIST}new/store/", body).status_code == 302
    job = Import.objects.get()
    assert job.options["fields"] == {"points": "Stats.Gold"}
    assert "Data store for nexus" in text(client.get(LIST))
    client.post(f"{LIST}{job.pk}/reject/", {"reason": "the wrong one"})
    job.refresh_from_db()
    assert job.status == "rejected"


def test_pages_are_closed_to_people_without_the_right(player: Make) -> None:
    client = client_as(player(5))
    for path in ("", "new/file/"):
        assert client.get(f"{LIST}{path}").status_code in {302, 403}
