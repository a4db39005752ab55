"""Everything at once: ranks, links, members and roles change while Discord fails.

`make test` plays a short storm, `make test-long` a long one.
"""

import os
import random
from typing import Any

import pytest
from django.db.models.functions import Now

from discord import links
from discord.models import DiscordLink, Guild, RoleMirror
from discord.roles import reading, runner
from discord.roles.targets import wanted
from players.models import Player
from tests.discord.conftest import ROLES, player, promote
from tests.discord_world import CAPTAIN, OTHER, TROOPER, DiscordWorld

LONG = bool(os.environ.get("GRPS_LONG"))
PEOPLE, STEPS = (30, 400) if LONG else (6, 40)
RANKS = ["Initiate", "Shock Trooper I", "Captain I", "Tempest Major", "Suspended"]
FAULTS: list[dict[str, Any]] = [
    {"kind": "429", "rate": 0.1, "retryAfter": 0.01},
    {"kind": "500", "rate": 0.1},
    {"kind": "drop", "rate": 0.05},
    {"kind": "truncate", "rate": 0.05},
]


class Storm:
    """People with their accounts in the guild, and one random change at a time."""

    def __init__(self, guild: DiscordWorld, seed: int) -> None:
        self.guild, self.dice = guild, random.Random(seed)
        self.people = [player(number) for number in range(1, PEOPLE + 1)]
        self.there = {one.user_id + 1000 for one in self.people}
        guild.join(*self.there, roles=[OTHER])
        for one in self.people:
            links.link(one.user_id, one.user_id + 1000)

    def change(self) -> None:
        one = self.dice.choice(self.people)
        account = one.user_id + 1000
        act = self.dice.randrange(7)
        if act <= 1:
            promote(one, self.dice.choice(RANKS))
        elif act == 2:
            Player.objects.filter(pk=one.pk).update(banned=self.dice.random() < 0.5)
        elif act == 3 and not links.unlink(account):
            links.link(one.user_id, account)
        elif act == 4 and account in self.there:
            self.guild.leave(account)
            self.there.discard(account)
        elif act == 5 and account not in self.there:
            self.guild.join(account, roles=[OTHER])
            self.there.add(account)
        elif act == 6 and account in self.there and account in _linked():
            held = self.guild.held(account) ^ {self.dice.choice([CAPTAIN, TROOPER])}
            self.guild.join(account, roles=sorted(held))

    def work(self) -> None:
        """Let the workers work, whatever pause they would make."""
        RoleMirror.objects.filter(status="pending").update(retry_at=Now())
        Guild.objects.update(retry_at=Now())
        if self.dice.random() < 0.3:
            reading.want()
        self.guild_calms()
        runner.step()
        reading.step()

    def guild_calms(self) -> None:
        """End a pause after many failures, as its time does."""
        from discord.bot import bot

        pacer = bot().client.pacer
        pacer._valkey.delete(pacer._gate, pacer._invalid)


def _linked() -> set[int]:
    return set(DiscordLink.objects.values_list("discord_id", flat=True))


@pytest.mark.parametrize("seed", range(5 if LONG else 1))
def test_roles_are_right_after_a_storm(guild: DiscordWorld, seed: int) -> None:
    storm = Storm(guild, seed)
    guild.post("faults", {"faults": FAULTS, "seed": seed})
    for step in range(STEPS):
        storm.change()
        if step % 4 == 0:
            storm.work()
    guild.faults()
    for _ in range(6):
        reading.want()
        storm.work()
    desired = dict(RoleMirror.objects.values_list("discord_id", "desired"))
    for account in storm.there:
        target = wanted(desired.get(account), ROLES)
        assert guild.held(account) == target | {OTHER}, account
    resting = {account for account in _linked() if account not in storm.there}
    open_rows = RoleMirror.objects.exclude(status="confirmed")
    there = {row: row.reason for row in open_rows if row.discord_id not in resting}
    assert there == {}
    assert {row.discord_id for row in open_rows if row.status == "resting"} == resting
    assert RoleMirror.objects.filter(desired__isnull=True).count() == 0
