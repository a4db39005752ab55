from io import StringIO
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.management import call_command

from audits.chain.sealing import seal_pending
from tests.players.conftest import Game


@pytest.fixture
def identity(settings: Any, tmp_path: Path) -> Path:
    """Configure a recipient and a destination, and return the file of the private key."""
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n{key}\n")
    settings.BACKUP_RECIPIENTS = [str(key.to_public())]
    settings.BACKUP_DESTINATION = str(tmp_path / "backups")
    settings.BACKUP_IDENTITY = str(file)
    return file


@pytest.fixture
def community(transactional_db: None, bootstrapped: None, api_key: str) -> Game:
    """Make a community with three players, under one seal, and return its game server."""
    game = Game(api_key)
    game.send(*(game.event(user_id) for user_id in (1, 2, 3)))
    assert seal_pending() is not None
    return game


def backup(act: str, *arguments: str) -> str:
    out = StringIO()
    call_command("backup", act, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def only_file(folder: str) -> Path:
    """Return the only file of a folder. A draft that was left behind would be another one."""
    (found,) = Path(folder).iterdir()
    return found
