"""Memberships are read from Roblox before a player joins or acts: a lost rank gives no rights."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from common.database_clock import database_time
from common.errors import Refused
from players.discipline import sanctions
from players.models import Approval, Player, Sanction
from players.moderation import approvals
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from players.ranks import decisions
from roblox.open_cloud.groups import roles
from syncs.membership import landing, reader
from syncs.membership.reading import Reading, ReportedMember
from syncs.models import MembershipRead, SyncJob
from syncs.push import runner
from syncs.roles import pins
from tests.conftest import TESTER
from tests.console.people import client_as
from tests.players.conftest import Game
from tests.roblox_world import World
from tests.syncs.roles.test_roles import race

Pull = Callable[..., SyncJob]
OPERATOR = Staff(TESTER, rank=None, bypasses_second_person=True)
MAJOR, TROOPER = 1, 2
READ = "groupMembershipList"
MINUTE = dt.timedelta(seconds=61)


@pytest.fixture
def staff(community: World, pull: Pull) -> World:
    """Create a Tempest Major, who may warn, and a lower rank, both in the group."""
    community.join(MAJOR, "Tempest Major")
    community.join(TROOPER, "Shock Trooper I")
    pull("members")
    decisions.set_rank(
        MAJOR, "Tempest Major", Command(by=OPERATOR, reason="elected", now=timezone.now())
    )
    pull("members")
    return community


def rank_of(user_id: int) -> str:
    return Player.objects.get(user_id=user_id).rank.name


def a_minute_passes() -> None:
    """Make all readings a minute older."""
    for row in MembershipRead.objects.exclude(read_at=None):
        MembershipRead.objects.filter(pk=row.pk).update(
            read_at=row.read_at - MINUTE if row.read_at else None
        )


def warn(game: Game, actor: int = MAJOR, user_id: int = TROOPER) -> dict[str, Any]:
    body = {
        "id": uuid.uuid4().hex,
        "actorUserId": actor,
        "userId": user_id,
        "kind": "warn",
        "reason": "seen in game",
    }
    body["occurredAt"] = timezone.now().isoformat()
    answer = game.client.post(
        "/roblox/sanctions", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def read_anew(user_id: int) -> None:
    a_minute_passes()
    reader.read_now({user_id})


def asked(world: World) -> int:
    """Return the number of requests for memberships."""
    return sum(world.calls().get(READ, {}).values())


def wanted() -> set[int]:
    return set(
        MembershipRead.objects.filter(wanted_at__isnull=False).values_list("user_id", flat=True)
    )


def read() -> None:
    while reader.step():
        pass


def test_an_officer_demoted_by_hand_is_refused_at_the_next_act(staff: World, game: Game) -> None:
    assert warn(game)["status"] == "applied"
    staff.set_roles(MAJOR, "Captain I")
    a_minute_passes()
    assert warn(game)["status"] == "refused"
    assert (rank_of(MAJOR), Sanction.objects.count()) == ("Captain I", 1)


@pytest.mark.parametrize("lower", ["Tempest Major", "Envoy"])
def test_a_demoted_officer_keeps_no_former_power(staff: World, game: Game, lower: str) -> None:
    """The lower rank is privileged too, but gives no rights that they did not have."""
    council = 3
    staff.join(council, "Supreme Council")
    read_anew(council)
    decisions.set_rank(
        council, "Supreme Council", Command(by=OPERATOR, reason="elected", now=timezone.now())
    )
    read_anew(council)
    assert warn(game, council, MAJOR)["status"] == "held"  # above the experience's bounds
    staff.set_roles(council, lower)
    a_minute_passes()
    assert warn(game, council, MAJOR)["status"] == "refused"
    assert rank_of(council) == lower


def test_an_officer_promoted_by_hand_waits_for_approval(staff: World, game: Game) -> None:
    staff.set_roles(MAJOR, "Supreme Council")
    read_anew(MAJOR)
    assert rank_of(MAJOR) == "Tempest Major"


def test_a_removed_officer_is_refused_at_the_next_act(staff: World, game: Game) -> None:
    assert warn(game)["status"] == "applied"
    staff.leave(MAJOR)
    a_minute_passes()
    assert warn(game)["status"] == "refused"
    assert Sanction.objects.count() == 1


def test_an_officer_who_acts_often_is_read_once_a_minute(staff: World, game: Game) -> None:
    warn(game)
    before = asked(staff)
    warn(game)
    assert asked(staff) == before
    a_minute_passes()
    warn(game)
    assert asked(staff) == before + 1


def test_many_acts_at_once_read_an_officer_once(staff: World, game: Game) -> None:
    before = asked(staff)
    answers = race(5, lambda: reader.read_now({MAJOR}))
    assert len(answers) == 5
    assert asked(staff) == before + 1


def test_somebody_without_powers_makes_nobody_read_them(staff: World, game: Game) -> None:
    before = asked(staff)
    assert warn(game, TROOPER)["status"] == "refused"
    assert warn(game, 999)["status"] == "refused"
    assert asked(staff) == before


def test_a_session_of_the_console_ends_with_the_demotion(staff: World) -> None:
    browser = client_as(Player.objects.get(user_id=MAJOR))
    assert browser.get("/admin/").status_code == 200
    staff.set_roles(MAJOR, "Captain I")
    a_minute_passes()
    assert browser.get("/admin/").status_code == 403
    assert browser.get("/admin/").status_code == 302


def test_an_act_in_the_console_is_not_done_by_who_was_demoted(staff: World) -> None:
    browser = client_as(Player.objects.get(user_id=MAJOR))
    assert browser.get(f"/admin/acts/warn/{TROOPER}/").status_code == 200
    a_minute_passes()
    staff.set_roles(MAJOR, "Captain I")
    answer = browser.post(f"/admin/acts/warn/{TROOPER}/", {"words": "seen it"})
    assert answer.status_code == 403
    assert not Sanction.objects.exists()


def test_a_request_of_somebody_demoted_since_is_not_carried_out(staff: World) -> None:
    staff.join(3, "Supreme Council")
    staff.join(4, "Supreme Council")
    for user_id in (3, 4):
        reader.want([user_id], again=True)
    read()
    for user_id in (3, 4):
        decisions.set_rank(
            user_id, "Supreme Council", Command(by=OPERATOR, reason="elected", now=timezone.now())
        )
    while runner.step():
        pass
    reader.read_now({3, 4})
    now = timezone.now()
    sanctions.ban(TROOPER, Command(by=officer(3), reason="exploits", now=now))
    staff.set_roles(3, "Captain I")
    a_minute_passes()
    approval = Approval.objects.get(act="ban")
    with pytest.raises(Refused):
        approvals.approve(approval.pk, by=officer(4), reason="seen it too", now=timezone.now())
    assert rank_of(3) == "Captain I"
    assert not Player.objects.get(user_id=TROOPER).banned


def test_a_second_person_who_was_demoted_approves_nothing(staff: World) -> None:
    staff.join(3, "Supreme Council")
    reader.want([3], again=True)
    read()
    decisions.set_rank(
        3, "Supreme Council", Command(by=OPERATOR, reason="elected", now=timezone.now())
    )
    while runner.step():
        pass
    browser = client_as(Player.objects.get(user_id=3))
    owner = Staff(TESTER, rank=None)
    approval = sanctions.ban(
        TROOPER, Command(by=owner, reason="exploits", now=timezone.now())
    ).approval
    assert approval is not None
    assert browser.get(f"/admin/approvals/{approval.pk}/").status_code == 200
    staff.set_roles(3, "Captain I")
    a_minute_passes()
    answer = browser.post(
        f"/admin/approvals/{approval.pk}/", {"verb": "approve", "words": "seen it too"}
    )
    assert answer.status_code == 403
    assert not Player.objects.get(user_id=TROOPER).banned


@pytest.mark.parametrize("path", ["/roblox/players/50", "/roblox/joins?players=50"])
def test_somebody_new_has_their_role_soon_after_joining(
    community: World, game: Game, path: str
) -> None:
    community.join(50, "Captain I")
    assert game.client.get(path).status_code == 200
    assert wanted() == {50}
    read()
    assert rank_of(50) == "Captain I"


def test_the_first_event_of_somebody_new_has_them_read(community: World, game: Game) -> None:
    community.join(50)
    game.send(game.event(50))
    assert wanted() == {50}
    read()
    assert Player.objects.get(user_id=50).member == "member"


def test_somebody_who_joins_often_is_read_once_a_minute(community: World, game: Game) -> None:
    community.join(50, "Captain I")
    game.client.get("/roblox/players/50")
    read()
    game.client.get("/roblox/players/50")
    assert wanted() == set()
    a_minute_passes()
    game.client.get("/roblox/players/50")
    assert wanted() == {50}


def test_a_join_never_waits_for_roblox(community: World, game: Game) -> None:
    before = asked(community)
    assert game.client.get("/roblox/players/50").status_code == 200
    assert asked(community) == before


def test_an_act_uses_the_last_state_while_roblox_is_away(staff: World, game: Game) -> None:
    warn(game)
    a_minute_passes()
    staff.faults({"kind": "500", "operations": [READ]})
    assert warn(game)["status"] == "applied"


def test_an_act_is_refused_once_the_last_known_state_is_too_old(staff: World, game: Game) -> None:
    warn(game)
    a_minute_passes()
    Player.objects.filter(user_id=MAJOR).update(
        member_seen_at=timezone.now() - dt.timedelta(minutes=16)
    )
    staff.faults({"kind": "500", "operations": [READ]})
    answer = warn(game)
    assert answer["status"] == "refused"
    assert "Roblox does not confirm your role" in answer["detail"]
    browser = client_as(Player.objects.get(user_id=MAJOR))
    assert browser.get("/admin/").status_code == 200
    answer = browser.post(f"/admin/acts/warn/{TROOPER}/", {"words": "seen it"})
    assert answer.status_code == 503
    assert Sanction.objects.count() == 1


def test_a_failed_reading_is_not_tried_by_every_act(staff: World, game: Game) -> None:
    warn(game)
    a_minute_passes()
    staff.faults({"kind": "500", "operations": [READ]})
    warn(game)
    before = asked(staff)
    warn(game)
    assert asked(staff) == before


def test_a_reading_of_a_dead_process_is_taken_over(staff: World, game: Game) -> None:
    later = timezone.now() + dt.timedelta(seconds=1)
    MembershipRead.objects.update_or_create(
        pk=MAJOR, defaults={"lease": "dead", "lease_until": later, "read_at": None}
    )
    staff.set_roles(MAJOR, "Captain I")
    assert warn(game)["status"] == "refused"


def test_an_answer_that_landed_late_does_not_hide_a_newer_one(staff: World, pull: Pull) -> None:
    """A pull asks Roblox, then the officer is demoted and read.

    The pull's older answer is stored between both.
    """
    from roblox import cloud

    group = cloud.group()
    found = pins.contact(group)
    held = (found.pins.roles["Initiate"], found.pins.roles["Tempest Major"])
    demoted = (found.pins.roles["Initiate"], found.pins.roles["Captain I"])
    first, second = database_time(), database_time()
    for roles_there, asked_at in ((held, first), (demoted, second)):
        reading = Reading(group.id, found, reader.ACTOR, timezone.now(), asked_at=asked_at)
        landing.land([ReportedMember(MAJOR, roles_there)], reading)
    assert rank_of(MAJOR) == "Captain I"


def test_an_older_answer_does_not_undo_a_newer_one(staff: World, pull: Pull) -> None:
    """A page that the members pull read before the demotion is stored after the later reading."""
    from roblox import cloud

    group = cloud.group()
    asked_at = database_time()
    found = pins.contact(group).pins
    assert roles(group.client, group.id)
    staff.set_roles(MAJOR, "Captain I")
    reader.read_now({MAJOR})
    assert rank_of(MAJOR) == "Captain I"
    held = (found.roles["Initiate"], found.roles["Tempest Major"])
    reading = Reading(group.id, found, reader.ACTOR, timezone.now(), asked_at=asked_at)
    landing.land([ReportedMember(MAJOR, held)], reading)
    assert rank_of(MAJOR) == "Captain I"
    assert not Client().get("/admin/").wsgi_request.user.is_authenticated


def test_an_answer_from_before_our_own_write_changes_nothing(staff: World) -> None:
    from roblox import cloud

    group = cloud.group()
    asked_at = database_time()
    found = pins.contact(group)
    held = (found.pins.roles["Initiate"], found.pins.roles["Tempest Major"])
    promoted = Command(by=OPERATOR, reason="elected", now=timezone.now())
    decisions.set_rank(MAJOR, "Supreme Council", promoted)
    while runner.step():
        pass
    reading = Reading(group.id, found, reader.ACTOR, timezone.now(), asked_at=asked_at)
    landing.land([ReportedMember(MAJOR, held)], reading)
    assert rank_of(MAJOR) == "Supreme Council"


def test_unknown_ids_fill_the_share_of_their_experience(
    staff: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_OF_ONE", 30)
    for user_id in range(500_000, 500_040):
        reader.want([user_id], experience="nexus")
    assert len(wanted()) == 30
    staff.join(7)
    assert reader.want([7], experience="training_site") == 1
    reader.step()
    assert 7 not in wanted()  # read with the first, though thirty were requested before
    assert reader.want([8]) == 1
