"""Ranks follow the policy: at once, or after an officer's decision. Every decision has a reason."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from audits.record import Actor
from common.errors import Refused
from grps_site.http.request_signing import sign
from players.active_policy import activate, active
from players.models import Decision, Player, Rank
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.ranks.decisions import approve, propose, reject, set_rank
from players.ranks.schedule import evaluate_due
from tests.console.people import owner_client
from tests.players.conftest import OWNER, Game

Stands = Callable[..., Player]


def now() -> dt.datetime:
    return timezone.now()


def officer(rank: str, user_id: int = 900) -> Staff:
    return Staff(Actor("staff", "9", "Otto", "staff:9"), active().bundle.by_name[rank], user_id)


def rank_of(user_id: int = 1) -> str:
    return Player.objects.select_related("rank").get(user_id=user_id).rank.name


def test_points_promote_with_the_events_that_earned_them(game: Game, stands: Stands) -> None:
    stands(49, days=1)
    receipt = game.send(game.event(1, 2, awarded=15, total=64))
    assert receipt["players"][0]["rank"] == "Shock Trooper I" == rank_of()
    decision = Decision.objects.get()
    assert (decision.kind, decision.status, decision.source) == ("promotion", "applied", "events")
    assert decision.inputs["points"] == "64.00"
    assert decision.policy.is_active
    event = AuditEvent.objects.get(action="rank.promoted")
    assert event.details["before"] == {"rank": "Initiate"}
    assert event.policy_version == active().bundle.version


def test_one_step_at_a_time(game: Game, stands: Stands) -> None:
    stands(5000, days=400)
    game.send(game.event(1, 2, total=5000))
    assert rank_of() == "Shock Trooper I"
    game.send(game.event(1, 3, total=5000))
    assert rank_of() == "Shock Trooper I"


def test_time_alone_promotes_through_the_schedule(stands: Stands) -> None:
    stands(60)
    assert evaluate_due(now() + dt.timedelta(hours=23)) == 0
    assert evaluate_due(now() + dt.timedelta(hours=25)) == 1
    assert rank_of() == "Shock Trooper I"
    assert Decision.objects.get().source == "schedule"
    assert evaluate_due(now() + dt.timedelta(hours=25)) == 0


def test_a_privileged_rank_waits_for_an_officer(game: Game, stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    assert evaluate_due() == 1
    assert rank_of() == "Captain II"
    decision = Decision.objects.get()
    assert decision.status == "proposed"
    assert evaluate_due() == 0
    game.send(game.event(1, 2, total=4515))
    assert Decision.objects.count() == 1
    approve(decision.pk, by=officer("Stormmarshal"), reason="earned it", now=now())
    assert rank_of() == "Tempest Major"
    decision.refresh_from_db()
    assert (decision.status, decision.decided_by, decision.reason) == (
        "applied",
        "staff:9",
        "earned it",
    )


def test_a_rejected_proposal_rests_for_a_while(stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    reject(Decision.objects.get().pk, by=officer("Stormmarshal"), reason="not yet", now=now())
    assert evaluate_due() == 0
    assert evaluate_due(now() + dt.timedelta(days=15)) == 1


def test_a_proposal_that_no_longer_holds_is_withdrawn(game: Game, stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    game.send(game.event(1, 2, type="wo", awarded=-0.1, total=4499.9))
    assert Decision.objects.get().status == "withdrawn"
    assert AuditEvent.objects.filter(action="decision.withdrawn").count() == 1


def test_falling_below_the_rank_proposes_a_demotion(game: Game, stands: Stands) -> None:
    stands(140, "Shock Trooper II", days=1)
    assert evaluate_due() == 1
    decision = Decision.objects.get()
    assert (decision.kind, decision.status, decision.failed) == ("demotion", "proposed", ["points"])
    approve(decision.pk, by=OWNER, reason="fell back", now=now())
    assert rank_of() == "Shock Trooper I"


@pytest.mark.parametrize("rank", ["Suspended", "Envoy", "Imperator"])
def test_automation_leaves_them_alone(stands: Stands, rank: str) -> None:
    stands(0 if rank != "Suspended" else 9999, rank, days=900)
    assert evaluate_due() == 0


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("Captain II", "does not entitle"),
        ("Tempest Major", "does not entitle"),
        ("Electro Colonel", None),
    ],
)
def test_only_the_entitled_approve(stands: Stands, by: str, words: str | None) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    decision = Decision.objects.get()
    if words is None:
        approve(decision.pk, by=officer(by), reason="well done", now=now())
        assert rank_of() == "Tempest Major"
        return
    with pytest.raises(Refused, match=words):
        approve(decision.pk, by=officer(by), reason="well done", now=now())
    assert rank_of() == "Captain II"


def test_nobody_approves_their_own_or_twice_or_without_a_reason(stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    decision = Decision.objects.get()
    with pytest.raises(Refused, match="themselves"):
        approve(decision.pk, by=officer("Imperator", user_id=1), reason="me", now=now())
    with pytest.raises(Refused, match="reason"):
        approve(decision.pk, by=OWNER, reason=" ", now=now())
    approve(decision.pk, by=OWNER, reason="fine", now=now())
    with pytest.raises(Refused, match="applied already"):
        reject(decision.pk, by=OWNER, reason="changed my mind", now=now())


def test_a_rank_given_by_hand_withdraws_what_was_proposed(stands: Stands) -> None:
    stands(4500, "Captain II", days=32)
    evaluate_due()
    set_rank(1, "Envoy", Command(by=OWNER, reason="a post abroad", now=now()))
    assert rank_of() == "Envoy"
    assert list(Decision.objects.order_by("id").values_list("status", flat=True)) == [
        "withdrawn",
        "applied",
    ]


def test_nobody_gives_a_rank_at_or_above_their_own(stands: Stands) -> None:
    stands(0)
    with pytest.raises(Refused, match="above your own"):
        set_rank(1, "Stormmarshal", Command(by=officer("Stormmarshal"), reason="friend", now=now()))


def test_the_operator_s_commands_do_the_same(stands: Stands, capsys: Any) -> None:
    stands(10)
    call_command("player", "rank", "1", "Envoy", "--reason", "a post")
    call_command("player", "adjust", "1", "2.50", "--reason", "found a bug")
    assert "12.50 points" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no rank"):
        call_command("player", "rank", "1", "Emperor", "--reason", "x")
    with pytest.raises(CommandError, match="two decimals"):
        call_command("player", "adjust", "1", "2.505", "--reason", "x")


def decide(body: dict[str, Any]) -> Any:
    content = json.dumps(body).encode()
    headers = sign(settings.AUTOMATION_SIGNATURE_SECRET, "POST", "/automation/decisions", content)
    return Client(headers=headers).post(
        "/automation/decisions", content, content_type="application/json"
    )


def test_the_automation_evaluates_and_applies_only_if_asked(stands: Stands) -> None:
    stands(60, days=2)
    looked = decide({"userId": 1, "apply": False, "reason": "a look"}).json()
    assert (looked["kind"], looked["target"], looked["status"]) == (
        "promotion",
        "Shock Trooper I",
        None,
    )
    assert rank_of() == "Initiate"
    done = decide({"userId": 1, "apply": True, "reason": "nightly"}).json()
    assert (done["status"], rank_of()) == ("applied", "Shock Trooper I")
    assert Decision.objects.get().reason == "nightly"


def test_the_automation_says_what_is_missing(stands: Stands) -> None:
    stands(20)
    answer = decide({"userId": 1, "apply": True, "reason": "x"}).json()
    assert answer["failed"] == ["points", "time"]
    assert answer["missing"] == {"points": 30, "days": 1, "recommendations": 0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"userId": 404, "apply": True, "reason": "x"}, 404),
        ({"userId": 1, "apply": True, "reason": "x", "extra": 1}, 400),
        ({"userId": 1, "apply": "yes", "reason": "x"}, 400),
        ({"userId": 1, "apply": True}, 400),
    ],
)
def test_the_automation_refuses_bad_input(
    bootstrapped: None, body: dict[str, Any], status: int
) -> None:
    answer = decide(body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def _retire(name: str) -> None:
    """Activate a policy without one rank."""
    documents = json.loads(json.dumps(active().bundle.documents))
    documents["ranks"]["ranks"] = [
        rank for rank in documents["ranks"]["ranks"] if rank["name"] != name
    ]
    del documents["permissions"]["ranks"][name]
    activate(parse_bundle(documents), actor=OWNER.actor, reason="a shorter ladder")


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_proposal_to_a_removed_rank_can_only_be_rejected(stands: Stands, word: str) -> None:
    stands(3300, "Captain II", days=90)
    made = propose(1, "Envoy", Command(by=OWNER, reason="does the work", now=now()))
    _retire("Envoy")
    second = officer("Imperator")
    if word == "reject":
        assert reject(made.pk, by=second, reason="gone", now=now()).status == "rejected"
        return
    with pytest.raises(Refused, match=r"not part of the active policy any more\. Reject"):
        approve(made.pk, by=second, reason="fine", now=now())
    assert Decision.objects.get(pk=made.pk).status == "proposed"


def _ban_without_a_decision() -> None:
    Player.objects.update(banned=True)


def _leave_without_a_decision() -> None:
    Player.objects.update(member="left", listed=False)


def _take_another_rank() -> None:
    Player.objects.update(rank=Rank.objects.get(name="Envoy"))


@pytest.mark.parametrize(
    "change",
    [
        lambda: _retire("Envoy"),
        _ban_without_a_decision,
        _leave_without_a_decision,
        _take_another_rank,
    ],
    ids=["retired", "banned", "left", "another rank"],
)
def test_the_schedule_withdraws_a_stale_proposal_made_by_hand(
    stands: Stands, change: Callable[[], None]
) -> None:
    stands(3300, "Captain II", days=1)
    made = propose(1, "Envoy", Command(by=OWNER, reason="does the work", now=now()))
    evaluate_due()
    made.refresh_from_db()
    assert made.status == "proposed"
    change()
    evaluate_due()
    made.refresh_from_db()
    assert made.status == "withdrawn"
    event = AuditEvent.objects.get(action="decision.withdrawn")
    assert event.details["decision"] == made.pk


def test_the_console_offers_only_to_reject_it(stands: Stands) -> None:
    stands(3300, "Captain II", days=90)
    made = propose(1, "Envoy", Command(by=OWNER, reason="does the work", now=now()))
    _retire("Envoy")
    client = owner_client("olga")
    page = client.get(f"/admin/decisions/{made.pk}/").content.decode()
    assert 'value="reject"' in page
    assert 'value="approve"' not in page
    client.post(f"/admin/decisions/{made.pk}/", {"verb": "approve", "words": "fine"})
    assert Decision.objects.get(pk=made.pk).status == "proposed"
    client.post(f"/admin/decisions/{made.pk}/", {"verb": "reject", "words": "gone"})
    assert Decision.objects.get(pk=made.pk).status == "rejected"
