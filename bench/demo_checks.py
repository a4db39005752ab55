"""Checks after the demo: data stores, ledger, leaderboard, console and game agree on all points.

Each check returns its errors as sentences.
"""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

from bench import staff_side
from bench.games import EmulatedUniverse
from bench.roblox_side import RobloxSide

if TYPE_CHECKING:
    from bench.demo import Demo

SYNC_TIMEOUT = 240.0  # seconds until pulls and the queue must have delivered everything
ByExperience = dict[tuple[int, str], int]  # hundredths by user id and experience
SAMPLE = 20  # players whose pages in the console and displays in the game are checked
POINTS = re.compile(r"<dt>Points</dt>\s*<dd>\s*([0-9.]+)")  # in a case file


class Totals:
    """The points of the demo's players in each place, in hundredths unless noted."""

    def __init__(self, demo: "Demo") -> None:
        self.demo = demo

    def data_stores(self) -> ByExperience:
        """Return them from the data stores, by player and experience."""
        found = {
            (user, day.key): day.universe.total(user)
            for day in self.demo.days
            for user in self.demo.everybody
        }
        return {key: total for key, total in found.items() if total}

    def ledger(self) -> ByExperience:
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
        """Return them from the pages of the public leaderboard, in points."""
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
        """Return them from the case files in the console, in points."""
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


def check(demo: "Demo") -> list[str]:
    """Return every difference."""
    errors = [f"an officer's command got no answer: {text}" for _, text in demo.commands]
    errors += [*_refused_events(demo), *_await_sync(demo)]
    totals = Totals(demo)
    stored, ledger, expected = totals.data_stores(), totals.ledger(), totals.adjusted()
    for (user_id, _), total in ledger.items():
        expected[user_id] += total
    errors += [*_compare_stores(stored, ledger), *_compare_earned(demo, stored)]
    errors += _compare_leaderboard(totals.leaderboard(), expected)
    sample = demo.dice.sample(sorted(expected), min(SAMPLE, len(expected)))
    errors += _check_displays(demo, totals, expected, sample)
    return errors + staff_side.check(demo.players) + _verify()


def _refused_events(demo: "Demo") -> Iterator[str]:
    for day in demo.days:
        yield from (f"{day.key}: refused: {line}" for line in day.wire.refused)
        for result, count in day.wire.results.items():
            if "rejected" in result:
                yield f"{day.key}: {count} events {result}"


def _compare_stores(stored: ByExperience, ledger: ByExperience) -> Iterator[str]:
    for user_id, key in sorted(stored.keys() | ledger.keys()):
        in_store, in_ledger = stored.get((user_id, key), 0), ledger.get((user_id, key), 0)
        if in_store != in_ledger:
            yield f"player {user_id} in {key}: data store {in_store}, ledger {in_ledger}"


def _compare_earned(demo: "Demo", stored: ByExperience) -> Iterator[str]:
    for day in demo.days:
        for user_id, earned in day.earned.items():
            total = stored.get((user_id, day.key), 0)
            if user_id not in day.disturbed and earned != total:
                yield f"player {user_id} in {day.key}: earned {earned}, data store {total}"


def _compare_leaderboard(shown: dict[int, float], expected: dict[int, int]) -> Iterator[str]:
    for user_id, total in expected.items():
        points = max(0, total) / 100
        if shown.get(user_id) != points:
            yield f"player {user_id}: {points} points expected, leaderboard {shown.get(user_id)}"


def _await_sync(demo: "Demo") -> list[str]:
    """Wait until GRPS has read the games' queues and data stores. Returns errors as sentences."""
    deadline = time.monotonic() + SYNC_TIMEOUT
    places = [day.universe for day in demo.days if isinstance(day.universe, EmulatedUniverse)]
    while any(place.waiting("GRPS_Events") for place in places):
        if time.monotonic() > deadline:
            return ["the games' queue was not emptied"]
        time.sleep(1)
    errors = [line for day in demo.days for line in day.rejoin_all()]
    if not places:
        return errors
    side = RobloxSide(demo.ready, 0)
    totals = Totals(demo)
    stored = totals.data_stores()
    while totals.ledger() != stored and time.monotonic() < deadline:
        side.request_pull("points")
        time.sleep(5)
    return errors


def _check_displays(
    demo: "Demo", totals: Totals, expected: dict[int, int], users: list[int]
) -> list[str]:
    """Compare the console and the game with the expected points."""
    files = totals.case_files(users)
    boards = demo.days[0].shown_points(users)
    return [
        f"player {user_id}: {max(0, expected[user_id]) / 100} points expected, {place} shows {points[user_id]}"
        for place, points in (("the case file", files), ("the game", boards))
        for user_id in users
        if points[user_id] != max(0, expected[user_id]) / 100
    ]


def _verify() -> list[str]:
    """Verify the ledger with all data derived from it, and the audit chain."""
    from audits.chain.sealing import seal_pending
    from audits.chain.verify import verify as verify_chain
    from players.points import consistency

    errors = [f"{finding.kind}: {finding.rows} rows disagree" for finding in consistency.verify()]
    while seal_pending():
        pass
    return errors + [f"{finding.where}: {finding.message}" for finding in verify_chain().findings]
