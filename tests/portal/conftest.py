"""A filled database, Django and the portal, which the tests of one process share.

The database is filled once for all processes and copied. The portal is built once for all.
"""

import dataclasses
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser
from psycopg import sql

from common.environment import BASE_DIR
from devserver.portal import build, node
from tests import own_broker, template_database
from tests.browser.conftest import launched
from tests.conftest import START_PATIENCE, WITHOUT_LIMITS, free_port, web_server
from tests.portal import community

FILLED = "grps_portal_filled"
REFRESH_SECRET = "refresh-secret-of-the-tests"
WEBHOOK_SECRET = "whsec_" + "QUJD" * 11


@dataclasses.dataclass(frozen=True)
class Ground:
    """The filled database of this process, and a Django server on it."""

    owner_url: str
    portal_url: str  # by the role that reads the schema `portal` alone
    api_url: str


class Portal:
    """A running portal, with what it writes to its log."""

    def __init__(self, url: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.process, self._log = url, process, log
        self.state = log.parent / "state"
        self.http = httpx.Client(base_url=url, timeout=60)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(START_PATIENCE)

    def lines(self) -> list[dict[str, Any]]:
        """Return what it logged."""
        text = self._log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in text if line.startswith("{")]

    def request_of(self, request_id: str) -> dict[str, Any]:
        """Return the log line of an answered request."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in self.lines():
                if line["event"] == "request" and line.get("requestId") == request_id:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line of {request_id} in\n{self._log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Copy the filled database, and start Django on the copy."""
    name = f"grps_portal_{own_broker.number}"
    with _only_process("grps-portal-tests"):
        _fill()
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            _copy(server, FILLED, name)
    owner = _database(os.environ["DATABASE_URL"], name)
    application = _database(os.environ["DATABASE_APPLICATION_URL"], name)
    with web_server({**WITHOUT_LIMITS, "DATABASE_URL": application}) as api_url:
        yield Ground(owner, _as_portal(owner), api_url)


@pytest.fixture(scope="session")
def portal_build() -> Path:
    """Build the portal, unless a process built it already."""
    return build.ensure_built()


@pytest.fixture(scope="session")
def start_portal(portal_build: Path) -> Iterator[Callable[..., Portal]]:
    """Return a function that starts a portal with its settings, until the session ends."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running_portal(portal_build, settings))


@pytest.fixture(scope="session")
def portal(ground: Ground, start_portal: Callable[..., Portal]) -> Portal:
    """Return a portal with everything it may ask, and as much time as a busy machine needs."""
    return start_portal(**settings_of(ground, PORTAL_DEADLINE="30000"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def settings_of(ground: Ground, **changes: str) -> dict[str, str]:
    return {
        "DATABASE_URL": ground.portal_url,
        "NEXT_PUBLIC_AUTOMATION_BASE_URL": ground.api_url,
        "PORTAL_REFRESH_SECRET": REFRESH_SECRET,
        "PORTAL_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "AUTOMATION_SIGNATURE_SECRET": os.environ["AUTOMATION_SIGNATURE_SECRET"],
        **changes,
    }


@contextmanager
def running_portal(built: Path, settings: dict[str, str]) -> Iterator[Portal]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        own = {"PORT": str(port), "PORTAL_URL": url, "PORTAL_STATE": f"{folder}/state"}
        process = subprocess.Popen(
            ["node", str(built / "server.js")],
            env=environment(**(own | settings)),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        portal = Portal(url, Path(folder) / "log", process)
        try:
            _wait_until_it_serves(portal)
            yield portal
        finally:
            portal.stop()


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a portal, which knows nothing else of this machine."""
    return {"PATH": node.path(), "HOSTNAME": "127.0.0.1", **build.QUIET, **settings}


def _wait_until_it_serves(portal: Portal) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert portal.process.poll() is None, portal.lines() or "the portal ended at its start"
        try:
            if portal.http.get("/api/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"{portal.url} did not serve within {START_PATIENCE} s")


def _fill() -> None:
    """Fill the database that every process copies, unless it is filled and up to date."""
    fingerprint = _fingerprint()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        if server.execute(query, [FILLED]).fetchone() == (fingerprint,):
            return
        _copy(server, template_database.NAME, FILLED)
        url = _database(os.environ["DATABASE_URL"], FILLED)
        subprocess.run(
            [sys.executable, "-m", "tests.portal.community"],
            cwd=BASE_DIR,
            env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "grps_site.settings"},
            check=True,
        )
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        server.execute(comment.format(sql.Identifier(FILLED), sql.Literal(fingerprint)))


def _fingerprint() -> str:
    """Return a hash of all that the filled database depends on, and of the day, for its dates."""
    found = hashlib.sha256(template_database.fingerprint().encode())
    found.update(Path(community.__file__).read_bytes())
    found.update(time.strftime("%Y-%m-%d", time.gmtime()).encode())
    for path in sorted((BASE_DIR / "players").rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def _as_portal(url: str) -> str:
    address = urlsplit(url)
    place = f"{community.ROLE}:{community.PASSWORD}@127.0.0.1:{address.port}"
    return address._replace(netloc=place).geturl()


def _copy(server: "psycopg.Connection[Any]", source: str, name: str) -> None:
    names = {"name": sql.Identifier(name), "source": sql.Identifier(source)}
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names))
    server.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {source}").format(**names))


def _database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextmanager
def _only_process(name: str) -> Iterator[None]:
    """Let one test process at a time do the work within."""
    with (Path(os.environ["GRPS_STATE"]) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
