"""`make demo`: simulate a community, and check the results.

A day is played on a running `make up`. A month of events, leaves and quotas follows in a database
of its own, since its clock is set.
"""

import argparse
import datetime as dt
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench import month_run, staff_side, webhook_side
from bench.demo_checks import SYNC_TIMEOUT, check
from bench.discord_side import DiscordSide
from bench.event_side import EventSide
from bench.games import HOUR, Day, Wire, universe
from bench.retry import retry
from bench.roblox_side import RobloxSide
from common.environment import BASE_DIR
from devserver import emulator
from devserver.emulator import GROUP

OFFICERS = ["Electro Colonel", "Brigadier General", "Stormmarshal", "Supreme Admirals"]
ARRIVAL = 1800.0  # seconds of simulated time in which all players join for the first time
ADJUST_EVERY = 20  # ticks between two adjustments by staff
UNANSWERED = ("GRPS does not answer", "is not known here", "cannot be found out", "no policy here")
console = Console()


class Demo:
    """One day in all experiences of a running `make up`. `seed` decides what happens."""

    def __init__(self, ready: dict[str, Any], players: int, seed: int, hours: float) -> None:
        self.ready, self.dice, self.hours = ready, random.Random(seed), hours
        self.now = dt.datetime.now(dt.UTC)
        first = 100_000_000 + int(self.now.timestamp()) % 10_000_000 * 1000
        self.officers = list(range(first - len(OFFICERS), first))
        self.players = range(first, first + players)
        self.everybody = [*self.officers, *self.players]
        self.commands = staff_side.chat_commands(self.officers, self.players)
        self.emulated = emulator.is_local(ready["openCloud"]["url"])
        self.started = time.time() - (hours + 1) * HOUR
        self.days = [
            self._day(row) for row in sorted(ready["experiences"], key=lambda row: str(row["key"]))
        ]

    def _day(self, row: dict[str, Any]) -> Day:
        from roblox.models import Experience

        dice = random.Random(self.dice.random())
        wire = Wire(self.ready["url"], row["apiKey"], dice)
        number = retry(lambda: Experience.objects.get(key=row["key"]).universe_id) or 0
        roblox = self.ready["openCloud"]["url"] if self.emulated else ""
        place = universe(wire, self.dice.randrange(2**31), self.started - ARRIVAL, roblox, number)
        return Day(row["key"], place, wire, self.players, self.hours, dice)

    def play(self, progress: Callable[[float], None] = lambda share: None) -> None:
        """Simulate the day in all experiences. Raises LuauError for errors of the modules."""
        self._arrive()
        for day in self.days:
            day.begin(self.started)
        tick = 0
        while not all(day.is_over() for day in self.days):
            for day in self.days:
                day.advance()
            tick += 1
            if tick % ADJUST_EVERY == 0:
                self._adjust()
            self._send_command()
            progress(self.days[0].elapsed / HOUR / self.hours)
        for day in self.days:
            day.end()

    def _arrive(self) -> None:
        """Let all players join for the first time, and give officers their ranks.

        Two thirds of the players get a rank that is a month old, so that promotions are due.
        """
        from django.db import connection

        self._join_group()
        self.days[0].arrive(self.everybody)
        self._await_membership()
        self.days[0].officers = self.officers
        retry(self._promote)

        def age() -> None:
            veterans = [user_id for user_id in self.players if user_id % 3]
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE players SET rank_since = %s WHERE user_id = ANY(%s)",
                    [self.now - dt.timedelta(days=30), veterans],
                )

        retry(age)

    def _join_group(self) -> None:
        """Add everybody to the group: other players earn nothing and are not listed."""
        if not self.emulated:
            return
        members = [
            {"userId": one, "username": f"player_{one}", "roles": []} for one in self.everybody
        ]
        with httpx.Client(base_url=self.ready["openCloud"]["url"], timeout=60) as roblox:
            roblox.post(
                "/_emulator/members", json={"groupId": int(GROUP), "members": members}
            ).raise_for_status()

    def _await_membership(self) -> None:
        """Wait until GRPS has read the memberships, since only members are promoted."""
        from players.models import Player

        deadline = time.monotonic() + SYNC_TIMEOUT
        known = Player.objects.filter(user_id__in=self.everybody, member="member")
        while retry(known.count) < len(self.everybody):
            if time.monotonic() > deadline:
                raise TimeoutError("GRPS did not read who is a member of the group.")
            time.sleep(1)

    def _promote(self) -> None:
        from common.errors import Refused
        from players.moderation.command import Command
        from players.ranks.decisions import set_rank

        for user_id, rank in zip(self.officers, OFFICERS, strict=True):
            with suppress(Refused):  # set by an earlier attempt that was interrupted
                set_rank(
                    user_id,
                    rank,
                    Command(
                        by=staff_side.demo_operator(),
                        reason="the demo needs officers",
                        now=self.now,
                    ),
                )

    def _adjust(self) -> None:
        """Adjust a player's points as staff do."""
        from django.utils import timezone

        from players.moderation.command import Command
        from players.points import adjustments

        user_id, amount = self.dice.choice(self.players), self.dice.choice([-1_25, 2_50, 10_00])
        by = staff_side.demo_operator()
        retry(
            lambda: adjustments.adjust(
                user_id, amount, Command(by=by, reason="the demo adjusts", now=timezone.now())
            )
        )

    def _send_command(self) -> None:
        """Send the next chat command. Keeps it for another attempt until GRPS has answered."""
        day = self.days[0]
        if not self.commands or day.wire.away:
            return
        officer, text = self.commands[0]
        answer = day.officer_says(officer, text)
        if answer and not any(words in answer for words in UNANSWERED):
            self.commands.pop(0)


def ready_file(state: Path) -> dict[str, Any]:
    """Read ready.json of a running `make up`. Exits when there is none."""
    file = state / "ready.json"
    if not file.exists():
        sys.exit(f"Nothing runs on {state}: start `make up` first, in another terminal.")
    ready: dict[str, Any] = json.loads(file.read_text())
    return ready


def _report(demo: Demo, seconds: float) -> None:
    count: Counter[str] = Counter()
    for day in demo.days:
        count.update(day.count + day.wire.results + Counter({"events played": day.events}))
        count["calls to data stores"] += sum(
            number for kind, number in day.universe.counts.items() if "Async" in kind
        )
        count["calls to data stores that failed, done or not"] += day.universe.counts["failed"]
    table = Table(
        "what",
        "count",
        title=f"A day of {len(demo.players):,} players, played in {seconds:.0f} s",
    )
    for name, number in sorted(count.items()):
        table.add_row(name, f"{number:,}")
    for name, number in _outcomes(demo):
        table.add_row(name, f"{number:,}")
    console.print(table)


def _outcomes(demo: Demo) -> Iterator[tuple[str, int]]:
    from django.db.models import Count

    from audits.models import AuditEvent
    from players.models import Decision

    decisions = Decision.objects.filter(player__user_id__in=demo.players)
    for row in (
        decisions.values("kind", "status").annotate(number=Count("id")).order_by("kind", "status")
    ):
        yield f"{row['kind']}s {row['status']}", row["number"]
    mismatches = AuditEvent.objects.filter(action="points.mismatch", at__gte=demo.now)
    yield "mismatches recorded for the staff", mismatches.count()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--players", type=int, default=200, help="of the day; 0: no day")
    parser.add_argument("--hours", type=float, default=3, help="of simulated time")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--month", type=int, default=40, help="members of the month; 0: no month")
    options = parser.parse_args()
    code = _play_day(options) if options.players else 0
    if options.month:
        code = max(code, month_run.start(options.month, options.seed))
    return code


def _play_day(options: argparse.Namespace) -> int:
    state = Path(os.environ.get("GRPS_STATE") or BASE_DIR / ".local")
    ready = ready_file(state)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
    django.setup()
    started = time.monotonic()
    demo = Demo(ready, options.players, options.seed, options.hours)
    columns = (TextColumn("the day"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Refreshed explicitly: another thread must not free objects of a running Luau machine.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("the day", total=1.0)
        demo.play(lambda share: bar.update(task, completed=share, refresh=True))
    seconds = time.monotonic() - started
    with console.status("Comparing data stores, ledger, leaderboard and console …"):
        errors = retry(lambda: check(demo))
    errors += retry(lambda: staff_side.play(list(demo.players)))
    with console.status("Awarding a hosted event and taking it back …"):
        errors += EventSide(
            ready["url"], ready["experiences"][0]["apiKey"], demo.officers[-1], demo.players
        ).play()
    if demo.emulated:
        with console.status("Giving roles on Discord …"):
            errors += DiscordSide(demo.players).play()
        with console.status("Synchronising changes made on Roblox and in GRPS …"):
            errors += RobloxSide(ready, demo.players.stop + 100).play()
    with console.status("Checking webhooks to Discord, Slack and Standard Webhooks receivers …"):
        webhook_errors, median = webhook_side.play(demo.players.start)
    errors += webhook_errors
    _report(demo, seconds)
    for line in errors[:20]:
        console.print(line, style="red")
    if errors:
        return 1
    console.print(
        "Data stores, ledger, leaderboard, case files, games and audit chain agree.", style="green"
    )
    console.print("Some requests wait in the queue at /admin/.", style="green")
    if demo.emulated:
        console.print("Changes on Roblox and changes in GRPS are synchronised.", style="green")
    console.print(
        f"Webhooks arrived at Discord, Slack and Standard Webhooks receivers after {median:.2f} s (median).",
        style="green",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
