"""Where a simulated month is played: the emulators of Roblox and Discord, and a clock that is set."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import time_machine
from django.db.models.functions import Now

from audits.record import Actor, operator
from bench.month import DAY, GENERALS, HOSTS, Ground, Month
from discord import links
from discord.models import RoleMirror
from discord.roles import runner as discord_runner
from roblox import keys
from roblox.models import Experience
from syncs import jobs
from syncs.models import GroupLog, Mirror
from syncs.pull.runner import run
from syncs.push import runner
from tests.discord_world import DiscordWorld
from tests.roblox_world import World
from tests.shared_clock import clock_at

ACCOUNTS = 10_000  # a member's Discord id is so much higher than their user id
PATIENCE = 1800.0  # seconds until everything is written


@contextmanager
def clock(moment: dt.datetime) -> Iterator[None]:
    """Set the database's clock and the local one."""
    with clock_at(moment), time_machine.travel(moment, tick=True):
        yield


def linked(month: Month) -> list[int]:
    """Return the user ids of those who linked their Discord account: every second member."""
    return month.everybody[::2]


@dataclass(frozen=True)
class Stage:
    """Both emulators, which GRPS uses by its settings. GRPS is set up and has no players."""

    roblox: World
    discord: DiscordWorld

    def play(self, members: int, seed: int) -> Month:
        """Play a month. At its end the data stores were read, and nothing waits to be written."""
        key = keys.create(
            Experience.objects.get(key="nexus"), actor=Actor("system", "month", "month")
        )[1]
        month = Month(key, members, seed, Ground(clock, lambda _: self._read("members")))
        self._gather(month)
        month.play()
        with clock(month.end + DAY / 8):
            for user_id, entry, total in month.entries():
                self.roblox.save(user_id, entry, total)
            self._read("points", Experience.objects.get(key="nexus"))
        self._write()
        return month

    def _gather(self, month: Month) -> None:
        """Let everybody join the group before GRPS meets it, and half of them join Discord."""
        ranks = dict.fromkeys(HOSTS, "Tempest Major") | dict.fromkeys(GENERALS, "Supreme Council")
        for user_id in month.everybody:
            self.roblox.join(user_id, ranks.get(user_id, "Initiate"))
        with clock(dt.datetime.combine(month.first, dt.time(), dt.UTC)):
            GroupLog.objects.update(met_at=None)
            self._read("members")
        for user_id in linked(month):
            self.discord.join(ACCOUNTS + user_id)
            links.link(user_id, ACCOUNTS + user_id, f"citizen_{user_id}")

    def _read(self, activity: str, experience: Experience | None = None) -> None:
        """Read from Roblox as the operator does."""
        job, _ = jobs.request(activity, experience, actor=operator())
        claimed = jobs.claim_one(job.pk)
        if claimed is None:
            raise RuntimeError(f"the sync job {activity} cannot be claimed")
        run(claimed)
        job.refresh_from_db()
        if job.status != job.Status.DONE:
            raise RuntimeError(f"the sync job {activity} ended as {job.status}: {job.error}")

    def _write(self) -> None:
        """Write to Roblox and Discord until nothing is pending, whatever pause they would make."""
        deadline = time.monotonic() + PATIENCE
        while True:
            Mirror.objects.filter(status="pending").update(retry_at=Now())
            RoleMirror.objects.filter(status="pending").update(retry_at=Now())
            if not runner.step() + discord_runner.step():
                return
            if time.monotonic() > deadline:
                raise TimeoutError("writes to Roblox and Discord stay pending")
