"""Active minutes of a key in quarantine count once it is released, and never twice."""

import pytest

from common import database_clock
from players.activity import queries
from players.models import Player, Quarantine
from tests.console.quarantines.conftest import Decide
from tests.console.quarantines.test_quarantine import lies
from tests.players.activity.test_minutes import report, send
from tests.players.conftest import Game

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("verb", "counted"), [("release", 5), ("discard", 2)])
def test_minutes_in_quarantine_count_once_released(
    game: Game, thief: Game, decide: Decide, verb: str, counted: int
) -> None:
    today = str(database_clock.now().date())
    send(game, report(1, 2, day=today))
    thief.send(*lies(thief))
    send(thief, report(1, 1, day=today), report(2, 3, day=today))
    assert Quarantine.objects.get().status == "open"
    assert minutes() == 2
    decide(verb)
    assert minutes() == counted  # of one session the higher number, and the other session
    send(thief if verb == "discard" else game, report(1, 2, day=today))
    assert minutes() == counted


def minutes() -> int:
    player, day = Player.objects.get(user_id=1), database_clock.now().date()
    return queries.weeks(player.pk, day, 1)[0].minutes
