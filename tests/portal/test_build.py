"""What is built and how it starts: no warning, no secret, one clear line for a wrong setting."""

import re
import subprocess
from pathlib import Path

import pytest

from devserver.portal import build
from tests.conftest import free_port
from tests.portal.conftest import environment

WARNING = re.compile(r"warn|⚠|deprecated|error", re.IGNORECASE)
# Settings that are right, and never used: nothing listens there.
RIGHT = {
    "PORTAL_URL": "https://community.example.org",
    "NEXT_PUBLIC_AUTOMATION_BASE_URL": "http://127.0.0.1:9",
}
WRONG = {
    "PORTAL_URL": "community.example.org",
    "NEXT_PUBLIC_AUTOMATION_BASE_URL": "ftp://example.org",
    "DATABASE_URL": "mysql://grps_portal:hunter2@127.0.0.1/grps",
    "DATABASE_POOL": "1000",
    "PORTAL_REFRESH_SECRET": "short",
    "AUTOMATION_SIGNATURE_SECRET": "two words of it",
    "PORTAL_WEBHOOK_SECRET": "no-prefix",
    "TURNSTILE_SITE_KEY": "?",
    "DISCORD_SERVER_ID": "the server",
}


def test_the_build_has_no_warning(portal_build: Path) -> None:
    log = (portal_build / build.LOG).read_text()
    assert "Route (app)" in log
    assert [line for line in log.splitlines() if WARNING.search(line)] == []


def test_the_output_holds_the_server_and_nothing_of_the_checkout(portal_build: Path) -> None:
    assert (portal_build / "server.js").exists()
    assert (portal_build / ".next" / "static").exists()
    names = {path.name for path in portal_build.iterdir()}
    assert names <= {
        "server.js",
        "package.json",
        "node_modules",
        ".next",
        "public",
        "brand.json",
        build.LOG,
    }
    assert not list(portal_build.rglob(".env*"))
    assert sum(path.stat().st_size for path in portal_build.rglob("*") if path.is_file()) < 80e6


def test_the_scripts_for_browsers_know_no_setting(portal_build: Path) -> None:
    for script in (portal_build / ".next" / "static").rglob("*.js"):
        text = script.read_text()
        for name in (*RIGHT, *WRONG):
            assert name not in text, (script.name, name)


def test_unit_tests() -> None:
    build.ensure_installed()
    ended = subprocess.run(
        ["npm", "test", "--silent"],
        cwd=build.FOLDER,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-5000:]
    assert not re.search(r"# tests 0$", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize("missing", sorted(RIGHT))
def test_a_missing_setting_is_named_in_one_line(portal_build: Path, missing: str) -> None:
    settings = {name: value for name, value in RIGHT.items() if name != missing}
    assert _end(portal_build, settings) == [missing]


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_a_wrong_setting_is_named_in_one_line(portal_build: Path, wrong: str) -> None:
    assert _end(portal_build, RIGHT | {wrong: WRONG[wrong]}) == [wrong]


def test_all_wrong_settings_are_named_at_once(portal_build: Path) -> None:
    assert sorted(_end(portal_build, WRONG)) == sorted(WRONG)


def test_a_brand_file_that_cannot_be_read_is_named_in_one_line(portal_build: Path) -> None:
    (line,) = _lines(portal_build, RIGHT | {"PORTAL_BRAND": "/nowhere/brand.json"})
    assert "/nowhere/brand.json" in line


def _end(built: Path, settings: dict[str, str]) -> list[str]:
    """Start the portal, which ends at once. Return the settings that its lines name."""
    return [line.split()[1] for line in _lines(built, settings)]


def _lines(built: Path, settings: dict[str, str]) -> list[str]:
    ended = subprocess.run(
        ["node", str(built / "server.js")],
        env=environment(PORT=str(free_port()), **settings),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1, ended.stderr
    lines = ended.stderr.splitlines()
    assert all(line.startswith("portal: ") for line in lines), ended.stderr
    assert "hunter2" not in ended.stderr
    return lines
