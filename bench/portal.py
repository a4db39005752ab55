"""Cases of the portal: its pages against one that asks nothing, and what a visitor loads."""

import gzip
import re
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psutil

from bench.results import Result
from devserver.portal import build, node
from devserver.portal.__main__ import HEAP
from devserver.state import free_port

if TYPE_CHECKING:
    from bench.cases import Bench

ROLE = "grps_portal_bench"
BARE = "/terms"  # the same layout, without an answer of any source
REQUESTS = 20  # in one measurement
WARM = 100
MANY = 10_000
HTML, SCRIPTS = 8_000, 170_000  # bytes, compressed
START_TIMEOUT = 60.0  # seconds


class Site:
    """A running portal."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.memory = psutil.Process(process.pid)

    def seconds(self, path: str, requests: int = REQUESTS) -> float:
        started = time.perf_counter()
        for _ in range(requests):
            self.http.get(path).raise_for_status()
        return time.perf_counter() - started

    def compressed(self, path: str) -> int:
        return len(gzip.compress(self.http.get(path).content, 6))

    def scripts(self, path: str) -> int:
        """Return the bytes of the scripts that a present browser loads for a page, compressed."""
        tags = re.findall(r"<(?:script|link)[^>]+>", self.http.get(path).text)
        named = (re.search(r'"(/_next/[^"]+\.js)"', tag) for tag in tags if "noModule" not in tag)
        return sum(self.compressed(script) for script in {found[1] for found in named if found})


def portal(bench: "Bench") -> Iterator[Result]:
    from bench.cases import compare

    player = _player(bench)
    with ExitStack() as stack:
        site = stack.enter_context(_site(bench, _database_url(bench)))
        silent = stack.enter_context(_silent_port())
        hanging = stack.enter_context(_site(bench, f"postgresql://{ROLE}:x@127.0.0.1:{silent}/x"))
        for one in (site, hanging):
            for path in (BARE, "/leaderboard", player):
                one.seconds(path, WARM)
        before = site.memory.memory_info().rss
        for name, path, goal in (("leaderboard", "/leaderboard", 0.7), ("player", player, 0.6)):
            bare, page = compare(partial(site.seconds, BARE), partial(site.seconds, path))
            yield Result(f"portal.{name}", bare / page, goal, "higher")
        well, ill = compare(
            partial(site.seconds, "/leaderboard"), partial(hanging.seconds, "/leaderboard")
        )
        yield Result("portal.silent_database", well / ill, 0.9, "higher")
        yield Result("portal.html", site.compressed("/leaderboard") / HTML, 1.0, "lower")
        yield Result("portal.scripts", site.scripts("/leaderboard") / SCRIPTS, 1.0, "lower")
        site.seconds("/leaderboard", MANY)
        yield Result("portal.memory", site.memory.memory_info().rss / before, 1.5, "lower")


def _player(bench: "Bench") -> str:
    answer = httpx.get(f"http://127.0.0.1:{bench.large_port}/leaderboard/top?limit=1", timeout=60)
    return f"/players/{answer.json()['players'][0]['userIdString']}"


def _database_url(bench: "Bench") -> str:
    """Return the URL of the large database for a role that reads the schema `portal`."""
    from grps_site.ops import portal_role

    password = secrets.token_urlsafe(24)
    portal_role.ensure(password, ROLE)
    owner = urlsplit(bench.large["DATABASE_URL"])
    return owner._replace(netloc=f"{ROLE}:{password}@127.0.0.1:{owner.port}").geturl()


@contextmanager
def _site(bench: "Bench", database_url: str) -> Iterator[Site]:
    built, port = build.ensure_built(), free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        settings = {
            "PATH": node.path(),
            "PORT": str(port),
            "HOSTNAME": "127.0.0.1",
            "PORTAL_URL": url,
            "PORTAL_STATE": state,
            "DATABASE_URL": database_url,
            "NEXT_PUBLIC_AUTOMATION_BASE_URL": f"http://127.0.0.1:{bench.large_port}",
            "AUTOMATION_SIGNATURE_SECRET": bench.large["AUTOMATION_SIGNATURE_SECRET"],
        }
        process = subprocess.Popen(
            ["node", HEAP, str(built / "server.js")],
            env=build.QUIET | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(url)
            yield Site(url, process)
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/api/health/live", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{url} does not serve")


@contextmanager
def _silent_port() -> Iterator[int]:
    """Accept connections and never answer, as a database that hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)  # the kernel accepts them
        yield int(listener.getsockname()[1])
