"""Synchronisation of the demo with the emulator of `make up`.

Games save players, and people change roles and ban on Roblox. Staff change points, ranks and bans
in GRPS. At the end both must agree.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from devserver.emulator import GROUP, UNIVERSES
from grps_site.http import request_signing

TIMEOUT = 300.0  # seconds; the first pull of a new database takes two minutes
PULL_EVERY = 10.0  # seconds
PLAYERS = 12
NEXUS, TRAINING = (int(universe) for universe in UNIVERSES)
FIRST_ROLE = 70_000  # below the emulator's role ids


@dataclass(frozen=True)
class Expectation:
    """A state that must be reached.

    `activity`: the pull that leads to it, empty for a push. `holds`: whether it is reached.
    """

    what: str
    activity: str
    holds: Callable[[], bool]


class RobloxSide:
    """Changes of one community. Its user ids start at `first`."""

    def __init__(self, ready: dict[str, Any], first: int) -> None:
        self.first = first
        self.secret = ready["signatureSecret"]
        self.grps = httpx.Client(base_url=ready["url"], timeout=60)
        self.roblox = httpx.Client(base_url=ready["openCloud"]["url"], timeout=60)

    def play(self) -> list[str]:
        """Make all changes and wait until they are synchronised. Returns errors as sentences."""
        self._join()
        errors = self._await([*self._save_players(), *self._expect_ranks()])
        return errors + self._await(
            [*self._change_roles(), *self._ban_in_game(), *self._act_in_grps()]
        )

    def _act(self, act: str, **body: Any) -> None:
        self.roblox.post("/_emulator/act", json={"act": act, **body}).raise_for_status()

    def _join(self) -> None:
        members = [
            {
                "userId": self.first + n,
                "username": f"settler_{self.first + n}",
                "roles": [FIRST_ROLE + 5],
            }
            for n in range(PLAYERS)
        ]
        self.roblox.post(
            "/_emulator/members", json={"groupId": int(GROUP), "members": members}
        ).raise_for_status()

    def _save_players(self) -> Iterator[Expectation]:
        """Save half of the players in our format, half in the simple format of older games."""
        for n in range(PLAYERS):
            user_id, total = self.first + n, 20_000 + n * 25
            universe = NEXUS if n % 2 else TRAINING
            value: dict[str, Any] = {
                "points": total / 100,
                "kos": n,
                "wos": 0,
                "username": f"settler_{user_id}",
            }
            if universe == NEXUS:
                session = {
                    "sequence": 9,
                    "total": total,
                    "kos": n,
                    "savedAt": int(time.time()) - 3600,
                }
                value = {
                    "grps": 1,
                    "userId": user_id,
                    "username": f"settler_{user_id}",
                    "sessions": {"1": session},
                }
            self._act(
                "setEntry",
                universeId=universe,
                store="GRPS_Points",
                scope="global",
                key=f"player:{user_id}",
                value=value,
                index={"store": "GRPS_Points_Index", "id": str(user_id), "value": total},
            )
            yield Expectation(
                f"{total / 100} points of player {user_id}",
                "points",
                lambda user_id=user_id, total=total: (  # type: ignore[misc]
                    self._player(user_id).get("points") == total / 100
                ),
            )

    def _expect_ranks(self) -> Iterator[Expectation]:
        for n in range(PLAYERS):
            user_id = self.first + n
            yield Expectation(
                f"the rank that player {user_id} has in the group",
                "members",
                lambda user_id=user_id: self._player(user_id).get("rank") == "Shock Trooper II",  # type: ignore[misc]
            )

    def _change_roles(self) -> Iterator[Expectation]:
        for n in range(4):
            user_id = self.first + n
            self._act("setRoles", groupId=int(GROUP), userId=user_id, roles=[FIRST_ROLE + 14])
            yield Expectation(
                f"the rank given by hand to player {user_id}",
                "members",
                lambda user_id=user_id: self._player(user_id).get("rank") == "Captain I",  # type: ignore[misc]
            )

    def _ban_in_game(self) -> Iterator[Expectation]:
        from syncs.models import Drift

        for n in (10, 11):
            user_id = self.first + n
            reasons = {"displayReason": "cheats", "privateReason": "made in the game"}
            self._act(
                "ban", universeId=NEXUS, userId=user_id, active=True, duration="86400s", **reasons
            )
            yield Expectation(
                f"the ban of player {user_id} made in the game",
                "restrictions",
                lambda user_id=user_id: Drift.objects.filter(  # type: ignore[misc]
                    aspect="restriction", subject=str(user_id), resolved_at=None
                ).exists(),
            )

    def _act_in_grps(self) -> Iterator[Expectation]:
        """Adjust points, set a rank and ban, as staff do."""
        from django.utils import timezone

        from audits.record import Actor
        from players.discipline import sanctions
        from players.moderation.actors import Staff
        from players.moderation.command import Command
        from players.points import adjustments
        from players.ranks import decisions

        by = Staff(Actor("system", "demo", "demo"), rank=None, bypasses_second_person=True)
        points, rank, ban = self.first + 7, self.first + 8, self.first + 9
        adjustments.adjust(
            points, 1250, Command(by=by, reason="the demo rewards", now=timezone.now())
        )
        decisions.set_rank(
            rank, "Captain II", Command(by=by, reason="the demo promotes", now=timezone.now())
        )
        sanctions.ban(ban, Command(by=by, reason="the demo bans", now=timezone.now()))
        for universe in (NEXUS, TRAINING):
            yield Expectation(
                f"the reward of player {points} in universe {universe}",
                "",
                lambda universe=universe: (  # type: ignore[misc]
                    self._entry(universe, points).get("adjusted", {}).get("total") == 1250
                ),
            )
            yield Expectation(
                f"the ban of player {ban} in universe {universe}",
                "",
                lambda universe=universe: self._is_banned(universe, ban),  # type: ignore[misc]
            )
        yield Expectation(
            f"the role of player {rank}", "", lambda: self._roles(rank) == {FIRST_ROLE + 15}
        )

    def _await(self, expected: list[Expectation]) -> list[str]:
        deadline = time.monotonic() + TIMEOUT
        requested = 0.0
        waiting = expected
        while waiting and time.monotonic() < deadline:
            if time.monotonic() - requested > PULL_EVERY:
                requested = time.monotonic()
                for activity in sorted({one.activity for one in waiting} - {""}):
                    self.request_pull(activity)
            waiting = [one for one in waiting if not one.holds()]
            time.sleep(0.5 if waiting else 0)
        return [f"{one.what} did not arrive" for one in waiting]

    def request_pull(self, activity: str) -> None:
        body = json.dumps({"activity": activity}).encode()
        headers = request_signing.sign(self.secret, "POST", "/sync/roblox", body)
        self.grps.post(
            "/sync/roblox", content=body, headers=headers | {"Content-Type": "application/json"}
        )

    def _player(self, user_id: int) -> dict[str, Any]:
        answer = self.grps.get(f"/players/{user_id}?_={time.monotonic_ns()}")
        if answer.status_code == 429:
            time.sleep(float(answer.headers["Retry-After"]))
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    def _entry(self, universe: int, user_id: int) -> dict[str, Any]:
        key = f"player:{user_id}"
        where: dict[str, str | int] = {
            "universeId": universe,
            "store": "GRPS_State",
            "scope": "global",
            "key": key,
        }
        answer = self.roblox.get("/_emulator/entry", params=where)
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    def _is_banned(self, universe: int, user_id: int) -> bool:
        answer = self._cloud(f"/cloud/v2/universes/{universe}/user-restrictions/{user_id}")
        return bool(answer["gameJoinRestriction"]["active"])

    def _roles(self, user_id: int) -> set[int]:
        found = self._cloud(
            f"/cloud/v2/groups/{GROUP}/memberships?maxPageSize=1&filter=user == 'users/{user_id}'"
        )
        roles = {int(role.rpartition("/")[2]) for role in found["groupMemberships"][0]["roles"]}
        return roles - {FIRST_ROLE + 1}

    def _cloud(self, path: str) -> Any:
        from devserver.emulator import KEY

        return self.roblox.get(path, headers={"x-api-key": KEY}).raise_for_status().json()
