"""An experience's bounds limit what a stolen key can do: a key does not prove the officer."""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent, AuditPersonal
from players.models import (
    Approval,
    BroughtDay,
    Decision,
    Note,
    Player,
    Rank,
    RankRestriction,
    Recommendation,
    Sanction,
)
from players.policy.bounds import DEFAULTS, Bounds, Differing, Kind
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER, events
from tests.console.people import client_as, owner_client
from tests.players.discipline.conftest import ADMIRAL, COMMAND, MARSHAL, make, player

IMPERATOR, COUNCIL, GENERAL, MANY = 905, 906, 907, 2000
AGREE = {"verb": "approve", "words": "agreed"}


@pytest.fixture
def game(people: object, api_key: str) -> Client:
    make(IMPERATOR, "Imperator")
    make(COUNCIL, "Supreme Council")
    make(GENERAL, "Brigadier General")
    return Client(headers={"x-grps-api-key": api_key})


def brings(game: Client, kind: str, user_id: int = 1, by: int = IMPERATOR, **changes: Any) -> Any:
    """Send a command as the game. Returns the response."""
    body = {
        "id": uuid.uuid4().hex,
        "actorUserId": by,
        "userId": user_id,
        "kind": kind,
        "reason": "seen in game",
    }
    body |= {"occurredAt": timezone.now().isoformat()} | changes
    answer = game.post("/roblox/sanctions", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def bounded(settings: Any, **bounds: Any) -> None:
    """Set these bounds of nexus in the configuration, as agreed by two owners."""
    configured = Bounds(**bounds)
    _configure(settings, configured)
    Experience.objects.filter(key="nexus").update(bounds=msgspec.to_builtins(configured.terms))


def _configure(settings: Any, configured: Bounds) -> None:
    changed = [
        msgspec.structs.replace(one, bounds=configured) if one.key == "nexus" else one
        for one in settings.INTEGRATIONS.experiences
    ]
    settings.INTEGRATIONS = msgspec.structs.replace(
        settings.INTEGRATIONS, experiences=tuple(changed)
    )


def decide(client: Client, verb: str = "approve", approval: Approval | None = None) -> str:
    """Decide on a request in the console, the only one by default. Returns the page."""
    pk = (approval or Approval.objects.get()).pk
    answer = client.post(
        f"/admin/approvals/{pk}/", {"verb": verb, "words": "I looked"}, follow=True
    )
    return str(answer.content.decode())


def seen(client: Client) -> str:
    """Return the page of the only request."""
    return str(client.get(f"/admin/approvals/{Approval.objects.get().pk}/").content.decode())


def test_nine_billion_points_in_an_imperators_name_wait(game: Client) -> None:
    answer = brings(game, "adjust", amount=9_000_000_000)
    assert (answer["status"], player().adjusted) == ("held", 0)
    assert "It was not me" in seen(client_as(player(IMPERATOR)))
    decide(client_as(player(IMPERATOR)))
    assert (player().adjusted, Approval.objects.get().status) == (
        0,
        "waiting",
    )  # above 1,000 points two people must agree
    decide(client_as(player(COUNCIL)))
    assert player().adjusted == 9_000_000_000


def test_only_an_imperator_suspends_a_supreme_council(game: Client) -> None:
    answer = brings(game, "suspend", COUNCIL)
    assert (answer["status"], player(COUNCIL).rank.name) == ("held", "Supreme Council")
    assert "below CMD" in answer["detail"]
    assert "console" in answer["detail"]
    imperator = client_as(player(IMPERATOR))
    assert "You are named as who did this" in imperator.get("/admin/").content.decode()
    decide(imperator)
    assert player(COUNCIL).rank.is_punishment
    suspension = Sanction.objects.get()
    assert (suspension.source, suspension.issued_by) == ("game", f"staff:{player(IMPERATOR).pk}")
    approved = Approval.objects.get()
    assert (approved.cause, approved.decided_by, approved.experience) == (
        "experience",
        approved.requested_by,
        "nexus",
    )


def test_within_the_bounds_an_act_is_done_at_once(game: Client) -> None:
    assert brings(game, "adjust", amount=500)["status"] == "applied"
    assert brings(game, "warn")["status"] == "applied"
    assert player().adjusted == 500
    assert AuditEvent.objects.get(action="points.adjusted").experience == "nexus"
    assert not Approval.objects.exists()


@pytest.mark.parametrize("amount", [500.01, -500.01])
def test_more_points_than_an_act_may_move_wait(game: Client, amount: float) -> None:
    answer = brings(game, "adjust", amount=amount)
    assert (answer["status"], player().adjusted) == ("held", 0)
    assert "500 points an act" in answer["detail"]
    decide(client_as(player(IMPERATOR)))
    assert float(player().adjusted) == amount


def test_too_many_points_in_a_day_wait_whatever_their_signs(
    game: Client,
) -> None:
    for number, by in enumerate((IMPERATOR, COUNCIL, COMMAND, IMPERATOR, COUNCIL)):
        assert (
            brings(game, "adjust", by=by, amount=500 if number % 2 else -500)["status"] == "applied"
        )
    for act in ({"kind": "adjust", "amount": 1}, {"kind": "award", "event": "training"}):
        answer = brings(game, by=COMMAND, **act)
        assert answer["status"] == "held"
        assert "2,500 points a day" in answer["detail"]
    assert player().adjusted == -500


def test_an_event_past_the_bounds_waits_as_an_adjustment(game: Client, settings: Any) -> None:
    bounded(settings, points_per_act=10)
    assert brings(game, "award", event="training")["status"] == "held"
    assert "seen in game" in seen(client_as(player(IMPERATOR)))
    decide(client_as(player(IMPERATOR)))
    assert player().adjusted == 15
    answer = brings(game, "award", 987_654, event="training")
    assert (answer["status"], "Nothing is known of them yet" in answer["detail"]) == (
        "refused",
        True,
    )


def crowd(count: int) -> list[int]:
    for number in range(count):
        make(MANY + number, "Initiate")
    return [MANY + number for number in range(count)]


def test_the_21st_person_of_a_day_waits(game: Client) -> None:
    many = crowd(21)
    for number, user_id in enumerate(many[:20]):
        by = (IMPERATOR, COUNCIL)[number % 2]
        assert brings(game, ("warn", "note")[number % 2], user_id, by=by)["status"] == "applied"
    answer = brings(game, "suspend", many[20], by=COMMAND)
    assert (answer["status"], player(many[20]).rank.name) == ("held", "Initiate")
    assert "20 people a day" in answer["detail"]
    assert brings(game, "note", many[0], by=COMMAND)["status"] == "applied"  # one of the twenty
    assert BroughtDay.objects.get().people == 20


@pytest.mark.django_db(transaction=True)
def test_racing_commands_stay_within_the_daily_limits(game: Client, settings: Any) -> None:
    bounded(settings, people_per_day=3, points_per_day=250)
    many = crowd(8)
    officers = [IMPERATOR, COUNCIL, COMMAND, IMPERATOR, COUNCIL, COMMAND, IMPERATOR, COUNCIL]
    pairs = zip(many, officers, strict=True)
    said = at_once(
        [lambda whom=whom, by=by: brings(game, "note", whom, by=by) for whom, by in pairs]
    )
    assert sorted(one["status"] for one in said) == ["applied"] * 3 + ["held"] * 5
    known = BroughtDay.objects.get().whom.values_list("player__user_id", flat=True)[0]
    said = at_once(
        [lambda by=by: brings(game, "adjust", known, by=by, amount=100) for by in officers]
    )
    assert sorted(one["status"] for one in said) == ["applied"] * 2 + ["held"] * 6
    assert player(known).adjusted == 200


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make all calls at the same time, each over its own database connection."""
    barrier, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        try:
            barrier.wait(60)
            found[place] = calls[place]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def prepared(kind: str) -> dict[str, Any]:
    """Prepare the player so that the act makes sense. Returns the act's further fields."""
    one = player()
    if kind in {"pardon", "lift", "unban"}:
        sanction = {"pardon": "warning", "lift": "suspension", "unban": "ban"}[kind]
        Sanction.objects.create(
            player=one,
            kind=sanction,
            source="staff",
            reason="x",
            issued_by="staff:0",
            starts_at=timezone.now(),
        )
    if kind == "lift":
        rank = Rank.objects.get(name="Suspended")
        Player.objects.filter(pk=one.pk).update(
            rank=rank, former_rank=one.rank, former_rank_since=one.rank_since
        )
    if kind == "unban":
        Player.objects.filter(pk=one.pk).update(banned=True)
    return {
        "adjust": {"amount": 5},
        "award": {"event": "training"},
        "propose": {"rank": "Captain II"},
    }.get(kind, {})


# The act by which a game asks for what a kind of bound limits, where its name differs.
ASKED_AS = {"lock": "lock-promotions"}


def traces() -> dict[str, Any]:
    """Return all data that an act may change."""
    one = player()
    return {
        "player": (one.rank_id, one.banned, one.adjusted),
        "sanctions": list(Sanction.objects.order_by("pk").values_list("pk", "lifted_at")),
        "notes": list(Note.objects.values_list("text", flat=True)),
        "words": Recommendation.objects.count(),
        "decisions": list(Decision.objects.values_list("to_rank__name", "status")),
        "restrictions": RankRestriction.objects.count(),
    }


@pytest.mark.parametrize("kind", [*map(str, Kind)])
def test_what_an_experience_may_not_bring_waits(game: Client, settings: Any, kind: str) -> None:
    bounded(settings, acts=tuple(str(one) for one in Kind if one != kind))
    more = prepared(kind)
    before = traces()
    by = MARSHAL if kind == "recommend" else IMPERATOR
    asked = ASKED_AS.get(kind, kind)
    assert (brings(game, asked, by=by, **more)["status"], traces()) == ("held", before)
    decide(client_as(player(by)))
    if kind in {"ban", "unban"}:  # these need two people from every entry point
        assert (traces(), Approval.objects.get().status) == (before, "waiting")
        decide(client_as(player(COUNCIL)))
    assert traces() != before
    assert Approval.objects.get().status == "approved"


def test_a_note_that_waits_stands_nowhere_once_it_is_decided(game: Client, settings: Any) -> None:
    bounded(settings, acts=())
    brings(game, "note", reason="they told me a secret")
    assert not AuditPersonal.objects.filter(value__contains="secret").exists()
    decide(client_as(player(IMPERATOR)))
    assert Note.objects.get().text == "they told me a secret"
    assert "secret" not in str(Approval.objects.values().get())


def test_an_entitled_person_approves_for_the_officer(game: Client) -> None:
    brings(game, "adjust", amount=501)
    for low in (MARSHAL, 901):  # a rank with a lower limit, and one without a limit
        decide(client_as(player(low)))
        assert player().adjusted == 0
    decide(client_as(player(COUNCIL)))
    assert player().adjusted == 501


@pytest.mark.parametrize("change", [{"rank": "Captain I"}, {"banned": True}])
def test_the_word_of_who_lost_their_rank_meanwhile_is_none(
    game: Client, change: dict[str, Any]
) -> None:
    brings(game, "adjust", amount=501)
    browser = client_as(player(IMPERATOR))
    if "rank" in change:
        change = {"rank": Rank.objects.get(name=change["rank"])}
    Player.objects.filter(user_id=IMPERATOR).update(**change)
    decide(browser)
    decide(client_as(player(COUNCIL)))
    assert (player().adjusted, Approval.objects.get().status) == (0, "waiting")


def test_past_their_limit_an_officers_word_is_not_enough(game: Client) -> None:
    held = brings(game, "warn", GENERAL, by=ADMIRAL)
    assert held["status"] == "held"
    Approval.objects.all().delete()
    bounded_word = brings(game, "adjust", GENERAL, by=ADMIRAL, amount=300)
    assert bounded_word["status"] == "held"
    assert brings(game, "adjust", by=ADMIRAL, amount=250)["status"] == "applied"
    assert "Past your limit" in decide(client_as(player(ADMIRAL)))
    assert player(GENERAL).adjusted == 0
    decide(client_as(player(COUNCIL)))
    assert player(GENERAL).adjusted == 300


@pytest.mark.django_db(transaction=True)
def test_what_many_decide_at_once_happens_once(game: Client) -> None:
    brings(game, "adjust", amount=501)
    browsers = [client_as(player(user_id)) for user_id in (IMPERATOR, COUNCIL, IMPERATOR, COMMAND)]
    asked, verbs = Approval.objects.get(), ("approve", "approve", "deny", "approve")
    at_once(
        [
            lambda one=one, verb=verb: decide(one, verb, asked)
            for one, verb in zip(browsers, verbs, strict=True)
        ]
    )
    asked.refresh_from_db()
    assert (asked.status, player().adjusted) in {("approved", 501), ("rejected", 0)}


def test_officers_confirm_only_what_names_them(game: Client) -> None:
    brings(game, "suspend", COUNCIL)
    asked = Approval.objects.get()
    for wrong in ({"cause": "second"}, {"experience": ""}, {"act": "ban"}):
        with pytest.raises(IntegrityError, match="approvals_second_person"), transaction.atomic():
            Approval.objects.filter(pk=asked.pk).update(
                status="approved", decided_by=asked.requested_by, **wrong
            )


def test_denying_a_command_tells_the_owners(game: Client, people: object) -> None:
    brings(game, "suspend", COUNCIL)
    assert "Owners are told" in decide(client_as(player(IMPERATOR)), "deny")
    assert (Approval.objects.get().status, player(COUNCIL).rank.is_punishment) == (
        "rejected",
        False,
    )
    told = AuditEvent.objects.get(action="claim.denied")
    assert (told.experience, told.actor_id, told.details["act"]) == (
        "nexus",
        str(player(IMPERATOR).pk),
        "suspend",
    )
    owner = owner_client("olga")
    seen = owner.get("/admin/?kind=denials").content.decode()
    assert "denies an action that nexus sent" in seen
    assert "may be in other hands" in seen


def test_nobody_denies_what_others_are_named_for(game: Client) -> None:
    brings(game, "suspend", COUNCIL)
    assert "No game server brought this in your name" in decide(owner_client("olga"), "deny")
    assert Approval.objects.get().status == "waiting"
    assert not AuditEvent.objects.filter(action="claim.denied").exists()


def test_a_ban_that_a_game_brings_may_be_denied_too(game: Client) -> None:
    brings(game, "ban")
    decide(client_as(player(IMPERATOR)), "deny")
    assert (Approval.objects.get().status, player().banned) == ("rejected", False)
    assert AuditEvent.objects.filter(action="claim.denied").count() == 1


def test_requests_of_a_game_do_not_bury_those_of_people(
    game: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from players.moderation import approvals

    monkeypatch.setattr(approvals, "MOST_OPEN_PER_EXPERIENCE", 3)
    said = [
        brings(game, "adjust", by=by, amount=501) for by in (IMPERATOR, COUNCIL, COMMAND, IMPERATOR)
    ]
    assert [one["status"] for one in said] == ["held", "held", "held", "refused"]
    assert "wait already" in said[-1]["detail"]
    key = keys.create(Experience.objects.get(key="training_site"), actor=TESTER)[1]
    other = Client(headers={"x-grps-api-key": key})
    assert brings(other, "adjust", by=COUNCIL, amount=501)["status"] == "held"


def test_an_act_with_bounds_of_its_own_is_counted_by_itself(game: Client, settings: Any) -> None:
    bounded(settings, people_per_day=1, each={"note": Differing(people_per_day=2, below="MR")})
    many = crowd(4)
    assert [brings(game, "note", user_id)["status"] for user_id in many[:3]] == [
        "applied",
        "applied",
        "held",
    ]
    assert [brings(game, "warn", user_id)["status"] for user_id in many[:2]] == ["applied", "held"]
    assert "below MR" in brings(game, "note", 1)["detail"]


def test_a_level_missing_from_the_policy_allows_nobody(game: Client, settings: Any) -> None:
    bounded(settings, below="XYZ")
    assert brings(game, "warn")["status"] == "held"
    bounded(settings, below=None)
    assert brings(game, "warn", COUNCIL)["status"] == "applied"
    bounded(settings, below="Captain I")
    assert brings(game, "warn", 1)["status"] == "held"


def test_a_rank_too_high_is_proposed_only_at_the_officers_word(game: Client) -> None:
    assert brings(game, "propose", rank="Tempest Major")["status"] == "held"
    decide(client_as(player(IMPERATOR)))
    assert (Decision.objects.get().status, Decision.objects.get().to_rank.name) == (
        "proposed",
        "Tempest Major",
    )


def recommends(game: Client, user_ids: list[int], by: int) -> Any:
    change = {"type": "recommendation", "awarded": 20, "total": 20, "actorUserId": by}
    body = events(*user_ids, **change, session=by)
    answer = game.post("/roblox/events", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_recommendations_by_events_are_limited_too(game: Client) -> None:
    many = crowd(22)
    answer = recommends(game, many, MARSHAL)
    assert answer["accepted"] == 22  # the game decides on its points
    assert [one["code"] for one in answer["notices"]] == ["PAST_BOUNDS"] * 2
    assert Recommendation.objects.count() == 20
    assert (
        brings(game, "warn", many[-1])["status"] == "applied"
    )  # recommendations have a separate limit
    assert recommends(game, many, MARSHAL)["duplicates"] == 22
    waiting = Approval.objects.filter(act="recommend")
    assert waiting.count() == 2
    last = waiting.order_by("pk").last()
    decide(client_as(player(MARSHAL)), approval=last)
    assert Recommendation.objects.count() == 21
    assert last is not None
    assert last.player is not None
    assert player(last.player.user_id).adjusted == 0


def test_a_recommendation_of_somebody_too_high_waits(game: Client) -> None:
    make(MANY, "Electro Colonel")
    assert [one["code"] for one in recommends(game, [MANY], MARSHAL)["notices"]] == ["PAST_BOUNDS"]
    assert (Recommendation.objects.count(), Approval.objects.get().act) == (0, "recommend")


@pytest.fixture
def owners(bootstrapped: None) -> tuple[Client, Client]:
    return owner_client("olga"), owner_client("dora")


def test_looser_bounds_need_two_owners_and_tighter_ones_none(
    game: Client, owners: tuple[Client, Client], settings: Any
) -> None:
    olga, dora = owners
    _configure(settings, Bounds(people_per_day=30, points_per_act=900))
    call_command("bootstrap", quiet=True)
    assert brings(game, "adjust", amount=501)["status"] == "held"
    page = olga.get("/admin/experiences/").content.decode()
    assert "20 people a day who stand below CMD" in page
    assert "allows more than is in force" in page
    olga.post("/admin/experiences/nexus/more/", {"reason": "a large event"})
    asked = Approval.objects.get(act="experience.bounds")
    decide(olga, approval=asked)
    assert brings(game, "adjust", by=COUNCIL, amount=501)["status"] == "held"
    decide(dora, approval=asked)
    assert brings(game, "adjust", by=COUNCIL, amount=501)["status"] == "applied"
    assert "30 people a day" in dora.get("/admin/experiences/").content.decode()
    told = AuditEvent.objects.filter(action="experience.changed").latest("pk")
    assert (told.experience, told.details["after"]["bounds"]["acts"]["warn"]["peoplePerDay"]) == (
        "nexus",
        30,
    )
    _configure(settings, Bounds(points_per_act=10))
    assert brings(game, "adjust", by=COUNCIL, amount=11)["status"] == "held"
    call_command("bootstrap", quiet=True)
    _configure(
        settings, Bounds(points_per_act=900)
    )  # back again, which is looser than the bounds in force
    call_command("bootstrap", quiet=True)
    assert brings(game, "adjust", by=COUNCIL, amount=11)["status"] == "held"


def test_nobody_but_an_owner_asks_for_looser_bounds(game: Client, settings: Any) -> None:
    _configure(settings, Bounds(people_per_day=30))
    assert (
        client_as(player(IMPERATOR))
        .post("/admin/experiences/nexus/more/", {"reason": "x"})
        .status_code
        == 403
    )
    assert not Approval.objects.exists()


def test_a_new_experience_starts_with_the_defaults(settings: Any, db: None) -> None:
    _configure(settings, Bounds(people_per_day=1000, below=None))
    call_command("bootstrap", quiet=True)
    from players.moderation import experience_bounds

    assert experience_bounds.in_force("nexus") == DEFAULTS
    assert len(experience_bounds.missing("nexus")) == len(Kind)
