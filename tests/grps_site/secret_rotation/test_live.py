"""Secrets are rotated while real web processes answer calls: none is refused during the overlap.

The new process starts before the old one stops, as a rolling restart does.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.core.management import CommandError, call_command

from grps_site.http.request_signing import SignedCall, signature
from tests.conftest import WITHOUT_LIMITS, database_url, web_server
from webhooks.inbound import notifications

pytestmark = pytest.mark.usefixtures("transactional_db", "bootstrapped")
OVERLAPPING = {
    "METRICS_TOKEN": "METRICS_TOKEN_PREVIOUS",
    "AUTOMATION_SIGNATURE_SECRET": "AUTOMATION_SIGNATURE_SECRET_PREVIOUS",
    "ROBLOX_WEBHOOK_SECRET": "ROBLOX_WEBHOOK_SECRET_PREVIOUS",
    "DJANGO_SECRET_KEY": "DJANGO_SECRET_KEY_FALLBACKS",
}
Call = Callable[[str, str], httpx.Response]


def scrape(url: str, token: str) -> httpx.Response:
    return httpx.get(f"{url}/metrics", headers={"authorization": f"Bearer {token}"}, timeout=30)


def call_signed(url: str, secret: str) -> httpx.Response:
    body = b'{"token": "x"}'
    moment, nonce, visitor = str(int(time.time())), secrets.token_hex(16), "203.0.113.7"
    message = SignedCall("POST", "/turnstile/verify", body, visitor).message(moment, nonce)
    headers = {
        "x-grps-timestamp": moment,
        "x-grps-nonce": nonce,
        "x-grps-signature": f"v1={signature(secret, message)}",
        "x-grps-visitor": visitor,
        "content-type": "application/json",
    }
    return httpx.post(f"{url}/turnstile/verify", content=body, headers=headers, timeout=30)


def notify(url: str, secret: str) -> httpx.Response:
    moment = str(int(time.time()))
    body = json.dumps(
        {
            "NotificationId": str(uuid4()),
            "EventType": "SampleNotification",
            "EventTime": "2026-03-01T12:00:00Z",
            "EventPayload": {},
        }
    ).encode()
    signed = notifications.signature(secret, moment, body).decode()
    headers = {"roblox-signature": f"t={moment},v1={signed}", "content-type": "application/json"}
    return httpx.post(f"{url}/webhooks/roblox", content=body, headers=headers, timeout=30)


CALLS: dict[str, Call] = {
    "METRICS_TOKEN": scrape,
    "AUTOMATION_SIGNATURE_SECRET": call_signed,
    "ROBLOX_WEBHOOK_SECRET": notify,
}


class Load:
    """Calls without a pause, each with the value that its caller knows, until it is stopped."""

    def __init__(self, url: str, known: dict[str, str]) -> None:
        self.url, self.known = url, known
        self.statuses: dict[str, list[int]] = {name: [] for name in CALLS}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(name,)) for name in CALLS]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, calls: int = 5) -> None:
        """Wait until each caller has called this many times more."""
        aims = {name: len(done) + calls for name, done in self.statuses.items()}
        while any(len(self.statuses[name]) < aim for name, aim in aims.items()):
            assert all(thread.is_alive() for thread in self._threads)
            time.sleep(0.02)

    def _run(self, name: str) -> None:
        while not self._stopping.is_set():
            self.statuses[name].append(CALLS[name](self.url, self.known[name]).status_code)


@pytest.fixture
def environment(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return an environment that reads the overlapping secrets from files, and use it here."""
    settings.ERASURE_MARK_KEYS = [base64.b64encode(secrets.token_bytes(32)).decode()]
    found = {"DATABASE_URL": database_url(), **WITHOUT_LIMITS}
    for name, previous in OVERLAPPING.items():
        (tmp_path / name).write_text(secrets.token_urlsafe(48))
        (tmp_path / previous).write_text("")
        for variable in (name, previous):
            found |= {variable: "", f"{variable}_FILE": str(tmp_path / variable)}
    for variable, value in found.items():
        monkeypatch.setenv(variable, value)
    return found


def manage(*command: str) -> str:
    out = StringIO()
    call_command("secrets", *command, stdout=out, stderr=out)
    return out.getvalue()


def test_nothing_is_refused_while_secrets_are_rotated(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def read(name: str) -> str:
        return (tmp_path / name).read_text().strip()

    former = {name: read(name) for name in CALLS}
    with ExitStack() as second:
        with ExitStack() as first:
            load = Load(first.enter_context(web_server(environment)), dict(former))
            with load:
                load.go_on()
                said = [manage("rotate", name) for name in OVERLAPPING]
                load.url = second.enter_context(web_server(environment))
                load.go_on()
                first.close()  # SIGTERM, while calls with the former values go on
                load.go_on()
                load.known.update({name: read(name) for name in CALLS})
                load.go_on()
        assert {status for done in load.statuses.values() for status in done} == {200}
    for value in (*former.values(), *map(read, CALLS)):
        assert value not in "".join(said)
    with pytest.raises(CommandError, match="was used at"):
        manage("finish", "METRICS_TOKEN")
    for name in OVERLAPPING:
        manage("finish", name, "--force")
    with web_server(environment) as url:
        for name, call in CALLS.items():
            assert call(url, former[name]).status_code == 401
            assert call(url, read(name)).status_code == 200
