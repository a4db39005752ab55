"""Fixtures of all tests: databases (started by `make test`), keys, and a real server on demand."""

import dataclasses
import itertools
import json
import os
import socket
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import hypothesis
import pytest
import structlog
from django.conf import settings as django_settings
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import timezone

from audits.record import Actor
from common import database_clock
from common.environment import BASE_DIR
from devserver.processes import web_command
from grps_site.http import request_signing
from grps_site.ops import database_roles
from roblox import keys
from roblox.models import Experience
from tests import first_start, own_broker, template_database

# `make test-long` tries each property twenty thousand times. No deadline, since machines are
# shared.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=20_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

TESTER = Actor("system", "tests", "tests")
WITHOUT_LIMITS = {"THROTTLE_PUBLIC_PER_MINUTE": "0", "THROTTLE_WRITE_PER_MINUTE": "0"}
START_PATIENCE = 120  # seconds
BY_MIGRATE = {"django_content_type", "auth_permission"}
_PORTS = itertools.count(
    20_000 + 750 * int(own_broker.number) + os.getpid() % 500
)  # each process has its own range of ports


def events(*user_ids: int, **changes: Any) -> dict[str, Any]:
    """Build a game server's batch: a first KO for each user, with `changes` in every event."""
    event = {"session": 1, "sequence": 1, "type": "ko", "awarded": 0.25, "total": 0.25}
    event |= {"occurredAt": timezone.now().isoformat()} | changes
    items = [{"userId": user_id, "username": f"player_{user_id}"} | event for user_id in user_ids]
    return {"server": {"placeId": 1, "jobId": "a job"}, "events": items}


def pytest_configure(config: pytest.Config) -> None:
    """Let every process copy its test database from a migrated template."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        template_database.prepare()
    connection.settings_dict["TEST"]["TEMPLATE"] = template_database.NAME


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests of whole systems first, so that the other process runs the short ones."""
    items.sort(key=lambda item: "tests/devserver/" not in item.nodeid)


@dataclasses.dataclass
class Live:
    """A running server, and calls to it by each kind of caller."""

    url: str
    http: httpx.Client

    def fresh(self, path: str, **options: Any) -> httpx.Response:
        """GET an address that nobody requested within the last second, so that no cache answers."""
        mark = f"{'&' if '?' in path else '?'}_={uuid.uuid4().hex}"
        return self.http.get(path + mark, **options)

    def play(self, api_key: str, path: str, body: Any) -> httpx.Response:
        """POST as a game server."""
        return self.http.post(path, json=body, headers={"x-grps-api-key": api_key})

    def signed(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call as the portal does, signed with the current secret."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = request_signing.sign(
            django_settings.AUTOMATION_SIGNATURE_SECRET, method, path, content
        )
        return self.http.request(
            method, path, content=content, headers=headers | {"Content-Type": "application/json"}
        )


@pytest.fixture(scope="session", autouse=True)
def _flush_passes_the_triggers() -> Iterator[None]:
    """Empty tables after committing tests by DELETE, with the triggers disabled.

    DELETE is much faster here than TRUNCATE, which makes new files for sixty tables. Rows that
    `migrate` wrote into BY_MIGRATE stay, so that they need not be written again.
    """

    def sql_flush(
        self: DatabaseOperations, style: Any, tables: Iterable[str], **_: Any
    ) -> list[str]:
        deletes = [
            f"DELETE FROM {self.quote_name(table)};" for table in tables if table not in BY_MIGRATE
        ]
        return [" ".join(["SET LOCAL session_replication_role = replica;", *deletes])]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _shared_clock(django_db_blocker: Any) -> None:
    """Read the database's clock once, since tests without a database read it too."""
    with django_db_blocker.unblock():
        database_clock.now()
        connection.close()


@pytest.fixture(autouse=True)
def _no_request() -> Iterator[None]:
    """Clear the request id, so that no test or module's fixture acts under an earlier test's id."""
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture(autouse=True)
def _no_limits(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable throttles, slow password hashes and static file scans.

    Seals of the test and of its processes go to a file of the test. In a file with the seals of an
    earlier test, whose rows are gone, they would look like a restored backup.
    """
    settings.THROTTLE_PUBLIC_PER_MINUTE = 0
    settings.THROTTLE_WRITE_PER_MINUTE = 0
    settings.AUDIT_SEAL_FILE = str(tmp_path / "seals.jsonl")
    monkeypatch.setenv("AUDIT_SEAL_FILE", settings.AUDIT_SEAL_FILE)
    settings.PASSWORD_HASHERS = ["tests.hashers.OneRound"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def bootstrapped(db: None) -> None:
    """Create experiences, policy version 1 and its ranks, as a first start does."""
    first_start.bootstrap()


@pytest.fixture
def api_key(bootstrapped: None) -> str:
    """Return an API key of the experience `nexus`."""
    return keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Grant rights to the role without ownership, which the tests' processes use."""
    with django_db_blocker.unblock():
        database_roles.grant(database_roles.role_of(os.environ["DATABASE_APPLICATION_URL"]))


@pytest.fixture(scope="session")
def serve(django_db_setup: None) -> Iterator[Callable[..., str]]:
    """Return a function that starts a server with other settings until the session ends.

    The server uses the test database. The function returns its URL.
    """
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(web_server(environment))


@pytest.fixture(scope="session")
def _url(serve: Callable[..., str]) -> str:
    return serve(**WITHOUT_LIMITS)


@pytest.fixture
def live(transactional_db: None, bootstrapped: None, _url: str) -> Iterator[Live]:
    """Return a real server without limits, bootstrapped. It sees what the test commits."""
    with httpx.Client(base_url=_url, timeout=30) as http:
        yield Live(_url, http)


@contextmanager
def web_server(environment: dict[str, str]) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        web_command(port, workers=1),
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR", **environment},
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(START_PATIENCE)


def database_url() -> str:
    """Return the URL of the test database for processes, with the role that owns nothing."""
    address = urllib.parse.urlsplit(os.environ["DATABASE_APPLICATION_URL"])
    return address._replace(path="/" + str(connection.settings_dict["NAME"])).geturl()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it served"
        try:
            if httpx.get(f"{url}/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not serve within {START_PATIENCE} s")


def free_port() -> int:
    """Return a port that is not in use and is not given to anybody else.

    The ports are below those that the system assigns, and each test process has its own range.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
