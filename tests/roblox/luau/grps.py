"""GRPS as a game sees it, within one process: a ledger by session and sequence.

It merges with players/policy/counters.py.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from players.policy.counters import EMPTY, SessionRow, SessionTotal, merge
from tests.roblox.luau import cases
from tests.roblox.luau.universe import Answer

FIRST = "Initiate"
MOMENT = "2025-06-15T15:06:40Z"


@dataclass
class Grps:
    """Answers a game's requests, unless it is `away`. `policy`: the policy that it returns."""

    policy: dict[str, Any] = field(default_factory=cases.own)
    away: bool = False
    lossy: float = 0.0  # share of responses that are lost
    ledger: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    merged: dict[int, dict[int, SessionTotal]] = field(default_factory=dict)
    beyond: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    adjusted: dict[int, tuple[int, int]] = field(default_factory=dict)
    elsewhere: dict[int, int] = field(default_factory=dict)
    bans: dict[int, dict[str, Any]] = field(default_factory=dict)
    recommended: dict[int, list[int]] = field(default_factory=dict)
    cases: dict[int, list[tuple[str, str]]] = field(
        default_factory=dict
    )  # kind and code, newest first
    warnings: Counter[int] = field(default_factory=Counter)
    standing: dict[int, tuple[str, str | None]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    names: dict[int, str] = field(default_factory=dict)  # names that a search finds
    asked: Counter[str] = field(default_factory=Counter)
    hosted: list[dict[str, Any]] = field(default_factory=list)
    active: dict[tuple[int, int], int] = field(default_factory=dict)  # minutes by user and session
    commands: list[dict[str, Any]] = field(default_factory=list)
    locks: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    leaves: dict[int, dict[str, Any] | None] = field(default_factory=dict)
    verdict: str = "applied"
    detail: str = "Done."
    counts: dict[str, bool] | None = (
        None  # the response's `counts`; None: an older GRPS, which sends none
    )
    dice: Any = None
    membership: dict[int, dict[str, Any]] = field(
        default_factory=dict
    )  # of players who are not plain members

    def hosted_answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Award whatever a game asks to award."""
        state = "ended" if sent.get("endedAt") else "running"
        state = "awarded" if sent.get("award") else state
        players = [{"userId": one["userId"], "elsewhere": 15} for one in sent["attendees"]]
        awarded = players if state == "awarded" else []
        return {"eventId": 1, "state": state, "detail": "3 are awarded.", "players": awarded}

    def __call__(self, url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        if self.away:
            return None
        self.calls += 1
        self.asked[url.removeprefix("https://grps.example.org").partition("?")[0]] += 1
        assert headers["x-grps-api-key"] == "secret of GRPS_KEY"
        path = url.removeprefix("https://grps.example.org")
        if path == "/roblox/policy":
            if headers.get("if-none-match") == '"1"':
                return 304, {"ETag": '"1"'}, ""
            return 200, {"ETag": '"1"'}, json.dumps({"version": "1"} | self.policy)
        if path == "/roblox/events":
            given = json.loads(body)
            for one in given.get("activity") or []:
                self.active[one["userId"], one["session"]] = one["minutes"]
            answer = self.take(given["events"])
            if self.dice is not None and self.dice.random() < self.lossy:
                return None
            return 200, {}, json.dumps(answer)
        if path == "/roblox/audits":
            self.lines += json.loads(body)["lines"]
            return 200, {}, "{}"
        if path == "/roblox/hosted-events":
            self.hosted.append(json.loads(body))
            if self.dice is not None and self.dice.random() < self.lossy:
                return None
            return 200, {}, json.dumps(self.hosted_answer(self.hosted[-1]))
        if path == "/roblox/leave-requests":
            self.commands.append(json.loads(body))
            return 200, {}, json.dumps({"status": "asked", "detail": "Staff decide."})
        if path == "/roblox/sanctions":
            self.commands.append(json.loads(body))
            if self.verdict == "applied" and self.commands[-1]["kind"] == "warn":
                self.warnings[self.commands[-1]["userId"]] += 1
            if self.dice is not None and self.dice.random() < self.lossy:
                return None
            return (
                200,
                {},
                json.dumps(
                    {"id": "1", "status": self.verdict, "detail": self.detail, "sanction": None}
                ),
            )
        if path.startswith("/roblox/players?search="):
            wanted = unquote(path.partition("=")[2]).lower()
            found = [
                self.found(user_id)
                for user_id, name in self.names.items()
                if name.lower().startswith(wanted)
            ]
            return 200, {}, json.dumps({"players": found})
        if path.startswith("/roblox/joins?players="):
            asked = [one.partition(":") for one in path.partition("=")[2].split(",")]
            assert len(asked) <= 50
            return (
                200,
                {},
                json.dumps(
                    {"players": [self.joined(int(one), int(after)) for one, _, after in asked]}
                ),
            )
        if path == "/leaderboard/top?limit=50":
            return (
                200,
                {},
                json.dumps(
                    {
                        "players": self.top(50),
                        "total": len(self.names),
                        "by": "points",
                        "period": None,
                        "asOf": MOMENT,
                        "lastSyncedAt": MOMENT,
                        "next": None,
                    }
                ),
            )
        if path.startswith("/roblox/players/"):
            user_id, _, after = path.rpartition("/")[2].partition("?after=")
            return 200, {}, json.dumps(self.joined(int(user_id), int(after)))
        return 404, {}, "{}"

    def take(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        accepted = 0
        for event in events:
            key = (event["userId"], event["session"], event["sequence"])
            row = (round(event["awarded"] * 100), round(event["total"] * 100))
            if key not in self.ledger:
                self._merge(*key, *row)
            assert self.ledger.setdefault(key, row) == row, f"{key}: two rows of one sequence"
            accepted += 1
        pairs = {(event["userId"], event["session"]) for event in events}
        return {
            "accepted": accepted,
            "duplicates": 0,
            "rejected": [],
            "notices": [],
            "players": [
                {
                    "userId": user_id,
                    "confirmed": {
                        "session": epoch,
                        "sequence": self.parts(user_id)[epoch].confirmed,
                    },
                    "points": max(0, self.known(user_id)),
                }
                | self._said(user_id)
                for user_id, epoch in pairs
            ],
        }

    def drain(self, items: list[str]) -> None:
        """Ingest the items of the queue, and empty it."""
        for item in items:
            self.take(json.loads(item)["events"])
        items.clear()

    def _merge(self, user_id: int, epoch: int, sequence: int, awarded: int, total: int) -> None:
        parts, beyond = (
            self.merged.setdefault(user_id, {}),
            self.beyond.setdefault((user_id, epoch), set()),
        )
        parts[epoch] = merge(
            parts.get(epoch, EMPTY), [SessionRow(sequence, awarded, total)], beyond
        )
        beyond.add(sequence)
        self.beyond[user_id, epoch] = {one for one in beyond if one > parts[epoch].confirmed}

    def parts(self, user_id: int) -> dict[int, SessionTotal]:
        return self.merged.get(user_id, {})

    def total(self, user_id: int) -> int:
        return sum(part.total for part in self.parts(user_id).values())

    def found(self, user_id: int) -> dict[str, Any]:
        rank, sanction = self.standing.get(user_id, (FIRST, None))
        return {
            "userId": user_id,
            "username": self.names[user_id],
            "displayName": "",
            "rank": rank,
            "points": self.known(user_id),
            "sanction": sanction,
        }

    def known(self, user_id: int) -> float:
        elsewhere, (_, adjusted) = (
            self.elsewhere.get(user_id, 0),
            self.adjusted.get(user_id, (0, 0)),
        )
        return (self.total(user_id) + elsewhere + adjusted) / 100

    def top(self, limit: int) -> list[dict[str, Any]]:
        best = sorted(self.names, key=self.known, reverse=True)[:limit]
        return [
            self.found(user_id) | self._line(user_id, place)
            for place, user_id in enumerate(best, start=1)
        ]

    def _line(self, user_id: int, place: int) -> dict[str, Any]:
        """Return what a line of the leaderboard has beyond a found player."""
        return {
            "position": place,
            "tied": False,
            "userIdString": str(user_id),
            "rankSlug": "initiate",
            "amount": self.known(user_id),
            "kos": 0,
            "wos": 0,
            "change": None,
            "spark": [0] * 14,
            "lastSyncedAt": MOMENT,
        }

    def joined(self, user_id: int, after: int) -> dict[str, Any]:
        parts = [
            {
                "session": epoch,
                "sequence": part.sequence,
                "total": part.total / 100,
                "confirmed": part.confirmed,
            }
            for epoch, part in sorted(self.parts(user_id).items())
            if epoch > after
        ]
        return {
            "userId": user_id,
            "known": True,
            "rankSince": "2025-01-01T00:00:00Z",
            "recommendations": len(self.recommended.get(user_id, [])),
            "recommendedBy": self.recommended.get(user_id, []),
            "points": max(0, self.known(user_id)),
            "elsewhere": self.elsewhere.get(user_id, 0) / 100,
            "sessions": parts,
            "ban": self.bans.get(user_id),
            **({"counts": self.counts} if self.counts is not None else {}),
            "warnings": self.warnings[user_id],
            "cases": [
                {"kind": kind, "case": case, "until": None}
                for kind, case in self.cases.get(user_id, [])
            ],
            "locks": self.locks.get(user_id, []),
            "leave": self.leaves.get(user_id),
            "hosted": {"asOf": "2025-01-01T00:00:00Z", "today": 0, "thisWeek": 0},
        } | self._said(user_id)

    def _said(self, user_id: int) -> dict[str, Any]:
        rank, sanction = self.standing.get(user_id, (FIRST, None))
        sequence, total = self.adjusted.get(user_id, (0, 0))
        membership = self.membership.get(
            user_id, {"state": "member", "since": "2025-01-01T00:00:00Z"}
        )
        adjusted = {"sequence": sequence, "total": total / 100}
        return {"rank": rank, "sanction": sanction, "adjusted": adjusted, "membership": membership}
