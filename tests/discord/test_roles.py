import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now

from audits.models import AuditEvent
from common import database_clock
from discord import links
from discord.models import DiscordLink, Guild, RoleMirror
from discord.rest import guilds
from discord.roles import reading, runner
from discord.roles.targets import steps, wanted
from players.models import Player
from players.privacy import erasure
from roblox import write_hold
from tests.discord.conftest import ROLES, mirror, player, promote
from tests.discord_world import (
    BOT_ROLE,
    CAPTAIN,
    GUILD,
    INITIATE,
    LINKED,
    OFFICER,
    OTHER,
    SUSPENDED,
    TROOPER,
    DiscordWorld,
)
from tests.players.conftest import OWNER

Linked = Callable[..., Player]


def push() -> None:
    """Push everything that is pending, whenever it is due."""
    RoleMirror.objects.filter(status="pending").update(retry_at=Now())
    runner.step()


def read() -> None:
    """Read all members of the guild."""
    Guild.objects.update(read_at=None, retry_at=Now())
    assert reading.step() > 0


def test_roles_follow_the_rank(guild: DiscordWorld, linked: Linked) -> None:
    made = linked(1, roles=[OTHER])
    push()
    assert guild.held(1001) == {LINKED, INITIATE, OTHER}
    assert mirror(1).status == "confirmed"
    promote(made, "Captain I")
    assert mirror(1).status == "pending"
    push()
    assert guild.held(1001) == {LINKED, CAPTAIN, OTHER}
    changed = AuditEvent.objects.filter(action="discord.roles_changed").order_by("id").last()
    assert changed is not None
    assert changed.details["changes"] == ["give Captain", "take Initiate"]


def test_changes_before_a_push_are_written_once(guild: DiscordWorld, linked: Linked) -> None:
    made = linked(1)
    for rank in ("Shock Trooper I", "Captain I", "Shock Trooper I"):
        promote(made, rank)
    push()
    assert guild.held(1001) == {LINKED, TROOPER}
    assert guild.calls("members.addRole") == {"204": 2}
    assert guild.calls("members.removeRole") == {}


def test_a_change_during_a_push_stays_pending(
    guild: DiscordWorld, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = linked(1)
    give = guilds.give_role

    def give_then_promote(*arguments: Any) -> None:
        give(*arguments)
        promote(made, "Captain I")

    monkeypatch.setattr(guilds, "give_role", give_then_promote)
    push()
    monkeypatch.undo()
    row = mirror(1)
    assert (row.status, row.confirmed["rank"]) == ("pending", "Initiate")
    push()
    assert guild.held(1001) == {LINKED, CAPTAIN}


def test_a_worker_that_lost_its_lease_writes_nothing(
    guild: DiscordWorld, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(1)
    read_member = guilds.member

    def read_then_lose(*arguments: Any) -> Any:
        found = read_member(*arguments)
        RoleMirror.objects.update(lease="another")
        return found

    monkeypatch.setattr(guilds, "member", read_then_lose)
    push()
    assert guild.held(1001) == set()
    assert (mirror(1).status, mirror(1).lease) == ("pending", "another")


def test_a_suspended_player_has_that_rank_s_role(guild: DiscordWorld, linked: Linked) -> None:
    made = linked(1, "Tempest Major", roles=[OFFICER])
    push()
    assert guild.held(1001) == {LINKED, OFFICER}
    promote(made, "Suspended")
    push()
    assert guild.held(1001) == {LINKED, SUSPENDED}


def test_bans_and_leaving_take_the_roles(guild: DiscordWorld, linked: Linked) -> None:
    banned, gone = linked(1, "Captain I"), linked(2, "Captain I")
    push()
    Player.objects.filter(pk=banned.pk).update(banned=True)
    Player.objects.filter(pk=gone.pk).update(member="left", listed=False)
    push()
    assert (guild.held(1001), guild.held(1002)) == (set(), {LINKED})


def test_an_unlinked_account_loses_its_roles(guild: DiscordWorld, linked: Linked) -> None:
    linked(1, "Captain I", roles=[OTHER])
    push()
    links.unlink(1001)
    assert mirror(1).user_id is None
    push()
    assert guild.held(1001) == {OTHER}
    assert not RoleMirror.objects.exists()


def test_another_account_gets_the_roles_instead(guild: DiscordWorld, linked: Linked) -> None:
    linked(1, "Captain I")
    push()
    guild.join(5005)
    DiscordLink.objects.filter(user_id=1).update(discord_id=5005)
    push()
    assert (guild.held(1001), guild.held(5005)) == (set(), {LINKED, CAPTAIN})


def test_who_plays_after_linking_gets_roles(guild: DiscordWorld) -> None:
    guild.join(1001)
    links.link(1, 1001)
    push()
    assert guild.held(1001) == {LINKED}
    player(1, "Captain I")
    push()
    assert guild.held(1001) == {LINKED, CAPTAIN}


def test_who_is_not_in_the_guild_rests(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    push()
    guild.leave(1001)
    read_nothing_but_the_bot = Guild.objects.get()
    assert read_nothing_but_the_bot.read_at is None
    read()
    assert mirror(1).status == "resting"
    guild.join(1001)
    read()
    push()
    assert (mirror(1).status, guild.held(1001)) == ("confirmed", {LINKED, INITIATE})


def test_the_push_notices_who_left(guild: DiscordWorld, linked: Linked) -> None:
    made = linked(1)
    push()
    guild.leave(1001)
    promote(made, "Captain I")
    push()
    assert (mirror(1).status, mirror(1).reason) == ("resting", runner.REST)


def test_drift_is_found_and_put_right(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    linked(2)
    push()
    guild.join(1001, roles=[LINKED, CAPTAIN, OTHER])
    read()
    assert mirror(1).drift == {"missing": [INITIATE], "extra": [CAPTAIN]}
    assert mirror(2).drift is None
    push()
    assert guild.held(1001) == {LINKED, INITIATE, OTHER}
    assert Guild.objects.get().figures == {"members": 2, "linked": 2, "drift": 1, "unlinked": 0}


def test_without_the_intent_the_reading_says_so(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    guild.post("options", {"membersIntent": False})
    assert reading.step() == 0
    assert "Server Members Intent" in Guild.objects.get().unread
    guild.post("options", {"membersIntent": True})
    read()
    assert Guild.objects.get().unread == ""


def test_unlinked_holders_keep_their_roles(guild: DiscordWorld, settings: Any) -> None:
    guild.join(4004, roles=[CAPTAIN, OTHER])
    read()
    push()
    assert guild.held(4004) == {CAPTAIN, OTHER}
    assert Guild.objects.get().figures["unlinked"] == 1


def test_unlinked_holders_lose_them_if_configured(guild: DiscordWorld, settings: Any) -> None:
    settings.DISCORD_ROLES = type(ROLES)(ranks=ROLES.ranks, unlinked="remove")
    guild.join(4004, roles=[CAPTAIN, OTHER])
    read()
    push()
    assert guild.held(4004) == {OTHER}


def test_a_role_above_the_bot_s_is_parked(guild: DiscordWorld, linked: Linked) -> None:
    guild.change_roles(Captain={"position": 60})
    linked(1, "Captain I")
    push()
    row = mirror(1)
    assert row.status == "parked"
    assert "move the bot's role above it" in row.reason
    assert guild.held(1001) == {LINKED}
    assert AuditEvent.objects.filter(action="discord.roles_parked").count() == 1
    assert guild.calls("members.addRole") == {"204": 1}, "no call was made to be refused"
    guild.change_roles()
    Guild.objects.update(checked_at=None)
    read()  # finds the changed roles
    push()
    assert (mirror(1).status, guild.held(1001)) == ("confirmed", {LINKED, CAPTAIN})


def test_a_role_that_was_deleted_is_parked(guild: DiscordWorld, linked: Linked) -> None:
    linked(1, "Captain I")
    push()
    guild.roles = [role for role in guild.roles if role["id"] != TROOPER]
    guild.change_roles()
    made = Player.objects.get(user_id=1)
    promote(made, "Shock Trooper I")
    push()  # the roles as last read still have it
    assert mirror(1).status == "parked"
    assert "no such role" in mirror(1).reason


def test_without_the_permission_nothing_is_tried(guild: DiscordWorld, linked: Linked) -> None:
    guild.change_roles(GRPS={"permissions": 0})
    linked(1)
    push()
    row = mirror(1)
    assert (row.status, "Manage Roles" in row.reason) == ("pending", True)
    assert guild.get("invalid") == {"invalid": 0}
    assert Guild.objects.get().problem == row.reason


def test_a_limit_only_delays(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    guild.faults({"kind": "429", "operations": ["members.addRole"], "count": 1, "retryAfter": 0.2})
    push()
    row = mirror(1)
    assert (row.status, row.attempts) == ("pending", 0)
    push()
    assert guild.held(1001) == {LINKED, INITIATE}


@pytest.mark.parametrize("kind", ["500", "drop", "truncate"])
def test_faults_are_tried_again(guild: DiscordWorld, linked: Linked, kind: str) -> None:
    made = linked(1, "Captain I")
    push()
    promote(made, "Initiate")
    guild.faults({"kind": kind, "operations": ["members.get"], "count": 1})
    push()
    assert (mirror(1).status, mirror(1).attempts) == ("pending", 1)
    push()
    assert guild.held(1001) == {LINKED, INITIATE}


def test_nothing_is_written_while_off(guild: DiscordWorld, linked: Linked, settings: Any) -> None:
    linked(1)
    settings.DISCORD_WRITES = False
    push()
    settings.DISCORD_WRITES = True
    write_hold.place("restored")
    push()
    assert guild.held(1001) == set()
    write_hold.release()
    assert runner.preview(5)[0][1] == ["give Linked", "give Initiate"]
    assert guild.held(1001) == set()
    push()
    assert guild.held(1001) == {LINKED, INITIATE}


def test_a_bot_outside_the_guild_is_a_problem(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    guild.post("guilds", {"id": GUILD, "name": "Nation", "hasBot": False})
    push()
    assert (mirror(1).status, "invite it" in mirror(1).reason) == ("pending", True)
    assert Guild.objects.get().problem == mirror(1).reason


def test_the_bot_s_own_role_is_never_managed(guild: DiscordWorld, linked: Linked) -> None:
    guild.change_roles(Captain={"managed": True})
    linked(1, "Captain I")
    push()
    assert "belongs to an integration" in mirror(1).reason
    assert BOT_ROLE not in ROLES.managed


def test_erasure_takes_the_link_and_the_roles(guild: DiscordWorld, linked: Linked) -> None:
    linked(1, "Captain I", roles=[OTHER])
    push()
    erasure.erase(1, by=OWNER, reason="asked", now=database_clock.now())
    assert not DiscordLink.objects.exists()
    row = mirror(1)
    assert (row.user_id, row.desired) == (None, None)
    push()
    assert guild.held(1001) == {OTHER}
    assert not RoleMirror.objects.exists()
    later = AuditEvent.objects.order_by("id").last()
    assert later is not None
    assert later.action != "discord.roles_changed", "nothing about them is recorded afterwards"


def test_forgotten_after_a_month(guild: DiscordWorld, linked: Linked) -> None:
    linked(1)
    linked(2)
    links.unlink(1001)
    RoleMirror.objects.update(wanted_at=Now() - dt.timedelta(days=31))
    assert reading.forget() == 1
    assert list(RoleMirror.objects.values_list("discord_id", flat=True)) == [1002]


@pytest.mark.parametrize(
    ("desired", "roles"),
    [
        (None, set()),
        ({}, {LINKED}),
        ({"rank": "Captain I", "level": "INI"}, {LINKED, CAPTAIN}),
        ({"rank": "Tempest Major", "level": "CMD"}, {LINKED, OFFICER}),
        ({"rank": "Captain I", "level": "CMD", "left": True}, {LINKED}),
        ({"rank": "Captain I", "level": "CMD", "banned": True}, set()),
        ({"rank": "A rank without a role", "level": "INI"}, {LINKED}),
    ],
)
def test_wanted_roles(desired: Any, roles: set[int]) -> None:
    assert wanted(desired, ROLES) == roles


def test_steps_never_touch_other_roles() -> None:
    found = steps([OTHER, CAPTAIN, LINKED], frozenset({LINKED, TROOPER}), ROLES.managed)
    assert found == ((TROOPER,), (CAPTAIN,))
