"""Play a month in a database of its own, and check what it left: python -m bench.month_run.

`make demo` starts it. PostgreSQL and Valkey run below `month` in the state folder.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from common.environment import BASE_DIR, STATE_DIR
from devserver.state import State, keep_private

if TYPE_CHECKING:
    from bench.month import Month
    from bench.month_checks import Place

DATABASE = "month"
SHOWN = 20  # errors
console = Console()


def start(members: int, seed: int) -> int:
    """Run this module with its own servers. Returns its exit code."""
    state = State.at(STATE_DIR / "month")
    command = [
        *(sys.executable, "-m", "devserver", f"--state={state.folder}", "run", "--"),
        *(sys.executable, "-m", "bench.month_run", f"--members={members}", f"--seed={seed}"),
    ]
    own = {"GRPS_STATE": str(state.folder), "LOG_LEVEL": "ERROR"}
    own |= {"THROTTLE_WRITE_PER_MINUTE": "0", "DJANGO_SETTINGS_MODULE": "grps_site.settings"}
    return subprocess.run(command, cwd=BASE_DIR, env={**os.environ, **own}).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.month_run", description=__doc__)
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    keep_private()
    _create_database()
    django.setup()
    started = time.monotonic()
    with console.status(f"Playing a month of {options.members:,} members …"):
        month, places = _play(options.members, options.seed)
    return _report(month, places, time.monotonic() - started)


def _create_database() -> None:
    """Create an empty database, and name it in the environment."""
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as server:
        name = sql.Identifier(DATABASE)
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    os.environ["DATABASE_URL"] = url._replace(path=f"/{DATABASE}").geturl()
    os.environ.pop("DATABASE_APPLICATION_URL", None)
    (STATE_DIR / "seals.jsonl").unlink(missing_ok=True)
    os.environ["AUDIT_SEAL_FILE"] = str(STATE_DIR / "seals.jsonl")


def _play(members: int, seed: int) -> "tuple[Month, list[Place]]":
    from django.core.management import call_command
    from django.test import override_settings

    from bench.month_checks import check
    from bench.month_stage import Stage
    from syncs.membership import first_contact
    from tests import discord_world, roblox_world

    call_command("migrate", verbosity=0)
    os.environ.update(roblox_world.VARIABLES)
    with ExitStack() as stack:
        roblox = stack.enter_context(roblox_world.emulated())
        discord = stack.enter_context(discord_world.emulated())
        roblox.begin()
        discord.begin()
        stack.enter_context(override_settings(**roblox.settings, **discord.settings))
        call_command("bootstrap", "--quiet")
        first_contact.register(roblox_world.GROUP)
        stage = Stage(roblox, discord)
        month = stage.play(members, seed)
        portal = stack.enter_context(_portal())
        return month, check(month, stage, portal)


@contextmanager
def _portal() -> Iterator[psycopg.Connection[Any]]:
    """Connect with the portal's role, which reads the schema `portal` alone."""
    from grps_site.ops import portal_role

    password = secrets.token_urlsafe(18)
    portal_role.ensure(password)
    url = urlsplit(os.environ["DATABASE_URL"])
    place = f"{portal_role.NAME}:{password}@{url.hostname}:{url.port}"
    with psycopg.connect(url._replace(netloc=place).geturl(), autocommit=True) as connection:
        yield connection


def _report(month: "Month", places: "list[Place]", seconds: float) -> int:
    from bench.month_checks import sentences

    title = f"A month of {len(month.members):,} members, played in {seconds:.0f} s"
    table = Table("place", "compared", "wrong", title=title)
    for place in places:
        table.add_row(place.name, f"{place.compared:,}", f"{len(place.errors):,}")
    console.print(table)
    errors = list(sentences(places))
    for line in errors[:SHOWN]:
        console.print(line, style="red")
    if errors:
        return 1
    leaves = sum(map(len, month.expected.leaves.values()))
    events = sum(sum(days.values()) for days in month.expected.hosted.values())
    console.print(
        f"{events} events, {leaves} leaves, quotas and ranks are right in all five places; {month.lost}"
        " lost events came from the data store.",
        style="green",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
