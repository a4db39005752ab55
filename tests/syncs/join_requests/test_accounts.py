"""Accounts of applicants are read in turns, and an error of Roblox stops nothing else."""

import datetime as dt

import pytest

from roblox import cloud
from syncs.join_requests import reading
from syncs.models import JoinRequest
from syncs.tasks import follow_join_requests
from tests.roblox_world import GROUP, World
from tests.syncs.join_requests.test_join_requests import ACCEPT, ASKING, ask, decide, is_member

BORN = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ACCOUNTS", 2)


def known() -> set[int]:
    found = JoinRequest.objects.exclude(account_made_at=None)
    return set(found.values_list("user_id", flat=True))


def test_accounts_that_roblox_lacks_keep_nobody_waiting(community: World) -> None:
    lacking = (ASKING + 100, ASKING + 101)
    for user_id in lacking:
        community.control("act", act="askToJoin", groupId=GROUP, userId=user_id)
    reading.read(cloud.group())
    assert known() == set()
    ask(community, ASKING, ASKING + 1, ASKING + 2)
    reading.read(cloud.group())
    reading.read(cloud.group())
    assert known() == {ASKING, ASKING + 1, ASKING + 2}
    for user_id in lacking:  # they are asked for again
        ask(community, user_id)
    reading.read(cloud.group())
    assert known() == {ASKING, ASKING + 1, ASKING + 2, *lacking}
    assert set(JoinRequest.objects.values_list("account_made_at", flat=True)) == {BORN}


def test_an_error_about_accounts_stops_no_decision(community: World) -> None:
    ask(community, ASKING, ASKING + 1)
    community.faults({"kind": "500", "operations": ["userGet"]})
    follow_join_requests()
    assert known() == set()
    assert not JoinRequest.objects.filter(account_asked_at=None).exists()  # both were asked for
    decide(JoinRequest.objects.get(user_id=ASKING), ACCEPT)
    assert follow_join_requests() == 1
    assert is_member(ASKING)


def test_a_listing_that_fails_stops_no_decision(community: World) -> None:
    ask(community, ASKING)
    follow_join_requests()
    decide(JoinRequest.objects.get(), ACCEPT)
    community.faults({"kind": "500", "operations": ["groupJoinRequestList"]})
    assert follow_join_requests() == 1
    assert is_member(ASKING)
