"""A real browser and a real server for the browser tests.

Uses the system's Chromium, or installs Playwright's. A machine that can have neither fails with one
line that says so. Screenshots are kept below $GRPS_STATE/screenshots.
"""

import datetime as dt
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from players.discipline import sanctions
from players.models import Player, Rank
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from players.ranks import decisions
from tests.browser.help import no_complaints
from tests.conftest import Live
from tests.console.staff import owner_client

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds that a page may take on a busy machine


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    """Launch a browser for some tests. Until it ends, no test of this process can use asyncio."""
    # Playwright keeps an event loop in this thread, so Django suspects asynchronous code.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)  # it ignores the context's default
        browser = _launch(playwright)
        yield browser
        browser.close()


def _launch(playwright: Playwright) -> Browser:
    system = _system() or _from_packages()
    if system:
        return playwright.chromium.launch(executable_path=system, args=FLAGS)
    try:
        return playwright.chromium.launch(args=FLAGS)
    except Error:
        installed = subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"], check=False
        )
    if installed.returncode:
        pytest.fail(
            "The browser tests need Chromium: install the package chromium of your system.",
            pytrace=False,
        )
    return playwright.chromium.launch(args=FLAGS)


def _system() -> str | None:
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


def _from_packages() -> str | None:
    """Install the system's package if we may. One process installs it, the others wait."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    with (Path(tempfile.gettempdir()) / "grps-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _system() is None:
            quietly = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
            subprocess.run(["apt-get", "update", "-qq"], **quietly)
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
            subprocess.run(
                install, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quietly
            )
    return _system()


@pytest.fixture
def context(browser: Browser, live: Live) -> Iterator[BrowserContext]:
    """Open a fresh browser context for the server."""
    fresh = browser.new_context(
        base_url=live.url, viewport={"width": 1280, "height": 860}, reduced_motion="reduce"
    )
    fresh.set_default_timeout(PATIENCE)
    yield fresh
    fresh.close()


@pytest.fixture
def sign_in(context: BrowserContext, live: Live) -> Callable[[Client], None]:
    """Return a function that copies a test client's cookies into the browser."""

    def sign_in(client: Client) -> None:
        context.add_cookies(
            [
                {"name": one.key, "value": one.value, "url": live.url}
                for one in client.cookies.values()
            ]
        )

    return sign_in


@pytest.fixture
def browser_page(context: BrowserContext, sign_in: Callable[[Client], None]) -> Iterator[Page]:
    """Open a page with an owner signed in. Errors that the browser reports fail the test."""
    sign_in(owner_client())
    page = context.new_page()
    with no_complaints(page):
        yield page


@pytest.fixture
def community(live: Live) -> list[Player]:
    """Create sixty players on the ladder: one is warned, one is suspended, one has a proposal."""
    now = timezone.now()
    ranks = list(Rank.objects.filter(is_punishment=False, ignored=False).order_by("position"))
    players = Player.objects.bulk_create(
        Player(
            user_id=2_000 + number,
            username=f"{'Storm' if number % 2 else 'volt'}_{number:02}",
            display_name=f"Display {number}",
            rank=ranks[number % len(ranks)],
            rank_since=now - dt.timedelta(days=60),
            named_at=now - dt.timedelta(hours=number),
            adjusted=number * 137,
        )
        for number in range(60)
    )
    told = {"by": at_the_shell(), "reason": "Team killing in the training.", "now": now}
    sanctions.warn(players[1].user_id, Command(**told))
    sanctions.suspend(players[2].user_id, Command(**told), until=now + dt.timedelta(days=14))
    decisions.propose(
        players[3].user_id,
        "Tempest Major",
        Command(by=at_the_shell(), reason="Leads well.", now=now),
    )
    return players
