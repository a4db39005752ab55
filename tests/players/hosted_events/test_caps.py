"""Caps of games and of hosted events are one: per experience, UTC day and ISO week."""

import datetime as dt
from collections.abc import Callable

from django.utils import timezone

from audits.models import AuditEvent
from players.actions import undo
from players.hosted_events.spent import spent
from players.models import HostedEvent, Player
from players.moderation.actors import officer
from players.moderation.command import Command
from tests.players.conftest import Game
from tests.players.hosted_events.conftest import HOST, Training


def told(training: Training, user_id: int) -> tuple[float, float]:
    """Return what a joining game is told that hosted events hold of its caps."""
    answer = training.client.get(f"/roblox/players/{user_id}").json()["hosted"]
    return float(answer["today"]), float(answer["thisWeek"])


def test_a_game_is_told_what_hosted_events_hold(training: Training) -> None:
    training.run(1, 2)
    assert told(training, 1) == (0, 0)
    event = training.award().event
    assert event is not None
    assert [told(training, one) for one in (1, HOST, 3)] == [(15, 15), (15, 15), (0, 0)]
    assert told(training, 4040) == (0, 0)  # nobody knows them
    player = Player.objects.get(user_id=1).pk
    tomorrow = timezone.now() + dt.timedelta(days=1)
    same_week = tomorrow.isocalendar().week == timezone.now().isocalendar().week
    later = spent([player], "nexus", tomorrow)
    assert later == ({player: (0, 15_00)} if same_week else {})
    undo.revert(event, Command(by=officer(HOST), reason="wrong list", now=timezone.now()))
    assert told(training, 1) == (0, 0)


def test_only_events_of_the_same_experience_use_its_cap(
    training: Training, began: Callable[..., Training], game: Game
) -> None:
    training.run(1, 2)
    training.award()
    HostedEvent.objects.filter(pk=training.event.pk).update(experience="training_site")
    assert told(training, 1) == (0, 0)
    game.send(game.event(1, awarded=490, total=490, type="training", magnitude=40))
    second = began()
    second.run(1, 2)
    second.award()
    assert [told(second, one)[0] for one in (1, 2)] == [10, 15]
    assert AuditEvent.objects.filter(action="hosted_event.awarded").count() == 2
