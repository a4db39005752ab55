"""What every test stands on: PostgreSQL and Valkey (`make test` starts them), and a real server on
call.
"""

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
from common.environment import BASE_DIR
from devserver.processes import web_command
from grps_site.http import request_signing
from grps_site.ops import database_roles
from roblox import keys
from roblox.models import Experience
from tests import first_start, own_broker, template_database

# `make test-long` asks each property twenty thousand times; no deadline, since machines are shared.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=20_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

TESTER = Actor("system", "tests", "tests")
WITHOUT_LIMITS = {"THROTTLE_PUBLIC_PER_MINUTE": "0", "THROTTLE_WRITE_PER_MINUTE": "0"}
START_PATIENCE = 120  # seconds
BY_MIGRATE = {"django_content_type", "auth_permission"}
_PORTS = itertools.count(
    20_000 + 750 * int(own_broker.number) + os.getpid() % 500
)  # each process has its own range


def events(*user_ids: int, **changes: Any) -> dict[str, Any]:
    """A batch as a game server sends it: a first KO for each user, `changes` in every event."""
    event = {"session": 1, "sequence": 1, "type": "ko", "awarded": 0.25, "total": 0.25}
    event |= {"occurredAt": timezone.now().isoformat()} | changes
    items = [{"userId": user_id, "username": f"player_{user_id}"} | event for user_id in user_ids]
    return {"server": {"placeId": 1, "jobId": "a job"}, "events": items}


def pytest_configure(config: pytest.Config) -> None:
    """Let every process copy its database from one that is migrated already."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        template_database.prepare()
    connection.settings_dict["TEST"]["TEMPLATE"] = template_database.NAME


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that wait for whole systems come first, so that the other processor has the many
    small ones beside.
    """
    items.sort(key=lambda item: "tests/devserver/" not in item.nodeid)


@dataclasses.dataclass
class Live:
    """A running server, and how each kind of caller talks to it."""

    url: str
    http: httpx.Client

    def fresh(self, path: str, **options: Any) -> httpx.Response:
        """GET what nobody has asked for within the last second, so that no cache answers."""
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
    """How tables are emptied after a test that commits: past the triggers of append-only tables,
    and by DELETE, which costs next to nothing for the few rows of a test where TRUNCATE makes new
    files for sixty tables. What `migrate` wrote into BY_MIGRATE stays, so that it need not be
    written again.
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


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """No test writes events under the id of a request that an earlier one made."""
    structlog.contextvars.clear_contextvars()


@pytest.fixture(autouse=True)
def _no_limits(settings: Any, tmp_path: Any) -> None:
    """No test is slowed by what another one asked for, by a password, or by static files, all of
    which each new client would look through; seals go to a file of the test's own.
    """
    settings.THROTTLE_PUBLIC_PER_MINUTE = 0
    settings.THROTTLE_WRITE_PER_MINUTE = 0
    settings.AUDIT_SEAL_FILE = str(tmp_path / "seals.jsonl")
    settings.PASSWORD_HASHERS = ["tests.hashers.OneRound"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def bootstrapped(db: None) -> None:
    """Experiences, policy version 1 and its ranks, as a first start makes them."""
    first_start.bootstrap()


@pytest.fixture
def api_key(bootstrapped: None) -> str:
    """A key of the experience `nexus`."""
    return keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The processes of a test run as a role that owns nothing; the tests themselves make databases."""
    with django_db_blocker.unblock():
        database_roles.grant(database_roles.role_of(os.environ["DATABASE_APPLICATION_URL"]))


@pytest.fixture(scope="session")
def serve(django_db_setup: None) -> Iterator[Callable[..., str]]:
    """Start a real server on the test database with other settings; its address. It ends with the
    session.
    """
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(_server(environment))


@pytest.fixture(scope="session")
def _url(serve: Callable[..., str]) -> str:
    return serve(**WITHOUT_LIMITS)


@pytest.fixture
def live(transactional_db: None, bootstrapped: None, _url: str) -> Iterator[Live]:
    """A real server on a free port, without limits, bootstrapped; what the test commits, it sees."""
    with httpx.Client(base_url=_url, timeout=30) as http:
        yield Live(_url, http)


@contextmanager
def _server(environment: dict[str, str]) -> Iterator[str]:
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
    """The address of the database that the tests made, for a process: as the role that owns
    nothing.
    """
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
    """A port that nobody listens on, and that nobody is given before a server of the test does:
    below those that the system gives out, and of this process alone.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
