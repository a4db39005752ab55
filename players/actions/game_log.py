"""Lines of a game server's own log, mirrored as audit events."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, record
from players.models import Player


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a game's log. `user_id`: the person it concerns, if the game names one."""

    id: str
    at: dt.datetime
    kind: str
    text: str
    user_id: int | None = None


def store_log_lines(experience: str, lines: Sequence[LogLine]) -> int:
    """Store the new lines as one audit event; return their number.

    A line may name anybody, so its text is stored as a personal value of the player or of the
    experience.
    """
    with transaction.atomic():
        fresh = _remember(experience, [line.id for line in lines])
        new = [line for line in {line.id: line for line in lines}.values() if line.id in fresh]
        if new:
            _record(experience, new)
        return len(new)


def _record(experience: str, lines: Sequence[LogLine]) -> None:
    user_ids = {line.user_id for line in lines if line.user_id}
    known = Player.objects.filter(user_id__in=user_ids, erased_at=None)
    subjects = {player.user_id: player.subject for player in known}
    record(
        Action.GAME_REPORTED,
        actor=Actor("experience", experience, experience),
        experience=experience,
        details={
            "lines": len(lines),
            "kinds": [line.kind for line in lines],
            "at": [line.at.astimezone(dt.UTC).isoformat() for line in lines],
        },
        personal={
            f"line.{number}": (subjects.get(line.user_id or 0, f"log:{experience}"), line.text)
            for number, line in enumerate(lines)
        },
    )


def _remember(experience: str, ids: Sequence[str]) -> set[str]:
    """Store these ids; return those that were not stored before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO game_commands (experience, command, answer)"
            " SELECT %s, 'line:' || id, '{}' FROM unnest(%s::text[]) AS id ORDER BY id"
            " ON CONFLICT DO NOTHING RETURNING substr(command, 6)",
            [experience, list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}
