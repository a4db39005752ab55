"""An erased player is gone from pages and from what the portal keeps for bad times."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from common.environment import BASE_DIR
from tests.portal.conftest import WEBHOOK_SECRET, Ground, Portal, settings_of

PATIENCE = 60.0  # seconds
USER_ID, NAME = 777_000_777, "Vanishing_Nia"
PAGES = ("/leaderboard", f"/players/{USER_ID}")

JOIN = f"""
from django.utils import timezone
from players.models import Player
from players.points import event_parser, ingestion
import json
now = timezone.now()
event = dict(userId={USER_ID}, username={NAME!r}, session=1, sequence=1, type="training",
             awarded=15, total=15, occurredAt=now.isoformat())
body = dict(server=dict(placeId=1, jobId="a job"), events=[event])
ingestion.ingest("nexus", event_parser.parse(json.dumps(body).encode(), now), now=now)
Player.objects.filter(user_id={USER_ID}).update(adjusted=5_000_000)
"""
ERASE = f"""
from django.utils import timezone
from players.moderation.actors import at_the_shell
from players.privacy import erasure
erasure.erase({USER_ID}, by=at_the_shell(), reason="They asked for it.", now=timezone.now())
"""


def _run(ground: Ground, script: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", script],
        cwd=BASE_DIR,
        env=os.environ | {"DATABASE_URL": ground.owner_url},
        check=True,
    )


def _until(portal: Portal, path: str, *, shows: bool) -> None:
    deadline = time.monotonic() + PATIENCE
    while (NAME in portal.http.get(path).text) is not shows:
        assert time.monotonic() < deadline, path
        time.sleep(0.3)


def _kept(folder: Path) -> str:
    return "".join(file.read_text() for file in (folder / "snapshot").glob("*.json"))


@pytest.mark.parametrize("told", [True, False], ids=["by the webhook", "by the sources alone"])
def test_an_erased_player_is_gone(
    ground: Ground, start_portal: Callable[..., Portal], tmp_path: Path, told: bool
) -> None:
    _run(ground, JOIN)
    portal = start_portal(**settings_of(ground, PORTAL_STATE=str(tmp_path)))
    for path in PAGES:
        _until(portal, path, shows=True)
    deadline = time.monotonic() + PATIENCE
    while NAME not in _kept(tmp_path):
        assert time.monotonic() < deadline, "no snapshot holds the player"
        time.sleep(0.3)
    _run(ground, ERASE)
    if told:
        _tell(portal)
        assert NAME not in _kept(tmp_path)
    for path in PAGES:
        _until(portal, path, shows=False)
    deadline = time.monotonic() + 2 * PATIENCE
    while NAME in _kept(tmp_path):
        assert time.monotonic() < deadline, "the snapshot still holds the player"
        time.sleep(0.5)
    portal.stop()
    away = settings_of(
        ground,
        PORTAL_STATE=str(tmp_path),
        DATABASE_URL="postgresql://nobody:none@127.0.0.1:9/grps",
        NEXT_PUBLIC_AUTOMATION_BASE_URL="http://127.0.0.1:9",
    )
    later = start_portal(**away)
    for path in PAGES:
        assert NAME not in later.http.get(path).text
    later.stop()


def _tell(portal: Portal) -> None:
    """Send the event as Django does."""
    now = dt.datetime.now(dt.UTC)
    body = json.dumps({"type": "player.erased", "data": {"userId": str(USER_ID)}})
    signature = Webhook(WEBHOOK_SECRET).sign("msg_1", now, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    assert portal.http.post("/api/hooks/grps", content=body, headers=headers).status_code == 204
    refused = portal.http.post("/api/hooks/grps", content=body + " ", headers=headers)
    assert refused.status_code == 401
