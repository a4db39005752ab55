"""Secrets are rotated while real web processes answer calls: none is refused during the overlap.

The new process starts before the old one stops, as a rolling restart does.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection

from common.environment import BASE_DIR
from grps_site.http.request_signing import SignedCall, signature
from grps_site.ops import database_roles
from tests.audits.streams.test_streams import Server
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


@pytest.mark.skipif("GRPS_LONG" not in os.environ, reason="make test-long runs it")
def test_nothing_is_refused_while_logins_and_keys_of_lists_are_rotated(
    environment: dict[str, str], login: str, valkey: Server, tmp_path: Path
) -> None:
    """The command runs as a process here: it must log in as the role whose URL it rotates."""
    files = {
        "DATABASE_URL": login,
        "REDIS_URL": valkey.url.replace("redis://", "redis://:first@"),
        "FIELD_ENCRYPTION_KEYS": new_key(),
        "ERASURE_MARK_KEYS": new_key(),
        "AUDIT_SIGNING_KEY": new_key(),
        "WEBHOOK_VERIFICATION_KEY": new_key(),
        "WEBHOOK_VERIFICATION_KEY_PREVIOUS": "",
    }
    for name, value in files.items():
        (tmp_path / name).write_text(value)
        environment |= {name: "", f"{name}_FILE": str(tmp_path / name)}
    environment |= {"CELERY_BROKER_URL": ""}
    known = {name: (tmp_path / name).read_text().strip() for name in CALLS}
    rotated = [name for name in files if not name.endswith("_PREVIOUS")]
    with ExitStack() as second:
        with ExitStack() as first:
            load = Load(first.enter_context(web_server(environment)), known)
            with load:
                load.go_on()
                for name in rotated:
                    _administer(process(environment, "rotate", name))
                load.url = second.enter_context(web_server(environment))
                load.go_on()
                first.close()
                load.go_on()
        assert {status for done in load.statuses.values() for status in done} == {200}
        for name in rotated:
            if name != "ERASURE_MARK_KEYS":
                _administer(process(environment, "finish", name, "--force"))
        assert call_signed(load.url, known["AUTOMATION_SIGNATURE_SECRET"]).status_code == 200
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(login)
    with pytest.raises(redis.AuthenticationError), redis.Redis.from_url(files["REDIS_URL"]) as old:
        old.ping()


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def login() -> Iterator[str]:
    """Return a URL of the test database with a role of its own that has the application's rights."""
    role = f"turns_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'first'")
    database_roles.grant(role)
    place = urlsplit(database_url()).netloc.rpartition("@")[2]
    yield urlsplit(database_url())._replace(netloc=f"{role}:first@{place}").geturl()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE IF EXISTS {role}_a, {role}_b, {role}")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    """Run a Valkey server with the password `first`."""
    server = Server(tmp_path)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "first")
    yield server
    server.kill()


def process(environment: dict[str, str], *command: str) -> str:
    """Run the command as a process, and return what it says to do."""
    done = subprocess.run(
        [sys.executable, "manage.py", "secrets", *command],
        cwd=BASE_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def _administer(steps: str) -> None:
    """Run the SQL among the steps as an administrator."""
    statements = re.findall(r"^(?:CREATE|ALTER) ROLE .*;$|^GRANT .*;$", steps, re.MULTILINE)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
