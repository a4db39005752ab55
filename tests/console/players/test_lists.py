"""The list of players: every player is found, one page at a time."""

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.models import SavedFilter
from console.players import queries
from players.discipline import sanctions
from players.models import ActiveDay, LedgerEntry, Player, Rank
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from tests.console.staff import owner_client, plain_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]


def player(user_id: int, name: str, rank: str = "Initiate", points: int = 0, **more: Any) -> Player:
    held, now = Rank.objects.get(name=rank), timezone.now()
    made: Player = Player.objects.create(
        user_id=user_id,
        username=name,
        rank=held,
        rank_since=now,
        named_at=now,
        adjusted=points,
        **more,
    )
    return made


@pytest.fixture
def client() -> Client:
    return owner_client()


def names(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/admin/players/?{query}")
    assert page.status_code == 200
    return re.findall(r"data-open><bdi>([^<]+)<", page.content.decode())


def link(client: Client, query: str, rel: str) -> str:
    """Return the query string of the Next or Previous link; empty without such a link."""
    page = client.get(f"/admin/players/?{query}").content.decode()
    found = re.search(rf'href="\?([^"]*)" rel="{rel}"', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_it_lists_the_most_points_first(client: Client) -> None:
    player(1, "low", points=5)
    player(2, "high", points=50)
    assert names(client) == ["high", "low"]


def test_it_walks_all_players_forth_and_back_without_losing_one(client: Client) -> None:
    for number in range(120):
        player(number + 1, f"p{number:03}", points=number % 7)
    query, seen, pages = "", [], [""]
    while query := link(client, query, "next"):
        pages.append(query)
    for one in pages:
        seen += names(client, one)
    assert len(pages) == 3
    assert len(seen) == len(set(seen)) == 120
    assert names(client, link(client, pages[2], "prev")) == names(client, pages[1])
    assert names(client, link(client, pages[1], "prev")) == names(client, pages[0])


@pytest.mark.parametrize("query", ["rank={rank}", "level=LR", "order=name", "q=p", "state=hidden"])
def test_every_filter_pages_through_the_same_players(client: Client, query: str) -> None:
    rank = Rank.objects.get(name="Shock Trooper I")
    for number in range(70):
        player(number + 1, f"p{number:03}", rank="Shock Trooper I", points=number, listed=False)
    query = query.format(rank=rank.pk)
    first, second = names(client, query), names(client, link(client, query, "next"))
    assert (len(first), len(second)) == (50, 20)
    assert not set(first) & set(second)
    assert names(client, link(client, link(client, query, "next"), "prev")) == first


def test_a_name_is_found_by_how_it_begins_whatever_its_case(client: Client) -> None:
    player(1, "AnnaBell")
    player(2, "hannah")
    assert names(client, "q=anNA") == ["AnnaBell"]


def test_wildcards_in_a_name_are_letters(client: Client) -> None:
    player(1, "a_b")
    player(2, "axb")
    assert names(client, "q=a_") == ["a_b"]
    assert names(client, "q=%25") == []


def test_a_user_id_finds_the_player_and_names(client: Client) -> None:
    player(77, "zoe")
    player(1, "77th")
    assert names(client, "q=77") == ["zoe", "77th"]


def test_staff_find_whom_public_lists_leave_out(client: Client) -> None:
    player(1, "hidden", listed=False)
    assert names(client, "q=hid") == ["hidden"]


def test_states_are_found_and_said(client: Client) -> None:
    now = timezone.now()
    for number, name in enumerate(("plain", "warned", "suspended"), 1):
        player(number, name)
    told = {"by": at_the_shell(), "reason": "spam", "now": now}
    sanctions.warn(2, Command(**told))
    sanctions.suspend(3, Command(**told), until=now + dt.timedelta(days=3))
    assert names(client, "state=warned") == ["warned"]
    assert names(client, "state=suspended") == ["suspended"]
    assert "Suspended" in client.get("/admin/players/?state=suspended").content.decode()


def test_a_page_without_an_index_looks_at_so_many_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LOOKED", 60)
    for number in range(100):
        player(number + 1, f"p{number:03}", points=1000 - number)
    player(500, "last", points=1, listed=False)
    page = client.get("/admin/players/?state=hidden").content.decode()
    assert "Look further" in page
    assert "60 players were looked through" in page
    assert names(client, link(client, "state=hidden", "next")) == ["last"]


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=1.x",
        "after=1.NaN",
        "before=99999999999999999999.1",
        "rank=-1",
        "rank=x",
        "state=odd",
        "q=%00",
    ],
)
def test_nonsense_in_the_address_is_the_first_page(client: Client, query: str) -> None:
    player(1, "one")
    assert client.get(f"/admin/players/?{query}").status_code == 200


def test_the_page_queries_as_often_for_one_as_for_fifty(client: Client) -> None:
    player(1, "one")
    with CaptureQueriesContext(
        connection,
    ) as few:
        names(client)
    for number in range(2, 60):
        player(number, f"p{number}")
    with CaptureQueriesContext(connection) as many:
        names(client)
    assert len(many) == len(few) <= 25


def test_nobody_without_the_right_sees_the_list() -> None:
    assert plain_client().get("/admin/players/").status_code == 403
    assert Client().get("/admin/players/").status_code == 302


def test_a_bulk_act_gets_all_that_match_up_to_a_bound() -> None:
    for number in range(30):
        player(number + 1, f"p{number:02}")
    assert queries.matching("q=p1") == (list(range(11, 21)), False)
    ids, more = queries.matching("q=p", limit=7)
    assert (len(ids), more) == (7, True)


def test_a_filter_is_saved_under_a_name_replaced_and_deleted(client: Client) -> None:
    client.post("/admin/filters/players/", {"name": "my  list", "query": "q=ann"})
    client.post("/admin/filters/players/", {"name": "my list", "query": "level=LR&state=warned"})
    (kept,) = SavedFilter.objects.all()
    assert (kept.name, kept.query) == ("my list", "level=LR&state=warned")
    assert "?level=LR&amp;state=warned" in client.get("/admin/players/").content.decode()
    owner_client("other").post(f"/admin/filters/players/{kept.pk}/delete/")
    assert SavedFilter.objects.count() == 1
    client.post(f"/admin/filters/players/{kept.pk}/delete/")
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("name", "query", "told"),
    [("", "q=a", "name:"), ("x" * 61, "q=a", "name:"), ("x", "", "query:")],
)
def test_an_invalid_filter_is_answered_with_advice(
    client: Client, name: str, query: str, told: str
) -> None:
    page = client.post("/admin/filters/players/", {"name": name, "query": query}, follow=True)
    assert told in page.content.decode()
    assert not SavedFilter.objects.exists()


def renamed(user_id: int, former: str, present: str) -> Player:
    made = player(user_id, former)
    Player.objects.filter(pk=made.pk).update(username=present)
    return made


def test_a_former_username_finds_its_player_and_says_so(client: Client) -> None:
    renamed(1, "OldNia", "Nova")
    player(2, "oldham")
    page = client.get("/admin/players/?q=oldn").content.decode()
    assert re.findall(r"data-open><bdi>([^<]+)<", page) == ["Nova"]
    assert "formerly OldNia" in page
    assert names(client, "q=old") == ["Nova", "oldham"]
    assert queries.matching("q=oldn") == ([1], False)


def test_a_former_username_finds_the_player_everywhere(client: Client, api_key: str) -> None:
    renamed(1, "OldNia", "Nova")
    assert "Nova" in client.get("/admin/palette/?q=oldnia").content.decode()
    sanctions.warn(1, Command(by=at_the_shell(), reason="spam", now=timezone.now()))
    assert "warned" in client.get("/admin/audit/?target=oldnia").content.decode().lower()
    game = Client(headers={"x-grps-api-key": api_key})
    assert [
        one["username"] for one in game.get("/roblox/players?search=oldn").json()["players"]
    ] == ["Nova"]


def test_a_name_that_changed_hands_finds_both_players(
    client: Client,
) -> None:
    renamed(1, "Nia", "Nova")
    player(2, "Nia")
    assert sorted(names(client, "q=nia")) == ["Nia", "Nova"]
    public = Client().get("/players?search=nia").json()["players"]
    assert [one["userId"] for one in public] == [2, 1]  # the present holder first


def test_an_unset_moment_is_never_and_activity_is_seen(client: Client) -> None:
    """A player whom a game never named has no moment of being named: its column says 1970."""
    player(1, "silent")
    active, now = player(2, "active"), timezone.now()
    Player.objects.update(named_at=dt.datetime(1970, 1, 1, tzinfo=dt.UTC))
    LedgerEntry.objects.create(
        player=active,
        origin="nexus",
        session=5,
        sequence=1,
        type="ko",
        awarded=1,
        total=1,
        occurred_at=now - dt.timedelta(days=3),
        batch=1,
    )
    page = client.get("/admin/players/").content.decode()
    assert "years" not in page
    assert "3 days ago" in page
    assert "never" in page
    ActiveDay.objects.create(player=active, day=now.date(), origin="nexus", minutes=9)
    case = client.get("/admin/players/2/").content.decode()
    assert "years" not in case
    assert "today" in case
