"""A player's public pages reveal no sanction, neither by a missing part nor by their timing."""

import datetime as dt
import itertools
import json
import re
from typing import Any

from django.test import Client
from django.utils import timezone

from grps_site.http import docs, openapi_health
from players.discipline import sanctions
from players.models import Player
from players.moderation.command import Command
from tests.players.conftest import OWNER, Game, game  # noqa: F401 - a fixture

ASKED = itertools.count()
# Bytes of an image, and pages without any player.
ELSEWHERE = {"/players/1/avatar", "/periods", *openapi_health.PATHS}


PATHS = (
    "/leaderboard/top",
    "/leaderboard/top?by=kos",
    "/leaderboard/top?period=week",
    "/leaderboard/top?rank=initiate",
    "/leaderboard/records",
    "/leaderboard/around/1",
    "/players/1",
    "/players/1/history",
    "/players/1/series",
    "/players/1/promotions",
    "/players/1/hosted-events",
    "/hosted-events",
    "/players?search=player",
    "/players?search=1",
    "/promotions",
    "/ranks",
    "/stats",
    "/policy",
    "/policy/changes",
)
# Parts of words that no public answer holds.
WORDS = ("sanction", "warn", "ban", "suspen", "demot", "punish", "note", "appeal")
# They move with every read.
MOMENTS = re.compile(rb'"(asOf|expectedAt)":"[^"]*"')


def seen() -> dict[str, Any]:
    """Return every public answer, without the moments at which they were true."""
    bodies = {}
    for path in PATHS:
        # A new address, so that no cache answers.
        asked = f"{path}{'&' if '?' in path else '?'}now={next(ASKED)}"
        answer = Client().get(asked)
        assert answer.status_code == 200, path
        bodies[path] = json.loads(MOMENTS.sub(b'"asOf":""', answer.content))
    return bodies


def suspend() -> None:
    until = timezone.now() + dt.timedelta(days=3)
    sanctions.suspend(1, Command(by=OWNER, reason="spam", now=timezone.now()), until=until)


def test_a_suspension_moves_no_public_time_and_no_public_rank(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    assert Player.objects.get().rank.is_punishment
    assert seen() == before


def test_awards_of_nothing_while_suspended_are_not_public(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    game.send(game.event(sequence=2, awarded=0, total=15))
    assert seen() == before


def test_the_end_of_a_suspension_moves_nothing_either(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    sanctions.lift(1, Command(by=OWNER, reason="served", now=timezone.now()))
    assert seen() == before


def test_what_is_earned_is_public_with_its_time(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    game.send(game.event(sequence=2, total=30))
    after = seen()
    past, now = (body["/leaderboard/top"]["lastSyncedAt"] for body in (before, after))
    assert now > past
    assert [row["awarded"] for row in after["/players/1/history"]["entries"]] == [15, 15]


def test_every_public_path_is_looked_at() -> None:
    """A new public path must be added to PATHS."""
    documented = json.loads(docs.document())["paths"]
    public = {
        path.replace("{user_id}", "1")
        for path, methods in documented.items()
        if "get" in methods and not methods["get"].get("security") and "{token}" not in path
    }
    assert public - ELSEWHERE == {path.partition("?")[0] for path in PATHS}


def test_no_public_answer_holds_a_disciplinary_word(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    suspend()
    sanctions.warn(1, Command(by=OWNER, reason="spam", now=timezone.now()))
    text = json.dumps(seen()).lower()
    assert [word for word in WORDS if word in text] == []
