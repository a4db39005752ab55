"""The work queue on the home page: waiting work, who works on it, and its number of queries."""

import datetime as dt
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits.actions import Action
from audits.chain.sealing import seal_pending
from audits.models import AuditEvent
from audits.record import Actor, Target, record
from common.errors import Refused
from console.queue import views as queue
from players import daily_figures
from players.discipline import sanctions
from players.models import DailyFigure, DailyPoints, Decision, GuardTrip, Player
from players.moderation import assignments
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.ranks import decisions
from roblox import keys
from roblox.models import Experience
from syncs.models import Drift, Mirror
from tests.conftest import TESTER
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role
from tests.players.conftest import OWNER
from webhooks.endpoints import services
from webhooks.endpoints.validation import EndpointInput
from webhooks.models import WebhookEndpoint

OLGA = Staff(Actor("staff", "1", "Olga", "player:1"), rank=None)
SVEN = Staff(Actor("staff", "2", "Sven", "player:2"), rank=None)


def seen(client: Client, address: str = "/admin/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_everything_that_waits_is_on_home(owner: Client, player: Make) -> None:
    one = player(1)
    now = timezone.now()
    decisions.propose(1, "Captain II", Command(by=OLGA, reason="does the work", now=now))
    sanctions.ban(1, Command(by=OLGA, reason="exploits", now=now))
    nexus = Experience.objects.get(key="nexus")
    Drift.objects.create(aspect="role", subject="1", player=one, detail="another role there")
    Mirror.objects.create(
        player=one, aspect="role", desired={}, status="parked", reason="No such role in the group."
    )
    keys.create(nexus, actor=TESTER, expires_at=now + dt.timedelta(days=3))
    GuardTrip.objects.create(person="player:9", name="Rogue", tripped_at=now)
    text = seen(owner)
    for words in (
        "player_1: Storm Corporal I to Captain II",
        "Ban player_1 for good",
        "another role there",
        "No such role in the group.",
        "A key of Nexus ends",
        "Rogue acted very often",
    ):
        assert words in text, words
    assert "another role there" not in seen(owner, "/admin/?kind=decisions")


def test_a_moderator_sees_what_their_rank_is_about_and_no_more(player: Make) -> None:
    one = player(1)
    Drift.objects.create(aspect="role", subject="1", player=one, detail="another role there")
    moderator = client_as(player(2, rank="Tempest Major"))
    text = seen(moderator)
    assert "another role there" not in text
    assert "Differences" not in text
    assert "Ranks" in text
    assert "Ranks" not in seen(client_with_role(player(3), "integrator"))


def test_several_proposals_are_decided_together(owner: Client, player: Make) -> None:
    for number in range(1, 4):
        player(number)
        decisions.propose(
            number, "Captain II", Command(by=OLGA, reason="does the work", now=timezone.now())
        )
    first, second, third = Decision.objects.order_by("pk")
    decisions.reject(third.pk, by=SVEN, reason="not yet", now=timezone.now())
    picked = {
        "pick": [first.pk, second.pk, third.pk],
        "verb": "approve",
        "approve_reason": "Checked and agreed",
        "reject_reason": "Wrong person",
    }
    text = unescape(owner.post("/admin/queue/act/", picked, follow=True).content.decode())
    assert "2 of 3 are decided" in text
    assert f"Proposal {third.pk}: The decision is rejected already" in text
    ranks = Player.objects.order_by("user_id").values_list("rank__name", flat=True)
    assert list(ranks) == ["Captain II", "Captain II", "Storm Corporal I"]


def test_a_filter_that_leaves_nothing_shows_the_next_page(
    owner: Client, player: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SIZE", 1)
    for number in (1, 2):
        player(number)
        decisions.propose(
            number, "Captain II", Command(by=OLGA, reason="does the work", now=timezone.now())
        )
    first = Decision.objects.order_by("pk")[0]
    for only in ("old", "mine"):
        text = seen(owner, f"/admin/?kind=decisions&{only}=1")
        assert "does the work" not in text
        assert f"after={first.pk}&{only}=1" in text


def test_one_person_at_a_time_works_on_an_item(bootstrapped: None) -> None:
    now = timezone.now()
    assignments.claim("appeal", "5", by=OLGA, now=now)
    assignments.claim("appeal", "5", by=OLGA, now=now)  # claiming again extends the claim
    with pytest.raises(Refused, match="Olga claimed it"):
        assignments.claim("appeal", "5", by=SVEN, now=now + dt.timedelta(minutes=29))
    assignments.claim("appeal", "5", by=SVEN, now=now + dt.timedelta(minutes=31))
    with pytest.raises(Refused, match="do not hold"):
        assignments.release("appeal", "5", by=OLGA)
    assignments.release("appeal", "5", by=SVEN)
    assert assignments.held("appeal", ["5"], now) == {}


def test_taking_an_item_shows_it_to_the_others(owner: Client, deputy: Client, player: Make) -> None:
    player(1)
    decisions.propose(1, "Captain II", Command(by=OLGA, reason="does the work", now=timezone.now()))
    pk = Decision.objects.get().pk
    owner.post(f"/admin/queue/take/decisions/{pk}/")
    assert "olga claimed it" in seen(deputy)
    assert "Release" in seen(owner)
    assert "claimed it" in unescape(
        deputy.post(f"/admin/queue/take/decisions/{pk}/", follow=True).content.decode()
    )


def mismatch(one: Player) -> int:
    from django.db import transaction

    with transaction.atomic():
        target = Target("player", str(one.pk), one.username, one.subject)
        return record(
            Action.POINTS_MISMATCH,
            actor=Actor("experience", "nexus", "nexus"),
            target=target,
            details={"law": "award"},
            experience="nexus",
        )


def test_mismatches_leave_the_queue_once_they_were_seen(owner: Client, player: Make) -> None:
    one = player(1)
    first, second = mismatch(one), mismatch(one)
    assert seen(owner, "/admin/?kind=mismatches").count("data-open") == 2
    owner.post(f"/admin/queue/seen/mismatches/{first}/")
    assert seen(owner, "/admin/?kind=mismatches").count("data-open") == 1
    owner.post(f"/admin/queue/seen/mismatches/{second}/")
    assert "Nothing waits here" in seen(owner, "/admin/?kind=mismatches")


def test_the_policy_is_reviewed_each_quarter(
    owner: Client, monkeypatch: pytest.MonkeyPatch, bootstrapped: None
) -> None:
    assert "to be reviewed" not in seen(owner)
    from console.queue import operations

    monkeypatch.setattr(operations, "REVIEW_AHEAD", dt.timedelta(days=92))
    assert "to be reviewed" in seen(owner)
    monkeypatch.undo()
    owner.post("/admin/policy/review/", {"reason": "looked at caps and thresholds"})
    assert AuditEvent.objects.filter(action="policy.reviewed").exists()


def test_an_owner_lets_somebody_act_again(owner: Client, player: Make) -> None:
    trip = GuardTrip.objects.create(person="player:9", name="Rogue", tripped_at=timezone.now())
    owner.post(f"/admin/queue/guard/{trip.pk}/", {"reason": "a raid, all of them were right"})
    trip.refresh_from_db()
    assert trip.ended_at is not None
    assert AuditEvent.objects.filter(action="guard.released").exists()


def test_figures_are_counted_once(player: Make) -> None:
    one, now = player(1), timezone.now()
    DailyPoints.objects.create(player=one, origin="nexus", day=now.date(), awarded=120, events=9)
    sanctions.warn(1, Command(by=OWNER, reason="insulted somebody", now=now))
    while seal_pending():
        pass
    for _ in range(2):
        daily_figures.take_down(now)
    found = {
        (row.what, row.label): int(row.value) for row in DailyFigure.objects.filter(day=now.date())
    }
    assert found[("points", "nexus")] == 120
    assert found[("players", "nexus")] == 1
    assert found[("warnings", "")] == 1


def test_charts_say_their_figures_in_words_and_tables(owner: Client, player: Make) -> None:
    now = timezone.now()
    nasty = "<b>x</b>"
    DailyFigure.objects.create(day=now.date(), what="points", label=nasty, value=321)
    raw = owner.get("/admin/").content.decode()
    assert nasty not in raw
    assert "Points a day: 321" in unescape(raw)
    assert "As a table" in raw
    assert "style=" not in raw.partition("<main")[2]


def test_troubled_endpoints_come_first_with_their_last_day(owner: Client, player: Make) -> None:
    for name in ("portal", "archive"):
        wanted = EndpointInput(
            name=name, kind="standard", address="https://hooks.example.com/x", events=["*"]
        )
        services.create(wanted, actor=TESTER)
    WebhookEndpoint.objects.filter(name="portal").update(failing_since=timezone.now())
    text = seen(owner)
    card = text[text.index("Deliveries, last 24 hours") :]
    assert card.index("portal") < card.index("archive")
    assert "failing" in card
    assert "nothing was sent" in card
    moderator = client_as(player(3, rank="Tempest Major", points=20_000))
    assert "Deliveries, last 24 hours" not in seen(moderator)


def test_home_costs_the_same_with_many_rows_as_with_few(owner: Client, player: Make) -> None:
    player(1)
    wanted = EndpointInput(
        name="portal", kind="standard", address="https://hooks.example.com/x", events=["*"]
    )
    services.create(wanted, actor=TESTER)
    decisions.propose(1, "Captain II", Command(by=OLGA, reason="does the work", now=timezone.now()))
    owner.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        owner.get("/admin/")
    for number in range(2, 60):
        player(number)
        decisions.propose(
            number, "Captain II", Command(by=OLGA, reason="does the work", now=timezone.now())
        )
        sanctions.ban(
            number,
            Command(by=OLGA, reason="exploits", now=timezone.now(), counts_toward_limit=False),
        )
    with CaptureQueriesContext(connection) as many:
        text = seen(owner)
    assert "58" in text
    assert len(many) <= len(few) + 2  # the claims of one more kind, and the approvals' players
    assert len(many) <= 33  # one query for each kind of work, and those of the page's frame
