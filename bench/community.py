"""A simulated day of a community: players, sessions, awards by the policy's own rules, and imperfect deliveries."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from players.policy.bundle import Bundle
from players.policy.points import Earner, Event, award, day_of, week_of

MINUTE = dt.timedelta(minutes=1)
BATCH = 400
MALFORMED: list[Any] = [
    {"type": "ko"},
    "not an event",
    {"userId": "seven", "username": "x", "session": 1, "sequence": 1, "type": "ko", "awarded": 1, "total": 1},
    {"userId": -5, "username": "x", "session": 1, "sequence": 1, "type": "ko", "awarded": 0.001, "total": 1},
    None,
]


@dataclass
class Player:
    """What the game remembers of a player in one experience."""

    user_id: int
    username: str
    earned: dict[dt.date, int] = field(default_factory=lambda: defaultdict(int))
    last_counted: dict[str, dt.datetime] = field(default_factory=dict)
    total: int = 0
    recommended_by: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Delivery:
    """One POST: which experience, the body, and how it goes wrong on purpose (empty: not at all)."""

    experience: str
    events: list[Any]
    fault: str = ""


@dataclass
class Community:
    """Everything is decided by `seed`; `officers` are user ids with the level that makes their word count."""

    bundle: Bundle
    experiences: list[str]
    players: int
    seed: int
    now: dt.datetime
    first_user_id: int
    officers: dict[int, str]

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.expected: dict[int, int] = defaultdict(int)
        self.rogues: set[int] = set()

    def user_ids(self) -> range:
        return range(self.first_user_id, self.first_user_id + self.players)

    def deliveries(self) -> list[Delivery]:
        """The whole day, in the order in which it is sent."""
        sound: list[Delivery] = []
        for experience in self.experiences:
            events = sorted(self._events(experience), key=lambda event: str(event["occurredAt"]))
            sound += [Delivery(experience, events[i : i + BATCH]) for i in range(0, len(events), BATCH)]
        self.dice.shuffle(sound)
        return list(self._spoil(sound))

    def _events(self, experience: str) -> Iterator[dict[str, Any]]:
        for user_id in self.user_ids():
            if self.dice.random() > 0.75:
                continue
            player = Player(user_id, f"citizen_{user_id}")
            start = self.now - dt.timedelta(hours=23) + MINUTE * self.dice.randrange(600)
            for _ in range(self.dice.randrange(1, 4)):
                start += MINUTE * self.dice.randrange(5, 60)
                yield from self._session(player, start)
                start += MINUTE * 120

    def _session(self, player: Player, start: dt.datetime) -> Iterator[dict[str, Any]]:
        """One stay of up to two hours. Its epoch is its start, so that no two share one."""
        epoch, total, moment = int(start.timestamp()), 0, start
        rogue = self.dice.random() < 0.002
        if rogue:
            self.rogues.add(player.user_id)
        for sequence in range(1, self.dice.randrange(4, 60)):
            moment += dt.timedelta(seconds=self.dice.randrange(5, 110))
            happening = self._happening(player, moment)
            amount = self._award(player, happening, total)
            if rogue and happening.type == "operation":
                amount = 400_00 * 2
            total += amount
            yield self._as_sent(player, happening, epoch, sequence, amount, total)
        self.expected[player.user_id] += total
        player.total += total

    def _happening(self, player: Player, at: dt.datetime) -> Event:
        type_ = self.dice.choices(
            ["ko", "wo", "activity", "training", "operation", "recommendation", "picnic"],
            [50, 15, 20, 8, 5, 1, 0.2],
        )[0]
        if type_ == "activity":
            return Event(type_, at, duration=self.dice.choice([120, 300, 300, 320]))
        if type_ == "recommendation":
            officer = self.dice.choice(sorted(self.officers))
            known = officer in player.recommended_by or officer == player.user_id
            return Event(type_, at, actor_level=self.officers[officer], already_recommended=known)
        return Event(type_, at)

    def _award(self, player: Player, event: Event, session_total: int) -> int:
        day = day_of(event.at)
        week = sum(amount for other, amount in player.earned.items() if week_of(event.at) <= other)
        earner = Earner(True, player.total + session_total, player.earned[day], week, player.last_counted)
        amount = award(event, earner, self.bundle.points).amount
        if amount > 0:
            player.earned[day] += amount
            player.last_counted[event.type] = event.at
        return amount

    def _as_sent(
        self, player: Player, event: Event, epoch: int, sequence: int, amount: int, total: int
    ) -> dict[str, Any]:
        sent = {
            "userId": player.user_id,
            "username": player.username,
            "displayName": player.username.title(),
            "session": epoch,
            "sequence": sequence,
            "type": event.type,
            "magnitude": event.magnitude,
            "awarded": amount / 100,
            "total": total / 100,
            "occurredAt": event.at.isoformat(),
        }
        if event.duration is not None:
            sent["duration"] = event.duration
        if event.type == "recommendation":
            officers = [user_id for user_id, level in self.officers.items() if level == event.actor_level]
            sent["actorUserId"] = self.dice.choice(officers)
        return sent

    def _spoil(self, sound: list[Delivery]) -> Iterator[Delivery]:
        """Repeats, late and shuffled batches, broken items: the sum of it all must still be right."""
        late: list[Delivery] = []
        for delivery in sound:
            fate = self.dice.random()
            events = list(delivery.events)
            if fate < 0.10:
                late.append(Delivery(delivery.experience, events, "late"))
                continue
            if fate < 0.25:
                self.dice.shuffle(events)
                yield Delivery(delivery.experience, events, "out of order")
            elif fate < 0.40:
                for _ in range(3):
                    events.insert(self.dice.randrange(len(events) + 1), self.dice.choice(MALFORMED))
                yield Delivery(delivery.experience, events, "malformed items")
            else:
                yield delivery
            if fate > 0.85:
                yield Delivery(delivery.experience, delivery.events, "repeated")
            if fate > 0.95:
                half = delivery.events[: len(delivery.events) // 2]
                yield Delivery(delivery.experience, half, "repeated in part")
        self.dice.shuffle(late)
        yield from late
