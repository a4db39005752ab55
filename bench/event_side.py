"""The events' part of the demo: an officer awards a training, and the award is undone as a whole."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx

ATTENDEES = 10  # within the default bounds of an experience


class EventSide:
    """A host and attendees in one experience of a running `make up`, as its game server has them."""

    def __init__(self, url: str, api_key: str, host: int, players: Sequence[int]) -> None:
        self.host, self.players = host, list(players[:ATTENDEES])
        self.http = httpx.Client(
            base_url=url, headers={"x-grps-api-key": api_key}, timeout=60, trust_env=False
        )

    def play(self) -> list[str]:
        """Award once, repeat it, and undo it. Returns errors as sentences."""
        before = self._points()
        body = self._award()
        answers = [self._post(body), self._post(body | {"revision": 2})]
        if [answer["state"] for answer in answers] != ["awarded", "awarded"]:
            return [f"The event was not awarded: {answers[0]['detail']}"]
        paid = {row["userId"]: Decimal(str(row["awarded"])) for row in answers[0]["players"]}
        errors = self._wrong(before, paid, "after the award")
        self._undo(answers[0]["eventId"])
        return errors + self._wrong(before, {}, "after its undo")

    def _award(self) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC).isoformat()
        attendees = [
            {
                "userId": user_id,
                "username": f"player_{user_id}",
                "seconds": 0,
                "firstSeenAt": now,
                "lastSeenAt": now,
            }
            for user_id in self.players
        ]
        return {
            "id": str(uuid.uuid4()),
            "revision": 1,
            "kind": "training",
            "hostUserId": self.host,
            "startedAt": now,
            "endedAt": now,
            "atOnce": True,
            "attendees": attendees,
            "award": {"byUserId": self.host, "reason": "the demo's training"},
        }

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = (
            self.http.post("/roblox/hosted-events", json=body).raise_for_status().json()
        )
        return answer

    def _points(self) -> dict[int, Decimal]:
        from players.models import ExperiencePoints

        rows = ExperiencePoints.objects.filter(
            origin="grps:hosted", player__user_id__in=self.players
        )
        return dict(rows.values_list("player__user_id", "total"))

    def _wrong(self, before: dict[int, Decimal], paid: dict[int, Decimal], when: str) -> list[str]:
        now = self._points()
        return [
            f"{user_id} has {now.get(user_id)} points of events {when}."
            for user_id in self.players
            if now.get(user_id, Decimal(0)) != before.get(user_id, 0) + paid.get(user_id, 0)
        ]

    def _undo(self, event_id: int) -> None:
        from django.utils import timezone

        from players.actions import undo
        from players.models import HostedEvent
        from players.moderation.actors import at_the_shell
        from players.moderation.command import Command

        award_event = HostedEvent.objects.get(pk=event_id).award_event
        command = Command(by=at_the_shell(), reason="the demo is over", now=timezone.now())
        undo.revert(award_event or 0, command)
