"""A real emulator process and helpers to call it."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from devserver.__main__ import BASE_DIR
from tests.conftest import START_PATIENCE, free_port
from tests.roblox.emulator import contract

API_KEY = "a-key"
OWNER, KEY_OWNER, MEMBER = 1, 9001, 1000
UNIVERSE, PLACE = 5001, 6001
GROUP = 7001
# A role id is 70,000 plus its rank.
RANKS = {
    1: "Initiate",
    3: "Event Host",
    4: "Trooper",
    10: "Sergeant",
    20: "Major",
    27: "Council",
    255: "Imperator",
}
ENTRIES = f"/cloud/v2/universes/{UNIVERSE}/data-stores/Points/entries"
ORDERED = f"/cloud/v2/universes/{UNIVERSE}/ordered-data-stores/Index/scopes/global/entries"


class Cloud:
    """A caller with an API key.

    Exchanges are compared with Roblox's OpenAPI files if these are present.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=30)

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = API_KEY, **options: Any
    ) -> httpx.Response:
        """Make one call. `body` is sent as JSON."""
        headers = ({"x-api-key": key} if key else {}) | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        answer = self.http.request(method, path, headers=headers, **options)
        if contract.spec_folder():
            contract.check_exchange(
                method, str(answer.url), body, answer.status_code, _json(answer)
            )
        return answer

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.ask("GET", path, params=query or None)

    def tell(self, path: str, body: Any = None) -> Any:
        """POST to the control interface. Fails unless it answers 200."""
        answer = self.http.post(
            f"/_emulator/{path}", json={} if body is None else body, timeout=120
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def look(self, path: str, **query: Any) -> Any:
        """GET from the control interface."""
        answer = self.http.get(f"/_emulator/{path}", params=query or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, act: str, **details: Any) -> None:
        self.tell("act", {"act": act, **details})

    def advance(self, seconds: float) -> None:
        """Let time pass in the emulator."""
        self.tell("clock", {"advance": seconds})

    def now(self) -> dt.datetime:
        """Return the emulator's time."""
        return dt.datetime.fromisoformat(self.look("clock")["now"])

    def fault(self, kind: str, **details: Any) -> None:
        self.tell("faults", {"faults": [{"kind": kind, **details}], "seed": 7})

    def pages(self, path: str, items: str, **query: Any) -> list[list[Any]]:
        """Return all pages of a v2 listing."""
        found = []
        while True:
            body = self.get(path, **query).json()
            found.append(body[items])
            if not body.get("nextPageToken"):
                return found
            query["pageToken"] = body["nextPageToken"]


@contextmanager
def running(
    *arguments: str, port: int | None = None
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run an emulator until the block ends. Yields its URL and its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "roblox.emulator", "--port", str(port), *arguments]
    process = subprocess.Popen(command, cwd=BASE_DIR, env=dict(os.environ))
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url, process
    finally:
        process.terminate()
        process.wait(START_PATIENCE)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of an emulator that all tests of a session share."""
    with running("--state", str(tmp_path_factory.mktemp("emulator") / "state.sqlite3")) as (url, _):
        yield url


@pytest.fixture
def cloud(emulator: str) -> Iterator[Cloud]:
    """Yield a caller whose key opens everything, without limits.

    There are one universe and one group, with an owner, the key's owner and a member.
    """
    caller = Cloud(emulator)
    with caller.http:
        prepare(caller)
        yield caller


def prepare(caller: Cloud) -> None:
    """Empty the emulator and create what nearly every test needs."""
    caller.tell("reset")
    caller.tell("limits", {"all": None})
    caller.tell("universes", {"universeId": UNIVERSE, "rootPlaceId": PLACE, "name": "Arena"})
    caller.tell(
        "keys", {"key": API_KEY, "name": "A key", "ownerUserId": KEY_OWNER, "scopes": ["*"]}
    )
    roles = [{"id": role(rank), "rank": rank, "displayName": name} for rank, name in RANKS.items()]
    caller.tell(
        "groups", {"groupId": GROUP, "name": "A group", "ownerUserId": OWNER, "roles": roles}
    )
    people = [
        {"userId": KEY_OWNER, "username": "ranker", "roles": [role(20)]},
        {"userId": MEMBER, "username": "Anna", "roles": [role(4), role(3)]},
    ]
    caller.tell("members", {"groupId": GROUP, "members": people})


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition that becomes true without further calls."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def role(rank: int) -> int:
    return 70_000 + rank


def spec_or_skip() -> Path:
    """Return the folder of Roblox's files. Skips the test, with the reason, if there is none."""
    folder = contract.spec_folder()
    if folder is None:
        pytest.skip(contract.NO_SPEC)
    return folder


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the emulator ended before it served"
        try:
            if httpx.get(f"{url}/_emulator/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not serve within {START_PATIENCE} s")
