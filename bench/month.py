"""A simulated month of a community that ends today: games, hosted events, leaves and quotas.

It runs in one process on an empty database, with the database's clock set by `clock_at`. What must
come out is counted beside the rules, from what was sent. Some events never reach GRPS from the game;
they are in the players' data-store entries alone.
"""

import datetime as dt
import json
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.test import Client

from players.hosted_events import awarding
from players.leave import decisions, requests
from players.leave import schedule as leave_schedule
from players.models import HostedEvent
from players.moderation import approvals
from players.moderation.actors import officer
from players.moderation.command import Command
from players.policy.leave import LeaveDays
from players.quotas import closing
from players.ranks import schedule as rank_schedule

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
HOSTS, GENERALS = (11, 12, 13), (21, 22)  # user ids: Tempest Majors, Brigadier Generals
FIRST = 1001  # user id of the first other member
WEEKS = 4
EVENT_MINUTES, REPORT_EVERY = 20, 4
LOST = 0.1  # share of the batches whose events only the data store keeps
TRAINING = 15_00  # hundredths; the default policy's weight
QUOTA_MINUTES, QUOTA_HOSTED, FREE_WEEKS = 60, 1, 2  # of the default policy's Officers' week


@dataclass
class Expected:
    """What the month must leave, by user id. Points are hundredths."""

    earned: Counter[int] = field(default_factory=Counter)
    awarded: Counter[int] = field(default_factory=Counter)
    attended: Counter[int] = field(default_factory=Counter)
    minutes: dict[int, Counter[dt.date]] = field(default_factory=lambda: defaultdict(Counter))
    hosted: dict[int, Counter[dt.date]] = field(default_factory=lambda: defaultdict(Counter))
    leaves: dict[int, list[LeaveDays]] = field(default_factory=lambda: defaultdict(list))

    def quota_states(self, user_id: int, first: dt.date) -> list[str]:
        """Return the state of a host in each week."""
        found = []
        for week in range(WEEKS):
            days = [first + (7 * week + number) * DAY for number in range(7)]
            resting = sum(
                any(leave.first <= day <= leave.last for leave in self.leaves[user_id])
                for day in days
            )
            found.append(self._state(user_id, days, resting, week))
        return found

    def _state(self, user_id: int, days: list[dt.date], resting: int, week: int) -> str:
        if 2 * resting >= len(days):
            return "excused"
        share = len(days) - resting
        minutes = sum(self.minutes[user_id][day] for day in days)
        hosted = sum(self.hosted[user_id][day] for day in days)
        if minutes >= QUOTA_MINUTES * share // 7 and hosted >= QUOTA_HOSTED * share // 7:
            return "met"
        return "free" if week < FREE_WEEKS else "missed"


@dataclass(frozen=True)
class Ground:
    """What the month runs on. `read_members` reads the group from Roblox."""

    clock: Callable[[dt.datetime], AbstractContextManager[None]]
    read_members: Callable[[dt.datetime], object]


class Month:
    """Four whole weeks, of which the last ended on the latest Monday."""

    def __init__(self, api_key: str, members: int, seed: int, ground: Ground) -> None:
        self.dice, self.ground = random.Random(seed), ground
        self.http = Client(headers={"x-grps-api-key": api_key}, SERVER_NAME="127.0.0.1")
        self.members = range(FIRST, FIRST + members)
        self.everybody = [*HOSTS, *GENERALS, *self.members]
        today = dt.datetime.now(dt.UTC).date()
        self.first = today - (today.weekday() + 7 * WEEKS) * DAY
        self.days = [self.first + number * DAY for number in range(7 * WEEKS)]
        self.expected = Expected()
        self.sessions: dict[int, dict[str, dict[str, int]]] = defaultdict(dict)
        self.lost = 0  # events that GRPS is not sent

    def play(self) -> None:
        for number, day in enumerate(self.days):
            self._play_day(number, day)
        self._at(self.days[-1] + DAY, 3 * 60, self._settle)

    @property
    def end(self) -> dt.datetime:
        """Return the first moment after the month."""
        return dt.datetime.combine(self.days[-1] + DAY, dt.time(), dt.UTC)

    def entries(self) -> Iterator[tuple[int, dict[str, Any], int]]:
        """Return each player's data-store entry and total, as the game servers saved them."""
        for user_id, sessions in self.sessions.items():
            head = {"grps": 1, "userId": user_id, "username": f"citizen_{user_id}"}
            total = sum(session["total"] for session in sessions.values())
            yield user_id, head | {"sessions": sessions}, total

    def _at(self, day: dt.date, minutes: int, act: Callable[[dt.datetime], object]) -> None:
        """Act at so many minutes after midnight."""
        now = dt.datetime.combine(day, dt.time(), dt.UTC) + minutes * MINUTE
        with self.ground.clock(now):
            act(now)

    def _settle(self, now: dt.datetime) -> None:
        """Run the tasks that time brings."""
        leave_schedule.run(now)
        closing.run(now)
        rank_schedule.evaluate_due(now)

    def _play_day(self, number: int, day: dt.date) -> None:
        self._at(day, 2 * 60, self._settle)
        if number % 7 == 3:
            self._at(day, 9 * 60, partial(self._take_leave, number // 7))
        here = [user_id for user_id in self.everybody if self.dice.random() < 0.5]
        for start in range(0, len(here), 100):
            self._at(day, 17 * 60, partial(self._earn, number, here[start : start + 100]))
        self._at(day, 17 * 60 + 30, self.ground.read_members)
        if number % 2 == 0:
            self._host(day, here)

    def _earn(self, number: int, here: list[int], now: dt.datetime) -> None:
        """Send the trainings and active minutes of players, partly twice."""
        events, activity = [], []
        for user_id in here:
            for sequence in range(1, self.dice.randrange(1, 4)):
                events.append(self._event(user_id, number + 1, sequence, now))
                self.expected.earned[user_id] += TRAINING
                self.sessions[user_id][str(number + 1)] = {
                    "sequence": sequence,
                    "total": sequence * TRAINING,
                    "kos": 0,
                    "savedAt": int(now.timestamp()),
                }
            minutes = self.dice.randrange(5, 40)
            self.expected.minutes[user_id][now.date()] = minutes
            activity.append(
                {
                    "userId": user_id,
                    "username": f"citizen_{user_id}",
                    "session": number + 1,
                    "day": now.date().isoformat(),
                    "minutes": minutes,
                    "startedAt": (now - 60 * MINUTE).isoformat(),
                }
            )
        if self.dice.random() < LOST:
            self.lost += len(events)
            events = []
        for _ in range(self.dice.randrange(1, 3)):
            self._post("/roblox/events", {"events": events, "activity": activity})

    def _event(self, user_id: int, session: int, sequence: int, now: dt.datetime) -> dict[str, Any]:
        return {
            "userId": user_id,
            "username": f"citizen_{user_id}",
            "session": session,
            "sequence": sequence,
            "type": "training",
            "awarded": TRAINING // 100,
            "total": sequence * TRAINING // 100,
            "occurredAt": (now - MINUTE).isoformat(),
        }

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        body = {"server": {"placeId": 1, "jobId": "month"}} | body
        answer = self.http.post(path, json.dumps(body), content_type="application/json")
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content.decode()[:500]}")
        found: dict[str, Any] = answer.json()
        if found.get("rejected"):
            raise RuntimeError(f"{path}: {found['rejected'][:3]}")
        return found

    def _host(self, day: dt.date, here: list[int]) -> None:
        """Run an event of a host, which a general awards or confirms."""
        host = self.dice.choice([*HOSTS, *GENERALS])
        guests = [one for one in here if one != host][:40]
        stays = [one for one in guests if self.dice.random() < 0.8]
        key, begin = str(uuid.UUID(int=self.dice.getrandbits(128))), 18 * 60
        for revision, minute in enumerate(range(0, EVENT_MINUTES + 1, REPORT_EVERY)):
            who = guests if minute <= REPORT_EVERY else stays
            over = minute + REPORT_EVERY > EVENT_MINUTES
            head = {"id": key, "revision": revision, "hostUserId": host}
            report = partial(self._report, head, who, minute, over=over)
            self._at(day, begin + minute, report)
        self._at(day, begin + EVENT_MINUTES + 5, partial(self._award, key, host, stays))

    def _report(
        self, head: dict[str, Any], who: list[int], minute: int, now: dt.datetime, *, over: bool
    ) -> None:
        began = now - minute * MINUTE
        attendees = [
            {
                "userId": user_id,
                "username": f"citizen_{user_id}",
                "seconds": minute * 60,
                "firstSeenAt": began.isoformat(),
                "lastSeenAt": now.isoformat(),
            }
            for user_id in who
        ]
        body = head | {"kind": "training", "startedAt": began.isoformat(), "attendees": attendees}
        if over:
            body["endedAt"] = now.isoformat()
        answer = self._post("/roblox/hosted-events", body)
        if answer["state"] not in ("running", "ended"):
            raise RuntimeError(f"hosted event: {answer}")

    def _award(self, key: str, host: int, stays: list[int], now: dt.datetime) -> None:
        """Award an event on the console; a host whose rank gives no points needs a general."""
        event = HostedEvent.objects.get(game_id=key)
        done = awarding.award(
            event.pk, Command(by=officer(host), now=now, reason="a good training")
        )
        if done.approval is not None:
            general = self.dice.choice([one for one in GENERALS if one != host])
            approvals.approve(
                done.approval.pk, by=officer(general), reason="seen the training", now=now
            )
        self.expected.hosted[host][now.date()] += 1
        self.expected.attended.update(stays)
        # Nobody awards somebody at or above their own rank.
        above = {*GENERALS, *HOSTS} if host in HOSTS else set(GENERALS)
        for user_id in [host, *(one for one in stays if one not in above)]:
            self.expected.awarded[user_id] += TRAINING

    def _take_leave(self, week: int, now: dt.datetime) -> None:
        """Let one host ask for most of the next week; a general grants it."""
        host = HOSTS[week % len(HOSTS)]
        monday = self.first + 7 * (week + 1) * DAY
        days = LeaveDays(monday, monday + 4 * DAY)
        asked = requests.ask(host, requests.Wish(days, "exams"), now=now)
        decisions.approve(asked.pk, Command(by=officer(GENERALS[0]), now=now, reason="good luck"))
        self.expected.leaves[host].append(days)
