"""Imports in tests: a file as lines, and the run of an import to its next stop."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from players.imports import lifecycle, name_resolution, runner
from players.imports.files import ImportFile
from players.imports.lifecycle import IMPORTS, ImportRequest
from players.models import Import, Player
from players.moderation.actors import Staff, at_the_shell
from roblox.accounts import Account
from tests.players.mass_adjustments.conftest import make_people

OWNER = at_the_shell()
KNOWN = {"alva": 11, "bruno": 12, "cora_new": 13}
FORMER = {"cora": 13}


@pytest.fixture
def people(bootstrapped: None) -> Callable[..., None]:
    return make_people


@pytest.fixture(autouse=True)
def roblox_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer questions about names as Roblox does, former names included."""
    names = {user_id: name for name, user_id in KNOWN.items()}

    def by_name(asked: list[str]) -> dict[str, Account]:
        found = {name: {**KNOWN, **FORMER}.get(name) for name in asked}
        return {
            name: Account(user_id, names[user_id], "", name)
            for name, user_id in found.items()
            if user_id
        }

    def by_id(asked: list[int]) -> dict[int, Account]:
        known = (one for one in asked if one < 1_000_000)
        return {one: Account(one, names.get(one, f"citizen_{one}")) for one in known}

    monkeypatch.setattr(name_resolution.accounts, "by_name", by_name)
    monkeypatch.setattr(name_resolution.accounts, "by_id", by_id)


def begun(
    *lines: str, name: str = "old.csv", by: Staff = OWNER, given: dict[str, str] | None = None
) -> Import:
    """Store the lines as a file of that name."""
    stream = io.BytesIO("\n".join(lines).encode())
    source = ImportFile(stream, name, timezone.now(), given or {})
    request = ImportRequest("nexus", by, "we move in", timezone.now())
    return lifecycle.begin_file(request, source.rows())


def previewed(*lines: str, **options: Any) -> Import:
    job = begun(*lines, **options)
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def applied(job: Import, by: Staff = OWNER) -> Import:
    IMPORTS.start(job.pk, by=by, now=timezone.now())
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def undone(job: Import) -> Import:
    back = lifecycle.preview_undo(job.pk, by=OWNER, reason="a mistake", now=timezone.now())
    runner.run(back.pk)
    return applied(back)


def notes(job: Import) -> Iterator[tuple[int, str, str]]:
    yield from job.lines.order_by("line").values_list("line", "status", "note")


def player(user_id: int) -> Player:
    return Player.objects.select_related("rank").get(user_id=user_id)
