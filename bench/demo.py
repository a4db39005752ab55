"""`make demo`: a day of a community on a running `make up`, played by the modules of roblox/luau;
all books agree.
"""

import argparse
import datetime as dt
import json
import os
import random
import re
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

from bench import staff_side, told_side
from bench.games import HOUR, Day, EmulatedUniverse, Wire, universe
from bench.patience import patiently
from bench.roblox_side import RobloxSide
from devserver import emulator
from devserver.emulator import GROUP

BASE_DIR = Path(__file__).resolve().parent.parent
OFFICERS = ["Electro Colonel", "Brigadier General", "Stormmarshal", "Supreme Admirals"]
ARRIVAL = 1800.0  # seconds of the games' time in which everybody comes for the first time
ADJUSTED_EVERY = 20  # ticks between two adjustments by the console
SETTLED_WITHIN = 240.0  # seconds until pulls and the queue must have brought everything
UNANSWERED = ("GRPS does not answer", "is not known here", "cannot be found out", "no policy here")
SHOWN = 20  # players whose case files and whose boards in the game are looked at
POINTS = re.compile(r"<dt>Points</dt>\s*<dd>\s*([0-9.]+)")  # of a case file
console = Console()


class Demo:
    """One day in all experiences of a running `make up`; everything is decided by `seed`."""

    def __init__(self, ready: dict[str, Any], players: int, seed: int, hours: float) -> None:
        self.ready, self.dice, self.hours = ready, random.Random(seed), hours
        self.now = dt.datetime.now(dt.UTC)
        first = 100_000_000 + int(self.now.timestamp()) % 10_000_000 * 1000
        self.officers = list(range(first - len(OFFICERS), first))
        self.players = range(first, first + players)
        self.everybody = [*self.officers, *self.players]
        self.orders = staff_side.orders(self.officers, self.players)
        self.emulated = emulator.is_local(ready["openCloud"]["url"])
        self.began = time.time() - (hours + 1) * HOUR
        self.days = [
            self._day(row) for row in sorted(ready["experiences"], key=lambda row: str(row["key"]))
        ]

    def _day(self, row: dict[str, Any]) -> Day:
        from roblox.models import Experience

        dice = random.Random(self.dice.random())
        wire = Wire(self.ready["url"], row["apiKey"], dice)
        number = patiently(lambda: Experience.objects.get(key=row["key"]).universe_id) or 0
        roblox = self.ready["openCloud"]["url"] if self.emulated else ""
        place = universe(wire, self.dice.randrange(2**31), self.began - ARRIVAL, roblox, number)
        return Day(row["key"], place, wire, self.players, self.hours, dice)

    def play(self, progress: Callable[[float], None] = lambda share: None) -> None:
        """The day, in all experiences at once. Raises LuauError for what the modules did not catch."""
        self._arrive()
        for day in self.days:
            day.begin(self.began)
        tick = 0
        while not all(day.is_over() for day in self.days):
            for day in self.days:
                day.go_on()
            tick += 1
            if tick % ADJUSTED_EVERY == 0:
                self._adjust()
            self._speak()
            progress(self.days[0].elapsed / HOUR / self.hours)
        for day in self.days:
            day.end()

    def _arrive(self) -> None:
        """Everybody comes for the first time. Two thirds of them have been around for a month: the
        demo says so in the database, since a day of play makes nobody a month older. Officers get
        their ranks by hand.
        """
        from django.db import connection

        self._join_group()
        self.days[0].arrive(self.everybody)
        self._await_membership()
        self.days[0].officers = self.officers
        patiently(self._promote)

        def age() -> None:
            veterans = [user_id for user_id in self.players if user_id % 3]
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE players SET rank_since = %s WHERE user_id = ANY(%s)",
                    [self.now - dt.timedelta(days=30), veterans],
                )

        patiently(age)

    def _join_group(self) -> None:
        """Everybody is a member of the group: who is none earns nothing and is listed nowhere."""
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
        """GRPS asks Roblox of whoever is new; until it has read them, nobody is promoted."""
        from players.models import Player

        until = time.monotonic() + SETTLED_WITHIN
        known = Player.objects.filter(user_id__in=self.everybody, member="member")
        while patiently(known.count) < len(self.everybody):
            if time.monotonic() > until:
                raise TimeoutError("GRPS did not read who is a member of the group.")
            time.sleep(1)

    def _promote(self) -> None:
        from common.errors import Refused
        from players.moderation.command import Command
        from players.ranks.decisions import set_rank

        for user_id, rank in zip(self.officers, OFFICERS, strict=True):
            with suppress(Refused):  # held already: a try before this one was cut off
                set_rank(
                    user_id,
                    rank,
                    Command(by=staff_side.alone(), reason="the demo needs officers", now=self.now),
                )

    def _adjust(self) -> None:
        """Staff adjust in the console while the games go on."""
        from django.utils import timezone

        from players.moderation.command import Command
        from players.points import adjustments

        user_id, amount = self.dice.choice(self.players), self.dice.choice([-1_25, 2_50, 10_00])
        by = staff_side.alone()
        patiently(
            lambda: adjustments.adjust(
                user_id, amount, Command(by=by, reason="the demo adjusts", now=timezone.now())
            )
        )

    def _speak(self) -> None:
        """The next officer's words in the chat, again and again until GRPS answered them."""
        day = self.days[0]
        if not self.orders or day.wire.away:
            return
        officer, text = self.orders[0]
        answer = day.officer_says(officer, text)
        if answer and not any(words in answer for words in UNANSWERED):
            self.orders.pop(0)


class Books:
    """What each book says of the players of a demo, in hundredths."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    def stored(self) -> dict[tuple[int, str], int]:
        """The data stores, by player and experience."""
        found = {
            (user, day.key): day.universe.total(user)
            for day in self.demo.days
            for user in self.demo.everybody
        }
        return {key: total for key, total in found.items() if total}

    def ledger(self) -> dict[tuple[int, str], int]:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT p.user_id, l.origin, (sum(l.awarded) * 100)::bigint FROM ledger l JOIN players p"
                " ON p.id = l.player_id WHERE p.user_id = ANY(%s) AND l.origin <> 'console' GROUP BY 1, 2",
                [self.demo.everybody],
            )
            return {
                (user_id, origin): total for user_id, origin, total in cursor.fetchall() if total
            }

    def adjusted(self) -> dict[int, int]:
        from players.models import Player

        rows = Player.objects.filter(user_id__in=self.demo.everybody).values_list(
            "user_id", "adjusted"
        )
        return {user_id: int(adjusted * 100) for user_id, adjusted in rows}

    def leaderboard(self) -> dict[int, float]:
        """Everybody's points, page by page through the public leaderboard."""
        shown: dict[int, float] = {}
        after = ""
        with httpx.Client(base_url=self.demo.ready["url"], timeout=30) as client:
            while True:
                answer = client.get(f"/leaderboard/top?limit=100{after}")
                if answer.status_code == 429:
                    time.sleep(float(answer.headers["Retry-After"]))
                    continue
                page = answer.raise_for_status().json()
                shown |= {player["userId"]: player["points"] for player in page["players"]}
                if page["next"] is None:
                    return shown
                after = f"&after={page['next']}"

    def case_files(self, users: list[int]) -> dict[int, float]:
        """The points that a moderator reads in the console, signed in as the local owner."""
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        owner, browser = User.objects.get(username=self.demo.ready["admin"]["username"]), Client()
        browser.force_login(owner, backend="console.accounts.backends.SignInBackend")
        cookies = {
            settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value
        }
        with httpx.Client(base_url=self.demo.ready["url"], cookies=cookies, timeout=30) as client:
            pages = {
                user_id: client.get(f"/admin/players/{user_id}/").raise_for_status().text
                for user_id in users
            }
        return {
            user_id: float(match[1]) if (match := POINTS.search(page)) else -1
            for user_id, page in pages.items()
        }


def check(demo: Demo) -> list[str]:
    """What does not agree, in sentences."""
    wrong = [f"an officer could not say: {text}" for _, text in demo.orders]
    for day in demo.days:
        wrong += [f"{day.key}: refused: {line}" for line in day.wire.refused]
        wrong += [
            f"{day.key}: {count} events {what}"
            for what, count in day.wire.told.items()
            if "rejected" in what
        ]
    wrong += _settled(demo)
    books = Books(demo)
    stored, ledger, adjusted = books.stored(), books.ledger(), books.adjusted()
    wrong += [
        f"player {user_id} in {key}: {stored.get((user_id, key), 0)} in the data store, "
        f"{ledger.get((user_id, key), 0)} in the ledger"
        for user_id, key in sorted(stored.keys() | ledger.keys())
        if stored.get((user_id, key), 0) != ledger.get((user_id, key), 0)
    ]
    for day in demo.days:
        wrong += [
            f"player {user_id} in {day.key}: was told {earned}, the data store has {stored.get((user_id, day.key), 0)}"
            for user_id, earned in day.earned.items()
            if user_id not in day.disturbed and earned != stored.get((user_id, day.key), 0)
        ]
    due = dict(adjusted)
    for (user_id, _), total in ledger.items():
        due[user_id] += total
    shown = books.leaderboard()
    wrong += [
        f"player {user_id}: {max(0, total) / 100} points are due, the leaderboard shows {shown.get(user_id)}"
        for user_id, total in due.items()
        if shown.get(user_id) != max(0, total) / 100
    ]
    some = demo.dice.sample(sorted(due), min(SHOWN, len(due)))
    wrong += _seen(demo, books, due, some)
    return wrong + staff_side.check(demo.players) + _proved()


def _settled(demo: Demo) -> list[str]:
    """Wait until GRPS took what games put into the queue, let everybody come once more, and read
    the data stores.
    """
    deadline = time.monotonic() + SETTLED_WITHIN
    places = [day.universe for day in demo.days if isinstance(day.universe, EmulatedUniverse)]
    while any(place.waiting("GRPS_Events") for place in places):
        if time.monotonic() > deadline:
            return ["the queue that games filled was not emptied"]
        time.sleep(1)
    wrong = [line for day in demo.days for line in day.come_again()]
    if not places:
        return wrong
    side = RobloxSide(demo.ready, 0)
    books = Books(demo)
    stored = books.stored()
    while books.ledger() != stored and time.monotonic() < deadline:
        side.ask("points")
        time.sleep(5)
    return wrong


def _seen(demo: Demo, books: Books, due: dict[int, int], users: list[int]) -> list[str]:
    """What a moderator sees in the console and a player sees in the game."""
    files = books.case_files(users)
    boards = demo.days[0].look(users)
    return [
        f"player {user_id}: {max(0, due[user_id]) / 100} points are due, {what} shows {found[user_id]}"
        for what, found in (("the case file", files), ("the game", boards))
        for user_id in users
        if found[user_id] != max(0, due[user_id]) / 100
    ]


def _proved() -> list[str]:
    """The ledger against all that is derived from it, and the audit chain."""
    from audits.chain.sealing import seal_pending
    from audits.chain.verify import verify as verify_chain
    from players.points import consistency

    wrong = [f"{finding.kind}: {finding.rows} rows disagree" for finding in consistency.verify()]
    while seal_pending():
        pass
    return wrong + [f"{finding.where}: {finding.message}" for finding in verify_chain().findings]


def ready_file(state: Path) -> dict[str, Any]:
    """What a running `make up` says of itself. Ends the program with one line when there is none."""
    file = state / "ready.json"
    if not file.exists():
        sys.exit(f"Nothing runs on {state}: start `make up` first, in another terminal.")
    ready: dict[str, Any] = json.loads(file.read_text())
    return ready


def _report(demo: Demo, seconds: float) -> None:
    count: Counter[str] = Counter()
    for day in demo.days:
        count.update(day.count + day.wire.told + Counter({"events played": day.events}))
        count["calls to data stores"] += sum(
            number for kind, number in day.universe.counts.items() if "Async" in kind
        )
        count["calls to data stores that failed, done or not"] += day.universe.counts["failed"]
    table = Table(
        "what",
        "how many",
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
    parser.add_argument("--players", type=int, default=200)
    parser.add_argument("--hours", type=float, default=3, help="of the games' time")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    state = Path(os.environ.get("GRPS_STATE", BASE_DIR / ".local"))
    ready = ready_file(state)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
    django.setup()
    started = time.monotonic()
    demo = Demo(ready, options.players, options.seed, options.hours)
    columns = (TextColumn("the day"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Refreshed by hand: another thread must not collect what belongs to a Luau machine at work.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("the day", total=1.0)
        demo.play(lambda share: bar.update(task, completed=share, refresh=True))
    seconds = time.monotonic() - started
    with console.status("What was sent is read, compared and proved …"):
        wrong = patiently(lambda: check(demo))
    wrong += patiently(lambda: staff_side.play(list(demo.players)))
    if demo.emulated:
        with console.status("On Roblox games save, and people change roles and ban by hand …"):
            wrong += RobloxSide(ready, demo.players.stop + 100).play()
    with console.status(
        "A moderator acts; receivers shaped like Discord, Slack and Standard Webhooks check what comes …"
    ):
        untold, median = told_side.play(demo.players.start)
    wrong += untold
    _report(demo, seconds)
    for line in wrong[:20]:
        console.print(line, style="red")
    if wrong:
        return 1
    console.print(
        "Data stores, ledger, leaderboard, case files, games and audit chain agree.", style="green"
    )
    console.print("Staff left some work in the queue: look at /admin/.", style="green")
    if demo.emulated:
        console.print(
            "What changed on Roblox is here, and what was decided here is there.", style="green"
        )
    console.print(
        f"What a moderator did was told in Discord, in Slack and to a program, after {median:.2f} s.",
        style="green",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
