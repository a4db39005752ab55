"""Commands of moderators that a key brings: counted by the guard, and held undone while the key is
in quarantine.
"""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F

from players.models import GameCommand, Quarantine
from players.quarantines import detection, isolation
from players.quarantines.detection import Source, Tally, Tripped

ANSWER = "Nothing is done yet: this experience's key brings too much, so its commands wait for the owners."
# Beyond this nothing moves without a second person, so that one slip of an officer puts no key into
# quarantine.
MOST_OF_ONE = 1_000_00  # hundredths


def count(source: Source, command: str, amount: int, now: dt.datetime) -> None:
    """Count a command that is new (`amount`: hundredths that it asks for), in a transaction of its
    own.
    """
    if GameCommand.objects.filter(experience=source.experience, command=command).exists():
        return
    if isolation.standing(source).held is not None:
        return
    try:
        with transaction.atomic():
            detection.note(source, Tally(acts=1, adjusted=min(abs(amount), MOST_OF_ONE)), now)
    except Tripped as tripped:
        detection.open_quarantine(source, tripped.cause, now)


def hold(row: GameCommand, source: Source, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Keep a command until the owners decide, and say what is answered; None where its key is in no
    quarantine.
    """
    found = isolation.standing(source).held
    if found is None or not isolation.lock(found):
        return None
    row.quarantine_id, row.asked = found, asked
    Quarantine.objects.filter(pk=found).update(acts=F("acts") + 1)
    return {"status": "held", "detail": ANSWER, "sanction": None}
