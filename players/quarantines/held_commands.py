"""Count the moderator commands that a key sends, and hold them while the key is in quarantine."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F

from players.models import GameCommand, Quarantine
from players.quarantines import detection, isolation
from players.quarantines.detection import BatchTally, Source, Tripped

ANSWER = "Nothing is done yet: this experience's key brings too much, so its commands wait for the owners."
# One command counts for at most this amount, so that one typing error of an officer does not
# quarantine a key. Larger amounts need a second person anyway.
MOST_OF_ONE = 1_000_00  # hundredths


def count(source: Source, command: str, amount: int, now: dt.datetime) -> None:
    """Count a new command in a transaction of its own. `amount`: the hundredths that it requests."""
    if GameCommand.objects.filter(experience=source.experience, command=command).exists():
        return
    if isolation.standing(source).held is not None:
        return
    try:
        with transaction.atomic():
            detection.note(source, BatchTally(acts=1, adjusted=min(abs(amount), MOST_OF_ONE)), now)
    except Tripped as tripped:
        detection.open_quarantine(source, tripped.cause, now)


def hold(row: GameCommand, source: Source, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Hold a command until the owners decide and return the answer, or None outside a quarantine."""
    found = isolation.standing(source).held
    if found is None or not isolation.lock(found):
        return None
    row.quarantine_id, row.asked = found, asked
    Quarantine.objects.filter(pk=found).update(acts=F("acts") + 1)
    return {"status": "held", "detail": ANSWER, "sanction": None}
