"""`make demo`: plays a day of a community through the HTTP door of a running `make up`, then checks the books."""

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench import staff_side, told_side
from bench.community import Community, Delivery
from bench.roblox_side import RobloxSide
from grps_site.embedded import emulator

BASE_DIR = Path(__file__).resolve().parent.parent
LEVELS = {"Tempest Major": "CMD", "Electro Colonel": "CMD", "Brigadier General": "CCM", "Stormmarshal": "CCM"}
SENDERS = 4
PATIENCE = 120.0  # seconds that a batch is tried again while the server is away
console = Console()


class Door:
    """The game servers' side of HTTP: a batch is sent until it is answered, as the games do."""

    def __init__(self, ready: dict[str, Any], pause: float = 0.0) -> None:
        self.pause = pause
        self.url: str = ready["url"]
        self.keys = {row["key"]: row["apiKey"] for row in ready["experiences"]}
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.retries = 0

    def send(self, delivery: Delivery) -> dict[str, Any]:
        """The receipt. Raises RuntimeError when the server refuses the batch or stays away."""
        time.sleep(self.pause)
        body = {"server": {"placeId": 1, "jobId": f"demo-{delivery.experience}"}, "events": delivery.events}
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.client.post(
                    "/roblox/events", json=body, headers={"x-grps-api-key": self.keys[delivery.experience]}
                )
            except httpx.TransportError as error:
                problem = str(error)
            else:
                if answer.status_code == 200:
                    receipt: dict[str, Any] = answer.json()
                    return receipt
                if answer.status_code < 500:
                    raise RuntimeError(f"{answer.status_code}: {answer.text}")
                problem = answer.text
            if time.monotonic() > deadline:
                raise RuntimeError(f"no answer for {PATIENCE:.0f} s: {problem}")
            self.retries += 1
            time.sleep(0.5)

    def points(self) -> Iterator[tuple[int, float]]:
        """Everybody's points, page by page through the public leaderboard."""
        after = ""
        while True:
            page = self.client.get(f"/leaderboard/top?limit=100{after}")
            if page.status_code == 429:
                time.sleep(float(page.headers["Retry-After"]))
                continue
            page.raise_for_status()
            yield from ((player["userId"], player["points"]) for player in page.json()["players"])
            if page.json()["next"] is None:
                return
            after = f"&after={page.json()['next']}"


class Tally:
    """What the server said of everything that was sent."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()

    def add(self, delivery: Delivery, receipt: dict[str, Any]) -> None:
        self.sent[delivery.fault or "in order"] += len(delivery.events)
        self.answered["accepted"] += receipt["accepted"]
        self.answered["duplicates"] += receipt["duplicates"]
        self.rejected.update(verdict["code"] for verdict in receipt["rejected"])
        self.notices.update(verdict["code"] for verdict in receipt["notices"])


def ready_file(state: Path) -> dict[str, Any]:
    """What a running `make up` says of itself. Ends the program with one line when there is none."""
    file = state / "ready.json"
    if not file.exists():
        sys.exit(f"Nothing runs on {state}: start `make up` first, in another terminal.")
    ready: dict[str, Any] = json.loads(file.read_text())
    return ready


def play(
    ready: dict[str, Any],
    players: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    pause: float = 0.0,
) -> tuple[Community, Tally, Door]:
    """The whole day against a running server. Raises RuntimeError when a batch is refused or never answered."""
    from players.policies import active

    now = dt.datetime.now(dt.UTC)
    door = Door(ready, pause)
    first = 100_000_000 + int(now.timestamp()) % 10_000_000 * 1000
    officers = _patiently(lambda: _officers(door, first - len(LEVELS), now))
    community = Community(active().bundle, sorted(door.keys), players, seed, now, first, officers)
    deliveries = community.deliveries()
    _patiently(lambda: _veterans(door, community))
    tally = Tally()
    with ThreadPoolExecutor(SENDERS) as pool:
        for done, (delivery, receipt) in enumerate(_sent(pool, door, deliveries), start=1):
            tally.add(delivery, receipt)
            progress(done, len(deliveries))
    return community, tally, door


def _sent(
    pool: ThreadPoolExecutor, door: Door, deliveries: Iterable[Delivery]
) -> Iterator[tuple[Delivery, dict[str, Any]]]:
    waiting = [(delivery, pool.submit(door.send, delivery)) for delivery in deliveries]
    return ((delivery, future.result()) for delivery, future in waiting)


def _officers(door: Door, first: int, now: dt.datetime) -> dict[int, str]:
    """A few officers, so that recommendations count: they join like everybody, and get their ranks by hand."""
    from audits.record import Actor
    from players.officers import set_rank
    from players.staff import Refused, Staff

    by = Staff(Actor("system", "demo", "demo"), rank=None, alone=True)
    officers = {first + number: level for number, level in enumerate(LEVELS.values())}
    door.send(Delivery(sorted(door.keys)[0], [_arrival(user_id, "officer", now) for user_id in officers]))
    for user_id, rank in zip(officers, LEVELS, strict=True):
        with suppress(Refused):  # held already: a try before this one was cut off
            set_rank(user_id, rank, by=by, reason="the demo needs officers", now=now)
    return officers


def _veterans(door: Door, community: Community) -> None:
    """Two thirds of the community have been around for a month: the demo says so in the database, since a day of play
    makes nobody a month older."""
    from django.db import connection

    users = [user_id for user_id in community.user_ids() if user_id % 3]
    arrivals = [_arrival(user_id, "citizen", community.now) for user_id in users]
    for start in range(0, len(arrivals), 500):
        door.send(Delivery(community.experiences[0], arrivals[start : start + 500]))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE players SET rank_since = %s WHERE user_id = ANY(%s)", [community.now - dt.timedelta(days=30), users]
        )


def _arrival(user_id: int, word: str, now: dt.datetime) -> dict[str, Any]:
    moment = (now - dt.timedelta(hours=24)).isoformat()
    return {
        "userId": user_id,
        "username": f"{word}_{user_id}",
        "session": 1,
        "sequence": 1,
        "type": "activity",
        "duration": 60,
        "awarded": 0,
        "total": 0,
        "occurredAt": moment,
    }


def check(community: Community, door: Door) -> list[str]:
    """What does not agree, in sentences: each player's points with what was sent, the books, the audit chain."""
    from audits.seals import seal_pending
    from audits.verify import verify as verify_chain
    from players import books

    shown = dict(door.points())
    wrong = [
        f"player {user_id}: {max(0, total) / 100} points were sent, {shown.get(user_id)} are shown"
        for user_id, total in community.expected.items()
        if shown.get(user_id) != max(0, total) / 100
    ]
    wrong += [f"{finding.kind}: {finding.rows} rows disagree" for finding in books.verify()]
    while seal_pending():
        pass
    wrong += [f"{finding.where}: {finding.message}" for finding in verify_chain().findings]
    return wrong


def _patiently[T](ask: Callable[[], T]) -> T:
    """Ask again while the database or the server is away for a moment. Raises what still stands after PATIENCE."""
    from django.db import InterfaceError, OperationalError, connection

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)


def _roblox_side(ready: dict[str, Any], community: Community) -> list[str]:
    """What happens on Roblox meanwhile, where that is the emulator; what did not arrive."""
    if not emulator.is_local(ready["openCloud"]["url"]):
        return []
    with console.status("On Roblox games save, and people change roles and ban by hand …"):
        return RobloxSide(ready, community.user_ids().stop + 100).play()


def _report(community: Community, tally: Tally, seconds: float) -> None:
    table = Table("what", "how many", title=f"A day of {community.players:,} players, played in {seconds:.0f} s")
    for name, count in sorted(tally.sent.items()):
        table.add_row(f"events sent {name}", f"{count:,}")
    for name, count in tally.answered.items():
        table.add_row(name, f"{count:,}")
    for code, count in sorted(tally.rejected.items()):
        table.add_row(f"rejected: {code}", f"{count:,}")
    for code, count in sorted(tally.notices.items()):
        table.add_row(f"noticed: {code}", f"{count:,}")
    for name, count in _outcomes(community):
        table.add_row(name, f"{count:,}")
    console.print(table)


def _outcomes(community: Community) -> Iterator[tuple[str, int]]:
    from django.db.models import Count

    from audits.models import AuditEvent
    from players.models import Decision

    users = community.user_ids()
    decisions = Decision.objects.filter(player__user_id__gte=users.start, player__user_id__lt=users.stop)
    for row in decisions.values("kind", "status").annotate(number=Count("id")).order_by("kind", "status"):
        yield f"{row['kind']}s {row['status']}", row["number"]
    mismatches = AuditEvent.objects.filter(action="points.mismatch", at__gte=community.now)
    yield "mismatches recorded for the staff", mismatches.count()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--players", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between deliveries of one sender")
    options = parser.parse_args()
    state = Path(os.environ.get("GRPS_STATE", BASE_DIR / ".local"))
    ready = ready_file(state)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")
    django.setup()
    started = time.monotonic()
    with Progress(
        TextColumn("deliveries"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task = bar.add_task("deliveries", total=None)
        community, tally, door = play(
            ready,
            options.players,
            options.seed,
            lambda done, total: bar.update(task, completed=done, total=total),
            pause=options.pause,
        )
    seconds = time.monotonic() - started
    wrong = _roblox_side(ready, community)
    users = community.user_ids()
    officers = list(range(users.start - len(LEVELS), users.start))
    wrong += _patiently(lambda: staff_side.play(ready, officers, list(users)[20:40]))
    with console.status(
        "A moderator acts; receivers shaped like Discord, Slack and Standard Webhooks check what comes …"
    ):
        untold, median = told_side.play(community.user_ids().start)
    wrong += untold + _patiently(lambda: check(community, door))
    _report(community, tally, seconds)
    for line in wrong[:20]:
        console.print(line, style="red")
    if wrong:
        return 1
    console.print("Ledger, sessions, players, leaderboard and audit chain agree with what was sent.", style="green")
    console.print("Staff left some work in the queue: look at /admin/.", style="green")
    if emulator.is_local(ready["openCloud"]["url"]):
        console.print("What changed on Roblox is here, and what was decided here is there.", style="green")
    console.print(
        f"What a moderator did was told in Discord, in Slack and to a program, after {median:.2f} s.", style="green"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
