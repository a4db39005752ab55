"""Mirrors bring Roblox to the desired state and change nothing else.

Crashes, limits and false results do not prevent it.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from audits.models import AuditEvent
from players.discipline import sanctions
from players.models import Player
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.points import adjustments
from players.privacy import erasure
from players.ranks import decisions
from roblox.models import Experience
from syncs.models import Drift, Membership, Mirror, SyncJob
from syncs.push import mirrors, runner
from tests.conftest import TESTER
from tests.console.people import owner_client
from tests.roblox_world import EVENT_HOST, KEY, NEXUS, TRAINING, World, role_id

OWNER = Staff(TESTER, rank=None, bypasses_second_person=True)
Make = Callable[..., Player]


def give(user_id: int, rank: str) -> None:
    decisions.set_rank(user_id, rank, Command(by=OWNER, reason="deserved", now=timezone.now()))


def push_all() -> None:
    Mirror.objects.filter(status="pending").update(retry_at=timezone.now())
    while runner.step():
        pass


def role_mirror(user_id: int) -> Mirror:
    return Mirror.objects.get(player__user_id=user_id, aspect="role")


def test_a_rank_becomes_its_role_and_other_roles_stay(community: World, player: Make) -> None:
    player(1)
    community.join(1, "Captain I", also=(EVENT_HOST,))
    give(1, "Shock Trooper I")
    push_all()
    assert community.roles(1) == {role_id("Shock Trooper I"), EVENT_HOST}
    mirror = role_mirror(1)
    assert (mirror.status, mirror.confirmed) == (
        "confirmed",
        {"role": 4, "rank": "Shock Trooper I"},
    )
    assert AuditEvent.objects.filter(action="mirror.confirmed").count() == 1


def test_the_first_rank_is_the_role_of_every_member(community: World, player: Make) -> None:
    player(1, "Captain I")
    community.join(1, "Captain I")
    give(1, "Initiate")
    push_all()
    assert community.roles(1) == set()
    assert role_mirror(1).status == "confirmed"


def test_many_wishes_become_one_write(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    for rank in ("Shock Trooper I", "Shock Trooper II", "Captain I"):
        give(1, rank)
    community.control("calls/reset")
    push_all()
    assert community.roles(1) == {role_id("Captain I")}
    assigned = [
        name for name in community.calls() if "assign" in name.lower() and "un" not in name.lower()
    ]
    assert [community.calls()[name]["200"] for name in assigned] == [1]


@pytest.mark.parametrize(
    ("rank", "reason"),
    [("Imperator", "lets nobody give"), ("Captain II", "no role with the rank number 15")],
)
def test_what_cannot_work_is_parked_with_its_reason(
    community: World, player: Make, rank: str, reason: str
) -> None:
    player(1)
    community.join(1)
    give(1, rank)
    push_all()
    mirror = role_mirror(1)
    assert mirror.status == "parked"
    assert reason in mirror.reason
    assert AuditEvent.objects.filter(action="mirror.parked").count() == 1


def test_a_write_that_finds_no_member_records_them_as_left(community: World, player: Make) -> None:
    player(1)
    give(1, "Captain I")
    push_all()
    assert (Player.objects.get(user_id=1).member, role_mirror(1).status) == ("left", "resting")
    assert not AuditEvent.objects.filter(action="mirror.parked").exists()
    assert AuditEvent.objects.filter(action="member.left").count() == 1


def test_a_parked_role_of_no_member_fills_no_queue(community: World, player: Make) -> None:
    player(1)
    give(1, "Captain I")
    push_all()  # they are not in the group
    Mirror.objects.filter(aspect="role").update(status="parked", reason="No such role.")
    assert not mirrors.parked().exists()
    owner = owner_client()
    assert "cannot be written" not in owner.get("/admin/?kind=parked").content.decode()
    assert "1 more concern people" in owner.get("/admin/sync/parked/").content.decode()
    Player.objects.update(member="member")
    assert "cannot be written" in owner.get("/admin/?kind=parked").content.decode()


def test_a_member_above_the_keys_owner_is_parked(community: World, player: Make) -> None:
    player(1)
    community.join(1, "Imperator")
    give(1, "Captain I")
    push_all()
    assert "the key's owner ranks below this member" in role_mirror(1).reason


def test_trouble_with_the_key_parks_nothing(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    give(1, "Captain I")
    community.http.delete(f"/_emulator/keys/{KEY}")
    push_all()
    mirror = role_mirror(1)
    assert mirror.status == "pending"
    assert "make a new one in Creator Hub" in mirror.reason
    community.control("keys", key=KEY, name="tests", ownerUserId=9001, scopes=["*"], enabled=True)
    push_all()
    assert community.roles(1) == {role_id("Captain I")}


def test_adjusted_points_reach_every_universe(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    adjustments.adjust(1, 2550, Command(by=OWNER, reason="a lost save", now=timezone.now()))
    give(1, "Captain I")
    push_all()
    for universe in (NEXUS, TRAINING):
        entry = community.entry("GRPS_State", "player:1", universe)
        assert entry["adjusted"] == {"sequence": 1, "total": 2550}
        assert entry["standing"] == {"rank": "Captain I", "sanction": None}
        assert community.messages(universe)[-1]["topic"] == "GRPS"
        assert '"sequence":1' in community.messages(universe)[-1]["message"]
    assert community.entry("GRPS_Points", "player:1") is None


def test_what_others_keep_in_our_entry_stays(community: World, player: Make) -> None:
    community.act(
        "setEntry",
        universeId=NEXUS,
        store="GRPS_State",
        scope="global",
        key="player:1",
        value={"note": "of the game", "adjusted": {"sequence": 0, "total": 0}},
        index=None,
    )
    player(1)
    adjustments.adjust(1, 100, Command(by=OWNER, reason="well done", now=timezone.now()))
    push_all()
    entry = community.entry("GRPS_State", "player:1")
    assert entry["note"] == "of the game"
    assert entry["adjusted"] == {"sequence": 1, "total": 100}


def test_a_ban_is_a_restriction_with_its_case(community: World, player: Make) -> None:
    player(1)
    until = timezone.now() + dt.timedelta(days=2)
    done = sanctions.ban(
        1,
        Command(by=OWNER, reason="cheats, see https://example.com/x @mod", now=timezone.now()),
        until=until,
    )
    assert done.sanction is not None
    push_all()
    for universe in (NEXUS, TRAINING):
        there = community.restriction(1, universe)
        assert there["active"] is True
        assert f"GRPS case {done.sanction.pk}" in there["privateReason"]
        assert "example.com" not in there["displayReason"]
        assert "@mod" not in there["displayReason"]
        assert abs(int(there["duration"].rstrip("s")) - 2 * 86_400) < 120
    assert community.entry("GRPS_State", "player:1")["standing"]["sanction"] == "ban"
    sanctions.unban(1, Command(by=OWNER, reason="appeal", now=timezone.now()))
    push_all()
    assert community.restriction(1)["active"] is False


@pytest.mark.parametrize("alts", [True, False])
def test_a_ban_says_whether_alternative_accounts_are_kept_out(
    community: World, player: Make, alts: bool
) -> None:
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=timezone.now()), alt_accounts=alts)
    push_all()
    assert community.restriction(1)["excludeAltAccounts"] is not alts


def test_a_ban_that_waited_for_days_is_written_all_the_same(community: World, player: Make) -> None:
    player(1)
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=timezone.now()))
    Mirror.objects.update(wanted_at=timezone.now() - dt.timedelta(days=9))
    push_all()
    assert community.restriction(1)["active"] is True


def test_a_bans_end_by_time_gives_everything_back(community: World, player: Make) -> None:
    player(1)
    now = timezone.now()
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=now), until=now + dt.timedelta(hours=1))
    assert sanctions.end_due(now + dt.timedelta(hours=2)) == 1
    push_all()
    assert Player.objects.get().banned is False
    assert community.restriction(1)["active"] is False


def test_while_writing_is_off_nothing_is_written(
    community: World, player: Make, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ROBLOX_WRITES = False
    player(1)
    community.join(1, "Shock Trooper I")
    give(1, "Captain I")
    adjustments.adjust(1, 100, Command(by=OWNER, reason="well done", now=timezone.now()))
    push_all()
    call_command("sync", "mirrors")
    shown = capsys.readouterr().out
    assert f"assign role Captain I (rank 14, id {role_id('Captain I')}) to user 1" in shown
    assert (
        f"unassign role Shock Trooper I (rank 4, id {role_id('Shock Trooper I')}) from user 1"
        in shown
    )
    assert "set GRPS_State/player:1 in universe 5001" in shown
    assert "OFF. ROBLOX_WRITES is off." in shown
    assert community.roles(1) == {role_id("Shock Trooper I")}
    assert community.entry("GRPS_State", "player:1") is None
    assert community.messages() == []


def test_an_experience_that_is_switched_off_is_not_written(community: World, player: Make) -> None:
    call_command("sync", "writes", "nexus", "off", "--reason", "maintenance")
    player(1)
    adjustments.adjust(1, 100, Command(by=OWNER, reason="well done", now=timezone.now()))
    push_all()
    assert community.entry("GRPS_State", "player:1", NEXUS) is None
    assert community.entry("GRPS_State", "player:1", TRAINING)["adjusted"]["total"] == 100
    assert Mirror.objects.get(aspect="adjusted", experience__key="nexus").status == "pending"


def test_a_write_without_an_answer_is_not_repeated(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    give(1, "Captain I")
    adjustments.adjust(1, 100, Command(by=OWNER, reason="well done", now=timezone.now()))
    community.faults(
        {"kind": "timeoutAfter", "operations": ["*"], "rate": 1.0, "count": 3, "seconds": 0.2}
    )
    push_all()
    push_all()
    community.faults()
    push_all()
    assert community.roles(1) == {role_id("Captain I")}
    assert community.entry("GRPS_State", "player:1")["adjusted"] == {"sequence": 1, "total": 100}
    assert not Mirror.objects.exclude(status="confirmed").exists()


def test_a_change_made_during_a_write_stays(
    community: World, player: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    player(1)
    community.join(1)
    give(1, "Shock Trooper I")
    record_push_result = runner._record_push_result

    def late(desired: Any, error: Any) -> None:
        if (desired.mirrors[0].aspect, desired.mirrors[0].version) == ("role", 1):
            give(1, "Captain I")
        record_push_result(desired, error)

    monkeypatch.setattr(runner, "_record_push_result", late)
    runner.step()
    mirror = role_mirror(1)
    assert (mirror.status, mirror.confirmed["rank"]) == ("pending", "Shock Trooper I")
    push_all()
    assert community.roles(1) == {role_id("Captain I")}


def test_an_erased_person_is_not_written_about(community: World, player: Make) -> None:
    player(1)
    community.join(1)
    give(1, "Captain I")
    erasure.erase(1, by=OWNER, reason="RightToErasureRequest", now=timezone.now())
    push_all()
    assert community.roles(1) == set()
    assert not Mirror.objects.filter(aspect="role").exists()


def test_no_job_is_needed_for_a_push(community: World) -> None:
    assert runner.step() == 0
    assert not SyncJob.objects.exists()


def test_a_universe_that_is_connected_later_is_told_all_of_it(
    community: World, player: Make
) -> None:
    Experience.objects.filter(key="nexus").update(universe_id=None)
    community.join(1)
    player(1)
    adjustments.adjust(1, 700, Command(by=OWNER, reason="well done", now=timezone.now()))
    give(1, "Captain I")
    sanctions.ban(1, Command(by=OWNER, reason="cheats", now=timezone.now()))
    player(2)
    assert not Mirror.objects.filter(experience__key="nexus").exists()
    call_command("bootstrap", quiet=True)
    push_all()
    entry = community.entry("GRPS_State", "player:1")
    assert entry["adjusted"] == {"sequence": 1, "total": 700}
    assert entry["standing"] == {"rank": "Captain I", "sanction": "ban"}
    assert community.restriction(1)["active"] is True
    assert not Mirror.objects.filter(player__user_id=2).exists()


def test_erasing_leaves_nothing_in_synced_data(community: World, player: Make) -> None:
    player(1)
    Membership.objects.create(group_id=1, user_id=1, roles=[], seen_at=timezone.now(), seen_by=1)
    for aspect, subject in (("restriction", "1"), ("entry", "player:1"), ("entry", "player:12")):
        Drift.objects.create(aspect=aspect, subject=subject)
    erasure.erase(1, by=OWNER, reason="RightToErasureRequest", now=timezone.now())
    assert not Membership.objects.exists()
    assert list(Drift.objects.values_list("subject", flat=True)) == ["player:12"]
