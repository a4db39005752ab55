"""What staff do on the demo's day: officers in the chat of the games, others in the console, who
leave a queue.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from players.moderation.actors import Staff

WARNED = 6  # players whom officers in the game deal with


def alone() -> "Staff":
    """Somebody who needs no second person."""
    from audits.record import Actor
    from players.moderation.actors import Staff

    return Staff(Actor("system", "demo", "demo"), rank=None, alone=True)


def orders(officers: Sequence[int], players: Sequence[int]) -> list[tuple[int, str]]:
    """Who says what in the chat: the officer's user id and the words."""
    colonel, general, marshal, admiral = officers
    some = players[20 : 20 + WARNED]
    said = [(colonel, f"/grps warn {user_id} Seen by three people") for user_id in some]
    said.append((general, f"/grps suspend {some[1]} 7d Under investigation"))
    said.append((marshal, f"/grps adjust {some[2]} 12.5 Won the finals"))
    said.append((marshal, f"/grps note {some[3]} Polite when told no"))
    said.append((admiral, f"/grps ban {some[4]} perm Exploiting: flew over the map"))
    said.append((admiral, f"/grps rank {some[5]} Tempest Major Led four trainings this week"))
    return said


def check(players: Sequence[int]) -> list[str]:
    """What officers said came in once each, however often it had to be said."""
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
    """An appeal, and what waits for a second person; what did not come out as it should, in
    sentences.
    """
    from common.errors import Refused

    try:
        return list(_ask_for_more(players[20 : 20 + WARNED]))
    except Refused as refusal:
        return [f"a staff member was refused: {refusal}"]


def _ask_for_more(players: Sequence[int]) -> Iterator[str]:
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
