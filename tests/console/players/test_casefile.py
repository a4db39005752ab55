"""The case file of a player, through its pages."""

import datetime as dt
import re
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from players.discipline import notes, sanctions
from players.models import DailyPoints, LedgerEntry, Player
from players.moderation.actors import officer
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.privacy import erasure
from players.ranks import lock_ending, locks
from tests.console.conftest import Make
from tests.players.conftest import OWNER

NASTY = "<script>alert(1)</script>"


def seen(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.status_code
    return unescape(response.content.decode())


def test_the_head_says_where_a_player_stands(owner: Client, player: Make) -> None:
    player(1)
    now = timezone.now()
    sanctions.warn(1, Command(by=OWNER, reason="insulted somebody", now=now))
    text = seen(owner, "/admin/players/1/")
    assert "player_1" in text
    assert "Storm Corporal I" in text
    assert "1 of 4 warnings" in text
    assert "200.00 points" in text  # to Storm Corporal II, which needs 1,000
    sanctions.suspend(
        1, Command(by=OWNER, reason="again", now=now), until=now + dt.timedelta(days=2)
    )
    text = seen(owner, "/admin/players/1/")
    assert "suspended until" in text
    assert "then Storm Corporal I again" in text


def test_locks_and_denied_ranks_are_shown_and_stay(owner: Client, player: Make) -> None:
    player(1)
    now = timezone.now()
    end = now + dt.timedelta(days=2)
    locks.lock_promotions(1, end, Command(by=OWNER, reason=f"left {NASTY}", now=now))
    denied = "Storm Corporal II"
    locks.deny_rank(1, denied, Command(by=OWNER, reason=f"sold {NASTY}", now=now))
    raw = owner.get("/admin/players/1/").content.decode()
    assert "<script>alert" not in raw
    head = re.sub("</?time[^>]*>", "", unescape(raw).split("<ol", 1)[0])
    assert f"Promotions are locked until {end:%Y-%m-%d %H:%M} UTC" in " ".join(head.split())
    assert f"Denied the rank <bdi>{denied}</bdi> without an end" in " ".join(head.split())
    assert f"left {NASTY}" in head
    assert f"sold {NASTY}" in head
    assert ", unlocked promotions." in " ".join(head.split())  # what the next rank lacks
    lock_ending.end_due(end)
    locks.allow_rank(1, denied, Command(by=OWNER, reason="made up for it", now=now))
    head, timeline = seen(owner, "/admin/players/1/").split("<ol", 1)
    assert "are locked" not in head
    assert "Denied the rank" not in head
    for reason in (f"left {NASTY}", "the time is over", f"sold {NASTY}", "made up for it"):
        assert reason in timeline


def test_everything_is_on_one_timeline(owner: Client, player: Make) -> None:
    one = player(1)
    now = timezone.now()
    sanctions.warn(
        1, Command(by=OWNER, reason=f"said {NASTY}", now=now), evidence=["https://example.com/clip"]
    )
    notes.write(1, f"watch {NASTY}", Command(by=OWNER, now=now))
    adjustments.adjust(1, 250, Command(by=OWNER, reason="lost a save", now=now))
    yesterday = now.date() - dt.timedelta(days=1)
    DailyPoints.objects.create(player=one, origin="nexus", day=yesterday, awarded=12, events=3)
    response = owner.get("/admin/players/1/")
    raw = response.content.decode()
    assert "<script>alert" not in raw
    text = unescape(raw)
    places = [
        text.index(part) for part in ("lost a save", f"watch {NASTY}", f"said {NASTY}", "Earned 12")
    ]
    assert places == sorted(places)
    assert "https://example.com/clip" in text
    assert "Earned 12" not in seen(owner, "/admin/players/1/?show=discipline")
    assert "lost a save" not in seen(owner, "/admin/players/1/?show=ledger")


def test_the_timeline_continues_without_losing_an_entry(owner: Client, player: Make) -> None:
    player(1)
    for number in range(70):
        notes.write(1, f"number {number:03}", Command(by=OWNER, now=timezone.now()))
    found, address = [], "/admin/players/1/"
    while address:
        text = seen(owner, address)
        found += [number for number in range(70) if f"number {number:03}" in text]
        older = (
            text.partition('">Older</a>')[0].rpartition('href="')[2]
            if '">Older</a>' in text
            else ""
        )
        address = f"/admin/players/1/{older}" if older else ""
    assert found != sorted(found)
    assert sorted(found) == list(range(70))


def test_a_long_history_costs_the_queries_of_a_short_one(owner: Client, player: Make) -> None:
    player(1)
    now = timezone.now()
    notes.write(1, "first", Command(by=OWNER, now=now))
    sanctions.warn(1, Command(by=OWNER, reason="insulted somebody", now=now))
    owner.get("/admin/players/1/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        owner.get("/admin/players/1/")
    for number in range(60):
        notes.write(1, f"number {number}", Command(by=OWNER, now=now))
        adjustments.adjust(1, 100, Command(by=OWNER, reason="well done", now=now))
    with CaptureQueriesContext(connection) as many:
        owner.get("/admin/players/1/")
    assert len(many) <= len(few)
    assert len(many) <= 41


def test_explain_shows_rules_parts_caps_and_rows(owner: Client, player: Make) -> None:
    one = player(1, points=800, days=2)
    major = player(2, rank="Tempest Major", points=4600)
    recommendations.recommend(
        1, Command(by=officer(major.user_id), reason="led well", now=timezone.now())
    )
    DailyPoints.objects.create(
        player=one, origin="nexus", day=timezone.now().date(), awarded=500, events=30
    )
    text = seen(owner, "/admin/players/1/explain/")
    assert "Storm Corporal I to Storm Corporal II" in text
    assert "810.00" in text
    assert "full" in text
    assert "player_2" in text
    assert LedgerEntry.objects.get(player=one).type == "recommendation"
    assert "recommendation" in text


def test_nobody_and_erased_people_have_pages_that_say_so(owner: Client, player: Make) -> None:
    player(1)
    assert owner.get("/admin/players/77/").status_code == 404
    erasure.erase(1, by=OWNER, reason="an order", now=timezone.now())
    assert owner.get("/admin/players/1/").status_code == 404
    pseudonym = Player.objects.get().user_id
    assert pseudonym < 0


def test_whoever_is_not_signed_in_sees_nothing(client: Client, player: Make) -> None:
    player(1)
    for address in (
        "/admin/players/1/",
        "/admin/players/1/explain/",
        "/admin/acts/warn/1/",
        "/admin/approvals/",
    ):
        response = client.get(address)
        assert response.status_code == 302
        assert "player_1" not in response.content.decode()
