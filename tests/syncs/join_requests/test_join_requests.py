"""Join requests are read, decided by a person or the rule, and the decision reaches Roblox once."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from players.active_policy import activate, active
from players.models import Player
from players.moderation.actors import Staff, at_the_shell
from players.policy.bundle import parse_bundle
from players.policy.community import JoinRequests
from players.policy.join_requests import Applicant, JoinDecision, judge
from roblox import cloud
from roblox.open_cloud import groups
from syncs.join_requests import decisions, reading, writing
from syncs.models import JoinRequest, UnwantedUser
from syncs.tasks import follow_join_requests
from tests.conftest import TESTER
from tests.console.people import owner_client
from tests.roblox_world import GROUP, World

ACCEPT, DECLINE = JoinDecision.ACCEPT, JoinDecision.DECLINE
ASKING = 5_001


def ask(world: World, *user_ids: int) -> None:
    for user_id in user_ids:
        name = f"citizen_{user_id}"
        world.control("act", act="askToJoin", groupId=GROUP, userId=user_id, username=name)


def set_rules(rules: dict[str, Any] | None) -> None:
    documents = json.loads(json.dumps(active().bundle.documents))
    documents["community"].pop("joinRequests")
    documents["community"] |= {"joinRequests": rules} if rules else {}
    activate(parse_bundle(documents), actor=TESTER, reason="a test")


def decide(row: JoinRequest, decision: JoinDecision, by: Staff | None = None) -> None:
    decisions.decide(
        row.pk, decision, by=by or at_the_shell(), reason="Welcome", now=timezone.now()
    )


def is_member(user_id: int) -> bool:
    return groups.member(cloud.group().client, GROUP, user_id) is not None


def test_a_request_is_listed_and_accepted_by_hand(community: World) -> None:
    ask(community, *range(ASKING, ASKING + 25))
    follow_join_requests()
    assert JoinRequest.objects.filter(gone_at=None).count() == 25
    row = JoinRequest.objects.get(user_id=ASKING)
    assert (row.username, row.decision) == (f"citizen_{ASKING}", "")
    assert row.account_made_at == dt.datetime(2010, 1, 1, tzinfo=dt.UTC)
    decide(row, ACCEPT)
    with pytest.raises(Refused, match="not open"):
        decide(row, DECLINE)
    assert not is_member(ASKING)
    assert follow_join_requests() == 1
    assert is_member(ASKING)
    row.refresh_from_db()
    assert row.done_at is not None
    assert row.gone_at is not None
    event = AuditEvent.objects.get(action="join_request.accepted")
    assert (event.target_kind, event.target_id) == ("user", str(ASKING))


def test_a_declined_request_is_gone_until_they_ask_again(community: World) -> None:
    ask(community, ASKING)
    follow_join_requests()
    decide(JoinRequest.objects.get(), DECLINE)
    assert follow_join_requests() == 1
    assert not is_member(ASKING)
    community.advance(60)
    ask(community, ASKING)
    follow_join_requests()
    row = JoinRequest.objects.get()
    assert (row.decision, row.gone_at, row.done_at) == ("", None, None)


def test_nothing_is_written_while_writes_are_off(community: World, settings: Any) -> None:
    ask(community, ASKING)
    follow_join_requests()
    decide(JoinRequest.objects.get(), ACCEPT)
    settings.ROBLOX_WRITES = False
    assert follow_join_requests() == 0
    settings.ROBLOX_WRITES = True
    assert follow_join_requests() == 1


def test_who_is_listed_after_the_acceptance_does_not_get_in(
    community: World, settings: Any
) -> None:
    ask(community, ASKING)
    follow_join_requests()
    settings.ROBLOX_WRITES = False
    decide(JoinRequest.objects.get(), ACCEPT)
    now = timezone.now()
    decisions.refuse_always(ASKING, by=at_the_shell(), reason="raids groups", now=now)
    settings.ROBLOX_WRITES = True
    assert follow_join_requests() == 1
    assert not is_member(ASKING)
    assert JoinRequest.objects.get().decision == "decline"


def test_a_decision_survives_a_crash_after_roblox_had_it(
    community: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(community, ASKING)
    follow_join_requests()
    decide(JoinRequest.objects.get(), ACCEPT)

    def killed(row: JoinRequest) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "hold", killed)
        with pytest.raises(KeyboardInterrupt):
            writing.write(cloud.group())
    assert is_member(ASKING)
    assert JoinRequest.objects.get().done_at is None
    JoinRequest.objects.update(lease="", lease_until=None)  # as when the lease ends
    assert writing.write(cloud.group()) == 1
    assert JoinRequest.objects.get().done_at is not None


def test_a_request_that_roblox_lists_no_more_is_gone(community: World) -> None:
    ask(community, ASKING)
    follow_join_requests()
    JoinRequest.objects.update(user_id=ASKING + 1)
    reading.read(cloud.group())
    gone = JoinRequest.objects.get(user_id=ASKING + 1)
    assert gone.gone_at is not None
    with pytest.raises(Refused, match="not open"):
        decide(gone, ACCEPT)


def test_the_rule_declines_the_banned_and_the_unwanted(
    community: World, player: Callable[..., Player]
) -> None:
    set_rules({"decide": "rule", "minAccountAgeDays": 30})
    Player.objects.filter(pk=player(ASKING, member="left").pk).update(banned=True)
    now, shell = timezone.now(), at_the_shell()
    decisions.refuse_always(ASKING + 1, by=shell, reason="Raided us", now=now)
    with pytest.raises(Refused, match="already"):
        decisions.refuse_always(ASKING + 1, by=shell, reason="Raided us", now=now)
    ask(community, ASKING, ASKING + 1, ASKING + 2)
    assert follow_join_requests() == 3
    found = dict(JoinRequest.objects.values_list("user_id", "decision"))
    assert found == {ASKING: "decline", ASKING + 1: "decline", ASKING + 2: "accept"}
    assert [is_member(ASKING + number) for number in range(3)] == [False, False, True]


def test_those_left_to_a_person_do_not_keep_the_rule_from_others(
    community: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "CHUNK", 1)
    ask(community, ASKING, ASKING + 1)
    follow_join_requests()
    set_rules({"decide": "rule", "minAccountAgeDays": 30})
    JoinRequest.objects.filter(user_id=ASKING).update(account_made_at=timezone.now())
    assert decisions.decide_by_rule(timezone.now()) == 1
    assert JoinRequest.objects.get(user_id=ASKING + 1).decision == "accept"


def test_nobody_accepts_the_banned_by_hand(community: World, player: Callable[..., Player]) -> None:
    Player.objects.filter(pk=player(ASKING).pk).update(banned=True)
    ask(community, ASKING)
    follow_join_requests()
    with pytest.raises(Refused, match="banned here"):
        decide(JoinRequest.objects.get(), ACCEPT)
    with pytest.raises(NotAllowed):
        decide(JoinRequest.objects.get(), DECLINE, Staff(TESTER, rank=None))


def test_without_the_section_nothing_is_read(community: World) -> None:
    set_rules(None)
    ask(community, ASKING)
    assert follow_join_requests() == 0
    assert not JoinRequest.objects.exists()


def test_a_young_account_waits_for_a_person() -> None:
    now = timezone.now()
    rules = JoinRequests(True, 30)

    def made(days: float) -> JoinDecision | None:
        return judge(Applicant(now - dt.timedelta(days=days), False, False), rules, now).decision

    assert (made(29.99), made(30)) == (None, ACCEPT)
    assert judge(Applicant(None, False, False), rules, now).decision is None
    assert judge(Applicant(None, False, True), rules, now).decision is DECLINE


def test_the_page_decides_and_keeps_the_list(community: World) -> None:
    ask(community, ASKING)
    follow_join_requests()
    owner: Client = owner_client()
    assert f"citizen_{ASKING}" in owner.get("/admin/join-requests/").content.decode()
    number = JoinRequest.objects.get().pk
    owner.post(f"/admin/join-requests/{number}/", {"decision": "decline", "reason": "Not now"})
    assert JoinRequest.objects.get().decision == "decline"
    form = {"user_id": "77", "reason": "Raided us", "verb": "add"}
    owner.post("/admin/join-requests/unwanted/", form)
    assert UnwantedUser.objects.get().reason == "Raided us"
    owner.post("/admin/join-requests/unwanted/", form | {"verb": "remove"})
    assert not UnwantedUser.objects.exists()
