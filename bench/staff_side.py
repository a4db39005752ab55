"""Staff of the demo: officers' commands in the game's chat, and requests that wait in the queue."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from players.moderation.actors import Staff

WARNED = 6  # players warned by officers in the game


def demo_operator() -> "Staff":
    """Return an actor who needs no second person."""
    from audits.record import Actor
    from players.moderation.actors import Staff

    return Staff(Actor("system", "demo", "demo"), rank=None, bypasses_second_person=True)


def chat_commands(officers: Sequence[int], players: Sequence[int]) -> list[tuple[int, str]]:
    """Return the commands, each as the officer's user id and the text."""
    colonel, general, marshal, admiral = officers
    some = players[20 : 20 + WARNED]
    commands = [(colonel, f"/grps warn {user_id} Seen by three people") for user_id in some]
    commands.append((general, f"/grps suspend {some[1]} 7d Under investigation"))
    commands.append((marshal, f"/grps adjust {some[2]} 12.5 Won the finals"))
    commands.append((marshal, f"/grps note {some[3]} Polite when told no"))
    commands.append((admiral, f"/grps ban {some[4]} perm Exploiting: flew over the map"))
    commands.append((admiral, f"/grps rank {some[5]} Tempest Major Led four trainings this week"))
    return commands


def check(players: Sequence[int]) -> list[str]:
    """Check that each command was carried out once, however often it was sent.

    Returns errors as sentences.
    """
    return list(_check(players))


def _check(players: Sequence[int]) -> Iterator[str]:
    from players.models import Approval, LedgerEntry, Sanction

    some = players[20 : 20 + WARNED]
    for user_id in some:
        found = Sanction.objects.filter(
            player__user_id=user_id, kind="warning", source="game"
        ).count()
        if found != 1:
            yield f"player {user_id} was warned once in the game and has {found} warnings"
    if Sanction.objects.filter(player__user_id=some[1], kind="suspension").count() != 1:
        yield f"player {some[1]} was suspended in the game, and is not once"
    rewards = LedgerEntry.objects.filter(
        player__user_id=some[2], origin="console", awarded="12.5"
    ).count()
    if rewards != 1:
        yield f"player {some[2]} was given 12.5 points in the game {rewards} times"
    if not Approval.objects.filter(player__user_id=some[4]).exists():
        yield f"the ban of player {some[4]} asked for in the game waits for nobody"


def play(players: Sequence[int]) -> list[str]:
    """Open an appeal and request acts that need a second person. Returns errors as sentences."""
    from common.errors import Refused

    try:
        return list(_request_approvals(players[20 : 20 + WARNED]))
    except Refused as refusal:
        return [f"a staff member was refused: {refusal}"]


def _request_approvals(players: Sequence[int]) -> Iterator[str]:
    from audits.record import Actor
    from players.discipline import appeals, notes, sanctions
    from players.models import Sanction
    from players.moderation.actors import Staff
    from players.moderation.command import Command
    from players.ranks import decisions

    by, now = (
        Staff(Actor("staff", "demo", "Dana of the demo", "staff:demo"), rank=None),
        timezone.now(),
    )
    case = Sanction.objects.filter(
        player__user_id=players[0], kind="warning", lifted_at=None
    ).first()
    if case is None:
        yield f"the warning of {players[0]} is not there"
        return
    appeals.open_(
        players[0], case.code, "I was in another round; the clip shows somebody else.", now=now
    )
    sanctions.ban(players[2], Command(by=by, reason="Exploiting: flew over the map", now=now))
    decisions.propose(
        players[3], "Tempest Major", Command(by=by, reason="Led four trainings this week", now=now)
    )
    notes.write(players[4], "Asked for a rank twice; polite when told no.", Command(by=by, now=now))
