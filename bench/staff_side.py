"""What staff do on the demo's day, so that the console has a queue to handle."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from django.utils import timezone

CASES = 6  # players whom officers in the game deal with
Ask = Callable[[str, int], dict[str, Any]]


def play(ready: dict[str, Any], officers: list[int], players: list[int]) -> list[str]:
    """Play it; what did not come out as it should, in sentences. Each player is dealt with once."""
    experience = ready["experiences"][0]
    headers = {"x-grps-api-key": experience["apiKey"]}
    with httpx.Client(base_url=ready["url"], headers=headers, timeout=30) as game:

        def command(kind: str, user_id: int) -> dict[str, Any]:
            body = {"id": f"demo-{kind}-{user_id}", "actorUserId": officers[0], "userId": user_id, "kind": kind}
            body |= {"reason": "Seen by three people", "occurredAt": dt.datetime.now(dt.UTC).isoformat()}
            answer = game.post("/roblox/sanctions", json=body)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

        return list(_day(command, players))


def _day(command: Ask, players: list[int]) -> Iterator[str]:
    from players import appeals
    from players.models import Sanction
    from players.staff import Refused

    for user_id in players[:CASES]:
        for _ in range(2):  # the second time is a repeat: the game's request was cut off
            if (said := command("warn", user_id))["status"] != "applied":
                yield f"warning {user_id} in the game: {said['detail']}"
    case = Sanction.objects.filter(player__user_id=players[0], kind="warning", lifted_at=None).first()
    if case is None:
        yield f"the warning of {players[0]} is not there"
        return
    try:
        appeals.open_(players[0], case.pk, "I was in another round; the clip shows somebody else.", now=timezone.now())
        command("suspend", players[1])
        _ask_for_more(players)
    except Refused as refusal:
        yield f"a staff member was refused: {refusal}"


def _ask_for_more(players: list[int]) -> None:
    """What waits for a second person: a ban, a rank, points past a limit."""
    from audits.record import Actor
    from players import discipline, notes, officers
    from players.staff import Staff

    by, now = Staff(Actor("staff", "demo", "Dana of the demo", "staff:demo"), rank=None), timezone.now()
    discipline.ban(players[2], by=by, reason="Exploiting: flew over the map", now=now)
    officers.propose(players[3], "Tempest Major", by=by, reason="Led four trainings this week", now=now)
    notes.write(players[4], "Asked for a rank twice; polite when told no.", by=by, now=now)
