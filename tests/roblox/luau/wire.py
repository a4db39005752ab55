"""HTTP from the games' machines to a live server."""

import random

import httpx

from tests.conftest import Live
from tests.roblox.luau.universe import Answer


class Wire:
    """HTTP to the server. Replaces the name of the game's secret by the API key."""

    def __init__(self, live: Live, api_key: str) -> None:
        self.live, self.api_key = live, api_key
        self.away, self.lossy = False, 0.0
        self.dice = random.Random(3)
        self.refused: list[str] = []

    def __call__(self, url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        if self.away:
            return None
        path = url.removeprefix("https://grps.example.org")
        given = headers | {"x-grps-api-key": self.api_key}
        answer: httpx.Response = self.live.http.request(
            method, path, headers=given, content=body.encode() or None
        )
        if answer.status_code >= 400:
            self.refused.append(f"{method} {path}: {answer.status_code} {answer.text}")
        if self.dice.random() < self.lossy:
            return None
        return answer.status_code, dict(answer.headers), answer.text
