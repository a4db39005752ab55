"""The frame of every page of the console, and its headers."""

import pytest
from django.contrib import admin
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.urls import reverse
from django.utils import timezone

from common import admin as common_admin
from console.templatetags.console import undo
from players.models import LedgerEntry, Player, Rank
from tests.console.staff import owner_client, plain_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]


def test_the_navigation_leads_to_what_one_may_open() -> None:
    mine = owner_client().get("/admin/").content.decode()
    theirs = plain_client().get("/admin/").content.decode()
    assert 'href="/admin/players/"' in mine
    assert 'href="/admin/players/"' not in theirs


def test_the_present_page_is_marked() -> None:
    page = owner_client().get("/admin/players/").content.decode()
    assert page.count('aria-current="page"') == 2  # in the wide and the folded menu


def test_it_is_told_who_is_signed_in_and_how_to_leave() -> None:
    page = owner_client("olga").get("/admin/").content.decode()
    assert "olga" in page
    assert "Sign out" in page


def test_console_pages_use_no_device_and_share_no_window() -> None:
    answer = owner_client().get("/admin/players/")
    assert "camera=()" in answer["Permissions-Policy"]
    assert "geolocation=()" in answer["Permissions-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "'unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("tags", "address"),
    [
        ("undo:/admin/revert/5/", "/admin/revert/5/"),
        ("", ""),
        ("undo:javascript:alert(1)", ""),
        ("undo://evil.example/", ""),
    ],
)
def test_only_an_address_of_ours_is_offered_as_undo(tags: str, address: str) -> None:
    assert undo(Message(constants.SUCCESS, "done", extra_tags=tags)) == address


@pytest.mark.parametrize(
    "name",
    [
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        for model in admin.site._registry
    ],
)
def test_every_list_of_the_admin_opens_and_finds(name: str) -> None:
    client = owner_client()
    for query in ("", "?q=12", "?q=nobody", "?p=999999", "?p=x"):
        assert client.get(reverse(name) + query).status_code in {200, 302}, query


def make_ledger(count: int) -> Player:
    now = timezone.now()
    rank = Rank.objects.get(name="Initiate")
    player = Player.objects.create(
        user_id=7, username="Nia", rank=rank, rank_since=now, named_at=now
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            player=player,
            origin="nexus",
            session=1,
            sequence=number,
            type="ko",
            awarded=1,
            total=number,
            occurred_at=now,
            batch=1,
        )
        for number in range(1, count + 1)
    )
    return player


def sequences(page: str) -> list[int]:
    return [int(part.split("<")[0]) for part in page.split('class="field-sequence">')[1:]]


def test_a_list_of_the_admin_goes_on_behind_its_last_row() -> None:
    make_ledger(120)
    client, address, seen = owner_client(), reverse("admin:players_ledgerentry_changelist"), []
    query = ""
    while True:
        page = client.get(address + query).content.decode()
        seen += sequences(page)
        if 'rel="next"' not in page:
            break
        query = (
            page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        )
    assert seen == list(range(120, 0, -1))


def test_a_filter_without_an_index_says_how_far_it_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common_admin, "LOOKED", 60)
    make_ledger(120)
    page = (
        owner_client()
        .get(reverse("admin:players_ledgerentry_changelist") + "?sequence=30")
        .content.decode()
    )
    assert sequences(page) == []
    assert "Look further" in page


def test_a_search_by_user_id_finds_the_oldest_rows() -> None:
    make_ledger(3)
    page = (
        owner_client()
        .get(reverse("admin:players_ledgerentry_changelist") + "?q=7")
        .content.decode()
    )
    assert sequences(page) == [3, 2, 1]
